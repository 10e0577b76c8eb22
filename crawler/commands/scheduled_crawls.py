"""The worker without paths: crawls the sources of the catalog, each when it is due, several at once.

The store is the truth of what is due, so that any number of workers share it: APScheduler wakes a source at its time,
whoever gets its turn (a lease) starts the crawl, and what another worker began in the meantime is no longer due.
"""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.date import DateTrigger

from catalog.errors import ModeldexError, WriterBusy
from catalog.records.objects import SourceId
from catalog.records.sources import SourceRow, SourceState
from catalog.settings import Settings
from crawler.commands.worker import DRAIN_SECONDS, STOP_SECONDS, Worker
from crawler.schedule import AT_ONCE, Interval, due_at, schedule_of

if TYPE_CHECKING:
    from catalog.store import Store

TICK_SECONDS = 1.0
REST_AFTER_BUSY = timedelta(seconds=5)
"""How long a source is left alone whose turn another process has: a crawl of somebody who typed it, or a worker's."""
NOTHING = "there are no sources to crawl; add one with: modeldex sources add ADDRESS"
JOB = {"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
"""By default APScheduler drops a job that is more than a second late. Source: its user guide, "Missed job executions"."""

log = logging.getLogger(__name__)


class ScheduledWorker(Worker):
    """Looks every second at what is due. What was added, changed, disabled or asked for meanwhile counts at once."""

    def __init__(
        self, settings: Settings, *, every_seconds: float, at_once: int, quiet: bool = False
    ) -> None:
        super().__init__(settings, ())
        self._every = Interval(every_seconds)
        self._quiet = quiet
        self._scheduler = BackgroundScheduler(
            timezone=UTC, executors={"default": ThreadPoolExecutor(at_once)}, job_defaults=JOB
        )
        self._waiting: set[SourceId] = set()
        """Sources whose next crawl is planned, or under way here."""
        self._children: dict[SourceId, subprocess.Popen[bytes]] = {}
        self._starting = threading.Lock()
        self._attempted: dict[SourceId, datetime] = {}
        self._rests: dict[SourceId, datetime] = {}
        self._trouble: str | None = None

    def run(self, every_seconds: float = 0.0) -> None:  # noqa: ARG002 - each source has its own schedule
        """Until SIGTERM or Ctrl-C."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.stop())
        logging.getLogger("apscheduler").setLevel(logging.WARNING)
        self._scheduler.start()
        with ExitStack() as presence:
            drained, announced = time.monotonic(), False
            while not self._stop.wait(TICK_SECONDS):
                announced = announced or self._announce(presence)
                self._plan()
                if time.monotonic() - drained >= DRAIN_SECONDS:
                    self._drain()
                    drained = time.monotonic()
            self._end()
        log.info("worker stopped")

    def _announce(self, presence: ExitStack) -> bool:
        """Lets others see that there is a worker; tried again until the store can be opened."""
        try:
            presence.enter_context(presence.enter_context(self._open()).workers.announced())
        except ModeldexError as error:
            self._say_once(str(error))
            return False
        return True

    def _plan(self) -> None:
        """Each active source that is not under way here has one job, at the time at which it is due now."""
        try:
            with self._open() as store:
                rows = {row.id: row for row in store.sources.all() if row.state is SourceState.ACTIVE}
                due = self._due(rows, store.sources.last_started(), store.sources.asked(), datetime.now(UTC))
        except ModeldexError as error:
            self._say_once(str(error))
            return
        self._say_once(None if rows or self._quiet else NOTHING)
        for job in self._scheduler.get_jobs():
            if job.id not in rows:
                self._unplan(SourceId(job.id))
        for source, moment in due.items():
            self._plan_crawl(source, moment)

    def _due(
        self,
        rows: Mapping[SourceId, SourceRow],
        started: Mapping[SourceId, datetime],
        asked: Mapping[SourceId, datetime],
        now: datetime,
    ) -> dict[SourceId, datetime]:
        """When each source is due: by the start of the last run in the store, so that a worker that was away crawls once
        for all that it missed. What failed before its run began is tried again when it is next due or asked for.
        """
        due = {}
        for source, row in rows.items():
            attempted = self._attempted.get(source)
            moment = due_at(schedule_of(row, self._every), (started.get(source), attempted), now)
            wish = asked.get(source)
            if wish is not None and (attempted is None or wish > attempted):
                moment = min(moment, AT_ONCE)
            due[source] = max(moment, self._rests.get(source, AT_ONCE))
        return due

    def _plan_crawl(self, source: SourceId, moment: datetime) -> None:
        if source not in self._waiting:
            self._waiting.add(source)
            self._scheduler.add_job(self._take_turn, DateTrigger(moment), id=source, args=[source])
            return
        job = self._scheduler.get_job(source)
        if job is not None and job.next_run_time != moment:
            with suppress(JobLookupError):  # it began this very moment
                self._scheduler.reschedule_job(source, trigger=DateTrigger(moment))

    def _unplan(self, source: SourceId) -> None:
        with suppress(JobLookupError):
            self._scheduler.remove_job(source)
            self._waiting.discard(source)

    def _take_turn(self, source: SourceId) -> None:
        """In a thread of the scheduler: the crawl, if it is still due once this worker has the turn."""
        try:
            with self._open() as store, store.workers.turn(source):
                row = self._still_due(store, source)
                if row is None:
                    return
                started = self._attempted[source] = datetime.now(UTC)
                code = self._crawl_source(row)
                store.sources.give_up_asked(source, until=started)
            log.info("crawl ended source=%s exit_code=%s", label(row), code)
        except WriterBusy:
            self._rests[source] = datetime.now(UTC) + REST_AFTER_BUSY
        except ModeldexError as error:
            self._rests[source] = datetime.now(UTC) + REST_AFTER_BUSY
            log.warning("crawl not started source=%s reason=%s", source, error)
        finally:
            self._waiting.discard(source)

    def _still_due(self, store: Store, source: SourceId) -> SourceRow | None:
        """The source, unless it was crawled, disabled or removed since the crawl was planned. Raises WriterBusy."""
        rows = {row.id: row for row in store.sources.all() if row.id == source}
        now = datetime.now(UTC)
        due = self._due(rows, store.sources.last_started(), store.sources.asked(), now).get(source)
        if due is None or due > now or rows[source].state is not SourceState.ACTIVE:
            return None
        if store.workers.is_crawled(source):
            raise WriterBusy("a crawl")
        return rows[source]

    def _crawl_source(self, row: SourceRow) -> int | None:
        """The exit code of the crawl; None if the worker is ending and did not start it."""
        home = str(self._settings.home)
        command = [sys.executable, "-m", "catalog", "--home", home, "crawl", row.address]
        with self._starting:
            if self._stop.is_set():
                return None
            log.info("crawl started source=%s", label(row))
            output = subprocess.DEVNULL if self._quiet else None
            child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output)  # noqa: S603 - our own command, no shell
            self._children[row.id] = child
        try:
            return child.wait()
        finally:
            del self._children[row.id]

    def _end(self) -> None:
        """Each crawl puts its page away; one that takes too long is ended."""
        with self._starting:
            children = list(self._children.values())
        for child in children:
            if child.poll() is None:
                child.terminate()
        patience = time.monotonic() + STOP_SECONDS
        for child in children:
            try:
                child.wait(timeout=max(0.0, patience - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.kill()
        self._scheduler.shutdown(wait=True)

    def _open(self) -> Store:
        from catalog.store import open_store  # noqa: PLC0415 - SQLAlchemy takes 0.2 s that `--help` need not pay

        return open_store(self._settings, write=True)

    def _say_once(self, trouble: str | None) -> None:
        if trouble is not None and trouble != self._trouble:
            log.warning("%s", trouble)
        self._trouble = trouble


def label(row: SourceRow) -> str:
    """The source in a line of the log."""
    return row.definition.name or row.uri
