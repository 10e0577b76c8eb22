"""The worker without paths: crawls the sources of the catalog, each when it is due, several at once."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from catalog.errors import ModeldexError, UserError
from catalog.records.objects import SourceId
from catalog.records.sources import SourceRow, SourceState
from catalog.settings import Settings
from crawler.commands.worker import DRAIN_SECONDS, STOP_SECONDS, Worker
from crawler.schedule import Interval, Schedule, parse_schedule

TICK_SECONDS = 1.0
NOTHING = "there are no sources to crawl; add one with: modeldex sources add ADDRESS"

log = logging.getLogger(__name__)


class ScheduledWorker(Worker):
    """Looks every second at what is due. What was added, changed or disabled meanwhile counts at once."""

    def __init__(self, settings: Settings, *, every_seconds: float, at_once: int) -> None:
        super().__init__(settings, ())
        self._every = Interval(every_seconds)
        self._at_once = at_once
        self._children: dict[SourceId, tuple[SourceRow, subprocess.Popen[bytes]]] = {}
        self._attempted: dict[SourceId, datetime] = {}
        self._trouble: str | None = None

    def run(self, every_seconds: float = 0.0) -> None:  # noqa: ARG002 - each source has its own schedule
        """Until SIGTERM or Ctrl-C."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.stop())
        drained = time.monotonic()
        while not self._stop.wait(TICK_SECONDS):
            self._reap()
            self._start_due()
            if time.monotonic() - drained >= DRAIN_SECONDS:
                self._drain()
                drained = time.monotonic()
        self._end()
        log.info("worker stopped")

    def _start_due(self) -> None:
        try:
            rows, started = self._look()
            due = self._due(rows, started, datetime.now(UTC))
        except ModeldexError as error:
            self._say_once(str(error))
            return
        self._say_once(NOTHING if not rows else None)
        for row in due[: self._at_once - len(self._children)]:
            self._attempted[row.id] = datetime.now(UTC)
            command = [
                sys.executable,
                "-m",
                "catalog",
                "--home",
                str(self._settings.home),
                "crawl",
                row.address,
            ]
            log.info("crawl started source=%s", _label(row))
            self._children[row.id] = (row, subprocess.Popen(command))  # noqa: S603 - our own command, no shell

    def _look(self) -> tuple[list[SourceRow], Mapping[SourceId, datetime]]:
        from catalog.store import open_store  # noqa: PLC0415 - SQLAlchemy takes 0.2 s that `--help` need not pay

        with open_store(self._settings, write=False) as store:
            rows = [row for row in store.sources.all() if row.state is SourceState.ACTIVE]
            return rows, store.sources.last_started()

    def _due(
        self, rows: Iterable[SourceRow], started: Mapping[SourceId, datetime], now: datetime
    ) -> list[SourceRow]:
        """The rows that are due and not being crawled, the longest overdue first; one that never was is due at once.

        What counts is the start of the last run in the store, so that a worker that was away does not crawl twice for
        what it missed; a crawl that failed before its run began is tried again when the next one is due. A run that
        began in the future is of a clock that was wrong, and does not put off anything.
        """
        overdue: list[tuple[datetime, SourceRow]] = []
        for row in rows:
            known = (started.get(row.id), self._attempted.get(row.id))
            begun = [moment for moment in known if moment is not None and moment <= now]
            moment = self._schedule(row).following(max(begun)) if begun else datetime.min.replace(tzinfo=UTC)
            if moment <= now and row.id not in self._children:
                overdue.append((moment, row))
        return [row for _, row in sorted(overdue, key=lambda pair: (pair[0], pair[1].id))]

    def _schedule(self, row: SourceRow) -> Schedule:
        if row.definition.schedule is None:
            return self._every
        try:
            return parse_schedule(row.definition.schedule)
        except UserError as error:  # written by a newer version
            self._say_once(f"{_label(row)}: {error}")
            return self._every

    def _reap(self) -> None:
        for source, (row, child) in list(self._children.items()):
            code = child.poll()
            if code is not None:
                del self._children[source]
                log.info("crawl ended source=%s exit_code=%s", _label(row), code)

    def _end(self) -> None:
        """Each crawl puts its page away; one that takes too long is ended."""
        for _, child in self._children.values():
            if child.poll() is None:
                child.terminate()
        for _, child in self._children.values():
            try:
                child.wait(timeout=STOP_SECONDS)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()

    def _say_once(self, trouble: str | None) -> None:
        if trouble is not None and trouble != self._trouble:
            log.warning("%s", trouble)
        self._trouble = trouble


def _label(row: SourceRow) -> str:
    return row.definition.name or row.uri
