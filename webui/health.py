"""What needs a person, and when each source is next due. Page, `/api/v1` and metrics tell it alike."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from catalog.errors import ModeldexError
from catalog.query.state import SearchState
from catalog.records import RunState
from catalog.records.health import SourceHealth, StoreHealth
from catalog.records.sources import SourceState
from crawler.schedule import AT_ONCE, Interval, due_at, schedule_of
from crawler.settings import WorkerSettings
from webui.reading import catalog, settings

NEEDS = (
    ("is:unreadable", "unreadable model", "unreadable models"),
    ("is:incomplete", "cut-off or incomplete model", "cut-off or incomplete models"),
    ("severity:critical,high", "model that is dangerous to load", "models that are dangerous to load"),
    ("is:missing", "missing model", "missing models"),
)
"""Queries whose models a person should look at, and what one and several of them are called."""
BAD_ENDS = frozenset({RunState.HELD, RunState.FAILED})
OVERDUE_SECONDS = 60
"""A worker looks every second; a source that waits so much longer has none, or all places are taken."""


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
    models: int | None
    state: SearchState

    @property
    def is_in_trouble(self) -> bool:
        """Whether its last run was held or failed."""
        return self.health.last is not None and self.health.last.state in BAD_ENDS


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
    late = moment is not None and (now - moment).total_seconds() > OVERDUE_SECONDS
    return DueSource(
        health=source,
        next_due=None if moment is None else max(moment, now),
        is_overdue=late and not source.is_crawled,
        models=_number(state),
        state=state,
    )


def next_due(source: SourceHealth, now: datetime) -> datetime | None:
    """When its next crawl begins, in the past if it is late; None for a source that no worker crawls by itself."""
    if source.asked_at is not None:
        return source.asked_at
    if source.row.state is not SourceState.ACTIVE:
        return None
    default = Interval(settings().section(WorkerSettings).every_seconds)
    began = source.last.started_at if source.last else None
    moment = due_at(schedule_of(source.row, default), (began,), now)
    return source.row.added_at or now if moment == AT_ONCE else moment


def _number(state: SearchState) -> int | None:
    try:
        return catalog().number(state)
    except ModeldexError:
        return None
