"""What needs a person, and when each source is next due. Page, `/api/v1` and metrics tell it alike."""

from __future__ import annotations

from datetime import UTC, datetime

from catalog.access.crawl_requests import accept_run
from catalog.errors import ModeldexError
from catalog.lazy_dataclasses import dataclass
from catalog.query.state import SearchState
from catalog.records import Run, RunState
from catalog.records.health import SourceHealth, StoreHealth
from catalog.records.sources import SourceState
from crawler.schedule import AT_ONCE, Interval, due_at, schedule_of
from crawler.settings import WorkerSettings
from webui.not_found import NotFoundHere
from webui.reading import catalog, note, settings

NEEDS = (
    ("is:unreadable", "unreadable model", "unreadable models"),
    ("is:incomplete", "cut-off or incomplete model", "cut-off or incomplete models"),
    ("severity:critical,high", "model that is dangerous to load", "models that are dangerous to load"),
    ("is:missing", "missing model", "missing models"),
)
"""Queries whose models a person should look at, and what one and several of them are called."""
BAD_ENDS = frozenset({RunState.HELD, RunState.FAILED})
MOST_DIGITS = 18
"""Of the number of a run: no database has longer ones."""
OVERDUE_SECONDS = 60
"""A worker looks every second; a source that waits so much longer has none, or all places are taken."""
FORGOTTEN_SECONDS = 3_600
"""A source that waits so long although workers run: their places are taken by crawls that do not end, or crawls of it break
down before they begin. Nothing else would tell.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """So many models that a person should look at; `state` is the search that finds exactly them."""

    number: int
    label: str
    state: SearchState


@dataclass(frozen=True, slots=True, kw_only=True)
class DueSource:
    """A source with the time at which it is next due (None: never by itself) and the models that a search of it finds."""

    health: SourceHealth
    next_due: datetime | None
    is_overdue: bool
    is_forgotten: bool
    models: int | None
    state: SearchState

    @property
    def is_in_trouble(self) -> bool:
        """Whether its last run failed, or was held and nobody has accepted it."""
        last = self.health.last
        return last is not None and last.state in BAD_ENDS and not last.accepted


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """All of it as it is now. `problem` says why something could not be had."""

    needs: tuple[Need, ...]
    sources: tuple[DueSource, ...]
    workers: int
    problem: str

    @property
    def lacks_worker(self) -> bool:
        """Whether something waits for a worker and none is there."""
        return not self.workers and any(source.is_overdue for source in self.sources)


def health() -> Health:
    """As the principal of this request sees it. What cannot be had is left out and said."""
    problem, stored = "", StoreHealth()
    try:
        stored = catalog().health()
    except ModeldexError as error:
        problem = error.public
    return Health(
        needs=needs(),
        sources=tuple(_due(source) for source in stored.sources),
        workers=stored.workers,
        problem=problem,
    )


def needs() -> tuple[Need, ...]:
    """Those of NEEDS of which there is at least one model; none while the engine cannot answer."""
    listed = []
    for text, single, several in NEEDS:
        state = SearchState(text=text)
        number = _number(state)
        if number:
            listed.append(Need(number=number, label=single if number == 1 else several, state=state))
    return tuple(listed)


def _due(source: SourceHealth) -> DueSource:
    now = datetime.now(UTC)
    moment = next_due(source, now)
    state = SearchState(selections={"source": (str(source.row.id),)})
    late_seconds = 0.0 if moment is None or source.is_crawled else (now - moment).total_seconds()
    return DueSource(
        health=source,
        next_due=None if moment is None else max(moment, now),
        is_overdue=late_seconds > OVERDUE_SECONDS,
        is_forgotten=late_seconds > FORGOTTEN_SECONDS,
        models=_number(state),
        state=state,
    )


def accept(number: str) -> Run:
    """The held run of this number, which who asks has accepted, as the audit tells. Raises NotFoundHere, NotAcceptable."""
    digits = number if number.isascii() and number.isdigit() and len(number) <= MOST_DIGITS else ""
    run = accept_run(settings(), int(digits)) if digits else None
    if run is None:
        raise NotFoundHere("There is no such run.")
    note("runs.accept", f"run {run.id}", after={"may_lose": run.accepted})
    return run


def next_due(source: SourceHealth, now: datetime) -> datetime | None:
    """When its next crawl begins, in the past if it is late; None for a source that no worker crawls by itself."""
    if source.asked_at is not None:
        return source.asked_at
    if source.row.state is not SourceState.ACTIVE:
        return None
    default = Interval(settings().section(WorkerSettings).every_seconds)
    began = source.last.started_at if source.last else None
    moment = due_at(schedule_of(source.row, default), (began,), now, broken_off=source.broken_off)
    return source.row.added_at or now if moment == AT_ONCE else moment


def _number(state: SearchState) -> int | None:
    try:
        return catalog().number(state)
    except ModeldexError:
        return None
