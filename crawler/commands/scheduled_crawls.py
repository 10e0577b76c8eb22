"""The worker: crawls the sources of the catalog, each when it is due, several at once.

Each crawl is a process of its own: a file that takes its reader down costs one crawl and not the worker. The store is the truth of what is due, so that any number of workers share it: APScheduler wakes a source at its time,
whoever gets its turn (a lease) starts the crawl, and what another worker began in the meantime is no longer due.
"""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.date import DateTrigger

from catalog import plugins
from catalog.errors import ModeldexError, WriterBusy, described
from catalog.lazy_dataclasses import dataclass, field
from catalog.records.objects import SourceId
from catalog.records.sources import SourceRow, SourceState
from catalog.settings import Settings
from catalog.store import INDEX, open_store
from catalog.store.standing import StandingStore
from crawler.commands.index_state import IndexState, bring_up_to_date
from crawler.schedule import AT_ONCE, Interval, due_at, schedule_of
from crawler.settings import EventSettings

if TYPE_CHECKING:
    from catalog.store import Store
    from crawler.registry import Registry
    from crawler.watching import DirectoryWatch

TICK_SECONDS = 1.0
NEWS, NEWS_SECONDS = "news", 3.0
STATEMENTS = "statements"
EVENTS, EVENT_SECONDS = "events", 0.2
"""How often is looked whether an event waits: what it speaks of is to be found within a second."""
LOOK_SECONDS = 60
"""An index may be lost, be that of another state of the store, or lack what one in another home took, with nothing waiting."""
QUEUE_REST_SECONDS = 10.0
EMPTY_REST_SECONDS = 1.0
"""A queue that does not wait for messages, whatever it is asked, would be asked without a pause while it is empty."""
DRAIN_SECONDS = 10.0
STOP_SECONDS = 10.0
"""How long a crawl may take to put its page away once the worker is told to stop."""

