"""What crawls and events brought, and how the sources stand."""

from __future__ import annotations

from collections.abc import Mapping

from catalog.lazy_dataclasses import dataclass
from webui.api.responses.finding import CrawlAnswer


@dataclass(frozen=True, slots=True, kw_only=True)
class RunAnswer:
    """One crawl of one source."""

    id: int
    source: str
    state: str
    started_at: str
    finished_at: str | None
    counts: Mapping[str, int]
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexProblemAnswer:
    """How many models the index lacks for one reason; `final` when they are not tried again as they are."""

    models: int
    reason: str
    final: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusAnswer:
    """The answer of /api/runs. None for a number that cannot be had now."""

    runs: tuple[RunAnswer, ...]
    crawl: CrawlAnswer | None
    models: int | None
    indexed: int | None
    waiting: int | None
    engine: str
    engine_problem: str
    index_problems: tuple[IndexProblemAnswer, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadAnswer:
    """A file that could not be read, and why."""

    file: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceAnswer:
    """One source. `state` is active or disabled, `bytes` those of all its files (None: not counted yet), `unread` the
    first of `unread_count` files.
    """

    id: str
    name: str | None
    address: str
    state: str
    schedule: str | None
    running: bool
    asked_at: str | None
    next_due_at: str | None
    last_complete_at: str | None
    last_run: RunAnswer | None
    models: int | None
    missing: int
    bytes: int | None
    unread: tuple[UnreadAnswer, ...]
    unread_count: int
    events_waiting: int
    event_lag_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedAnswer:
    """So many models need a person; `query` finds exactly them."""

    models: int
    query: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcesAnswer:
    """The answer of /api/v1/sources. `problem` says what could not be had now; empty if all could."""

    sources: tuple[SourceAnswer, ...]
    needs: tuple[NeedAnswer, ...]
    workers: int
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunsAnswer:
    """The answer of /api/v1/runs: newest first."""

    runs: tuple[RunAnswer, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsAnswer:
    """The answer of a POST to /api/v1/events or one below it: of how many objects it speaks, and how many are of a source that is crawled."""

    objects: int
    kept: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedAnswer:
    """The answer of a POST to /api/v1/models: the model at its revision, and the fields that are other than before."""

    id: str
    url: str
    revision: int
    changed: tuple[str, ...]
