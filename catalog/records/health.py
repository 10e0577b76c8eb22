"""How each source stands, as far as the store knows."""

from __future__ import annotations

from datetime import datetime

from catalog.lazy_dataclasses import dataclass
from catalog.records.record import Run
from catalog.records.sources import SourceRow


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadFile:
    """A file that could not be read, and why. The name is for people."""

    key: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceHealth:
    """One source. `bytes` are those of its files at the end of `last_finished`; None if that was not counted.

    `last` is its newest run, whatever became of it; `last_complete` the newest that could read and list everything,
    `last_finished` the newest that looked at all of it. `events_waiting` are objects that events spoke of and nobody has
    looked at, the first of them for `event_lag_seconds`. `broken_off` counts the last runs in a row that came to no end.
    """

    row: SourceRow
    last: Run | None = None
    last_complete: Run | None = None
    last_finished: Run | None = None
    models: int = 0
    missing: int = 0
    bytes: int | None = None
    unread: tuple[UnreadFile, ...] = ()
    asked_at: datetime | None = None
    is_crawled: bool = False
    broken_off: int = 0
    events_waiting: int = 0
    event_lag_seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreHealth:
    """Every source, and how many workers run."""

    sources: tuple[SourceHealth, ...] = ()
    workers: int = 0