REST_AFTER_BUSY_SECONDS = 5.0
"""How long a source is left alone whose turn another process has: a crawl of somebody who typed it, or a worker's."""
NOTHING = "there are no sources to crawl; add one with: modeldex sources add ADDRESS"
JOB = {"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
"""By default APScheduler drops a job that is more than a second late. Source: its user guide, "Missed job executions"."""

log = logging.getLogger(__name__)


class Neighbour(Protocol):
    """Something that says more of models, as the hook of statements has it."""

    name: str
    every_seconds: float

    def read(self, store: Store) -> str:
        """Reads it, and what came of that. Raises ModeldexError."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What the store knows of the last runs of its sources, and of those that somebody asked for."""

    started: Mapping[SourceId, datetime] = field(default_factory=dict)
    asked: Mapping[SourceId, datetime] = field(default_factory=dict)
    broken_off: Mapping[SourceId, int] = field(default_factory=dict)

    @classmethod
    def of(cls, store: Store) -> Past:
        """A run that is under way somewhere is no broken one."""
        broken_off = {
            source: number
            for source, number in store.sources.broken_off().items()
            if not store.workers.is_crawled(source)
        }
        return cls(started=store.sources.last_started(), asked=store.sources.asked(), broken_off=broken_off)


class ScheduledWorker:
    """Looks every second at what is due. What was added, changed, disabled or asked for meanwhile counts at once.

    With `paths` it crawls these alone, and at once.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        paths: Sequence[str] = (),
        every_seconds: float,
        at_once: int,
        quiet: bool = False,
    ) -> None:
        self._settings = settings
        self._paths = paths
        self._only: set[SourceId] | None = None
        self._stop = threading.Event()
        self._every = Interval(every_seconds)
        self._quiet = quiet
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            executors={"default": ThreadPoolExecutor(at_once)},
            job_defaults=JOB,
        )
        self._waiting: set[SourceId] = set()
        """Sources whose next crawl is planned, or under way here."""
        self._children: dict[SourceId, subprocess.Popen[bytes]] = {}
        self._starting = threading.Lock()
        self._attempted: dict[SourceId, datetime] = {}
        self._rests: dict[SourceId, float] = {}
        """Until when a source is left alone, by the monotonic clock: the other one may be set back."""
        self._rounds: list[threading.Thread] = []
        self._trouble: str | None = None
        self._index_trouble: str | None = None
        self._look_at_index = 0.0
        """When the index is to be looked at with nothing waiting, too, by the monotonic clock."""
        self._watch: DirectoryWatch | None = None
        self._events = StandingStore(settings)
        self._registry: Registry | None = None
        self._reasons: dict[str, str | None] = {}
        """What is not done now, with why."""
        self._silent: dict[str, str | None] = {}
        """Webhooks with why they could not be reached the last time."""

    def stop(self) -> None:
        """Ends `run`."""
        self._stop.set()

    def run(self) -> None:
        """Until SIGTERM, SIGHUP or Ctrl-C."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, lambda *_: self.stop())
        logging.getLogger("apscheduler").setLevel(logging.ERROR)  # that a job is still under way is no news
        self._scheduler.start()
        self._repeat(EVENTS, EVENT_SECONDS, self._take_events)
        self._repeat(NEWS, NEWS_SECONDS, self._tell)
        queue = self._settings.section(EventSettings)
        if queue.watch:
            self._watch = self._watching()
        if queue.queue_url:
            threading.Thread(target=self._follow_queue, args=(queue,), name="queue", daemon=True).start()
        statements = plugins.load("hook", STATEMENTS)(self._settings)
        if statements:
            threading.Thread(
                target=self._read_statements, args=(statements,), name=STATEMENTS, daemon=True
            ).start()
        with ExitStack() as presence:
            drained, announced = time.monotonic(), False
            while not self._stop.wait(TICK_SECONDS):
                announced = announced or self._announce(presence)
                self._plan()
                if time.monotonic() - drained >= DRAIN_SECONDS:
                    self._drain()
                    drained = time.monotonic()
            self._end()
            if self._index_trouble is None:  # what the last crawl committed waits for nobody else
                self._drain()
        log.info("worker stopped")

    def _announce(self, presence: ExitStack) -> bool:
        """Lets others see that there is a worker; tried again until the store can be opened."""
        try:
            store = presence.enter_context(self._open())
            presence.enter_context(store.workers.announced())
            if self._paths:
                self._only = set(self._add_paths(store))
        except ModeldexError as error:
            self._say_once(str(error))
            return False
        return True

    def _add_paths(self, store: Store) -> Iterator[SourceId]:
        """The sources of the paths, which somebody wants crawled now."""
        from crawler.addresses import find_target, open_target  # noqa: PLC0415 - a worker of all sources opens none itself

        for path in self._paths:
            rows = store.sources.all()
            source, _ = open_target(find_target(path, rows), rows, self._settings)
            store.sources.crawled(source.id, source.uri)
            store.sources.ask(source.id)
            yield source.id

    def _plan(self) -> None:
        """Each active source that is not under way here has one job, at the time at which it is due now."""
        try:
            with self._open() as store:
                rows = {row.id: row for row in store.sources.all() if self._is_ours(row)}
                due = self._due(rows, Past.of(store), datetime.now(UTC))
        except ModeldexError as error:
            self._say_once(str(error))
            return
        self._say_once(None if rows or self._quiet else NOTHING)
        if self._watch is not None:
            self._watch.follow(rows.values())
        for job in self._scheduler.get_jobs():
            if job.id not in rows:
                self._unplan(SourceId(job.id))
        for source, moment in due.items():
            self._plan_crawl(source, moment)

    def _is_ours(self, row: SourceRow) -> bool:
        return row.state is SourceState.ACTIVE and (self._only is None or row.id in self._only)

    def _due(
        self,
        rows: Mapping[SourceId, SourceRow],
        past: Past,
        now: datetime,
    ) -> dict[SourceId, datetime]:
        """When each source is due: by the start of the last run in the store, so that a worker that was away crawls once
        for all that it missed, and goes on soon with what was broken off. What failed before its run began is tried again when it is next due or asked for.
        """
        due = {}
        for source, row in rows.items():
            attempted = self._attempted.get(source)
            begun = (past.started.get(source), attempted)
            moment = due_at(
                schedule_of(row, self._every), begun, now, broken_off=past.broken_off.get(source, 0)
            )
            if source in past.asked:
                moment = AT_ONCE
            rest = self._rests.get(source, 0.0) - time.monotonic()
            due[source] = max(moment, now + timedelta(seconds=rest)) if rest > 0 else moment
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
                wish = store.sources.asked().get(source)
                self._attempted[source] = datetime.now(UTC)
                code = self._crawl_source(row)
                if wish is not None and code is not None:
                    store.sources.give_up_asked(source, wish)
            log.info("crawl ended source=%s exit_code=%s", label(row), code)
        except WriterBusy:
            self._rests[source] = time.monotonic() + REST_AFTER_BUSY_SECONDS
        except ModeldexError as error:
            self._rests[source] = time.monotonic() + REST_AFTER_BUSY_SECONDS
            log.warning("crawl not started source=%s reason=%s", source, error)
        finally:
            self._waiting.discard(source)

    def _still_due(self, store: Store, source: SourceId) -> SourceRow | None:
        """The source, unless it was crawled, disabled or removed since the crawl was planned. Raises WriterBusy."""
        rows = {row.id: row for row in store.sources.all() if row.id == source}
        now = datetime.now(UTC)
        due = self._due(rows, Past.of(store), now).get(source)
        if due is None or due > now or not self._is_ours(rows[source]):
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

    def _watching(self) -> DirectoryWatch | None:
        """None, with the reason in the log, where its library is missing: crawls go on by schedule."""
        from crawler.watching import DirectoryWatch  # noqa: PLC0415 - most workers watch nothing

        try:
            return DirectoryWatch(without=[self._settings.home])
        except ModeldexError as error:
            log.warning("directories not watched reason=%s", error)
            return None

    def _end(self) -> None:
        """Each crawl puts its page away; one that takes too long is ended."""
        if self._watch is not None:
            self._watch.stop()
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
        for each in self._rounds:
            each.join()
        self._events.close()

    def _repeat(self, name: str, seconds: float, do: Callable[[], None]) -> None:
        """Does that so often, in a thread of its own until the worker ends. By the monotonic clock, which no scheduler of times
        goes by: one that is a year ahead and is set right would leave the next time a year away.
        """

        def rounds() -> None:
            while not self._stop.wait(seconds):
                try:
                    do()
                except Exception as error:  # noqa: BLE001 - a thread that dies silently would leave the rest undone for ever
                    self._warn_of(f"{name} failed", described(error))
                else:
                    self._warn_of(f"{name} failed", None)

        thread = threading.Thread(target=rounds, name=name, daemon=True)
        self._rounds.append(thread)
        thread.start()

    def _take_events(self) -> None:
        """Brings models up to date of which an event speaks, and the index right after."""
        try:
            with self._events.opened() as store:
                if self._watch is not None:
                    self._watch.flush(store)
                if store.event_hints.are_due() and self._take_waiting(store):
                    bring_up_to_date(self._settings, store)
        except ModeldexError as error:
            self._warn_of("events not taken", str(error))
        else:
            self._warn_of("events not taken", None)

    def _warn_of(self, what: str, reason: str | None) -> None:
        """Once for each reason, not five times a second of an outage that lasts an hour; None where all is well."""
        if reason is not None and reason != self._reasons.get(what):
            log.warning("%s reason=%s", what, reason)
        self._reasons[what] = reason

    def _take_waiting(self, store: Store) -> bool:
        """Whether a model is other than before."""
        from crawler.event_inbox import take_waiting  # noqa: PLC0415 - it opens sources, which the start need not wait for
        from crawler.registry import Registry  # noqa: PLC0415 - the same

        self._registry = self._registry or Registry.installed()
        return bool(take_waiting(store, self._settings, registry=self._registry).models)

    def _follow_queue(self, chosen: EventSettings) -> None:
        """In a thread of its own until the worker ends. A queue that does not answer is told of once, until it does."""
        from crawler.queue import take_batch  # noqa: PLC0415 - most workers follow none
        from crawler.queues.opening import open_queue  # noqa: PLC0415

        queue, trouble = None, None
        while not self._stop.is_set():
            try:
                queue = queue or open_queue(chosen)
                asked = time.monotonic()
                with self._open() as store:
                    received = take_batch(queue, store).received
                trouble = None
                if not received and time.monotonic() - asked < EMPTY_REST_SECONDS:
                    self._stop.wait(EMPTY_REST_SECONDS)
            except Exception as error:  # noqa: BLE001 - a thread that dies silently would leave the queue to fill for ever
                reason = described(error)
                if reason != trouble:
                    log.warning("queue not followed reason=%s", reason)
                trouble = reason
                self._stop.wait(QUEUE_REST_SECONDS)

    def _read_statements(self, neighbours: Sequence[Neighbour]) -> None:
        """In a thread of its own until the worker ends: what neighbours say of models is read, each when it is due. One that
        cannot be read is told of once, until it can; what it said before stands.
        """
        troubles: dict[str, str] = {}
        due = {neighbour.name: time.monotonic() for neighbour in neighbours}
        while not self._stop.wait(TICK_SECONDS):
            for neighbour in neighbours:
                if due[neighbour.name] > time.monotonic():
                    continue
                reason = self._read_statement(neighbour)
                if reason and reason != troubles.get(neighbour.name):
                    log.warning("%s not read reason=%s", neighbour.name, reason)
                troubles[neighbour.name] = reason
                due[neighbour.name] = time.monotonic() + neighbour.every_seconds

    def _read_statement(self, neighbour: Neighbour) -> str:
        """Why it could not be read; empty if it was, by this worker or by another one just now."""
        try:
            with self._open() as store, store.lease(f"{STATEMENTS}:{neighbour.name}"):
                log.info("%s read %s", neighbour.name, neighbour.read(store))
        except WriterBusy:
            return ""
        except Exception as error:  # noqa: BLE001 - it is one neighbour of several, in one thread
            return described(error)
        return ""

    def _tell(self) -> None:
        """Webhooks hear what is new. One that cannot be reached is told of once, until it is back."""
        try:
            with self._open() as store:
                deliveries = plugins.load("hook", NEWS)(self._settings, store, self._stop.is_set)
        except ModeldexError as error:
            self._warn_of("webhooks not told", str(error))
            return
        self._warn_of("webhooks not told", None)
        for name, delivery in deliveries.items():
            if delivery.problem is not None and delivery.problem != self._silent.get(name):
                log.warning(
                    "webhook not told name=%s waiting=%s reason=%s", name, delivery.waiting, delivery.problem
                )
            self._silent[name] = delivery.problem

    def _drain(self) -> None:
        """Write what still waits for the index. An engine that is away, or another writer, is no reason to end."""
        try:
            with self._open() as store:
                before = store.consumer(INDEX).size()
                if before or (time.monotonic() >= self._look_at_index and store.records.count()):
                    self._note(before, bring_up_to_date(self._settings, store))
                    self._look_at_index = time.monotonic() + LOOK_SECONDS
        except ModeldexError as error:
            self._warn(str(error))

    def _note(self, before: int, index: IndexState) -> None:
        if index.waiting < before:
            log.info("index brought up to date models=%s waiting=%s", before - index.waiting, index.waiting)
        if index.problem is None:
            self._index_trouble = None
        else:
            self._warn(index.problem, index.waiting)

    def _warn(self, reason: str, waiting: int | None = None) -> None:
        """Once, not every ten seconds of an outage that lasts an hour."""
        if reason != self._index_trouble:
            log.warning("index not brought up to date waiting=%s reason=%s", waiting, reason)
        self._index_trouble = reason

    def _open(self) -> Store:
        return open_store(self._settings, write=True)

    def _say_once(self, trouble: str | None) -> None:
        if trouble is not None and trouble != self._trouble:
            log.warning("%s", trouble)
        self._trouble = trouble


def label(row: SourceRow) -> str:
    """The source in a line of the log."""
    return row.definition.name or row.uri
