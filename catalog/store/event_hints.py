"""Objects that events speak of, kept until somebody has looked at them: whoever sent the event need not wait for that."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence

from sqlalchemy import ColumnElement, Engine, delete, func, select, update

from catalog.lazy_dataclasses import dataclass
from catalog.records import ObjectKey, SourceId
from catalog.store.database import WRITES_NOTHING, has_come, parts, upsert
from catalog.store.tables import event_hints

FIRST_RETRY_SECONDS, LONGEST_RETRY_SECONDS = 1.0, 300.0
MOST_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class WaitingEvents:
    """How many objects of a source are to be looked at, and since when (seconds of the epoch) the first of them is."""

    objects: int
    since: float


class EventHints:
    """The hints of all sources. The same object noted twice waits once."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def note(self, hints: Sequence[tuple[SourceId, ObjectKey]]) -> None:
        """When this returns, they are committed."""
        now = time.time()
        rows = [
            {
                "source": source,
                "key": os.fsencode(key),
                "noted_at": now,
                "first_at": now,
                "attempts": 0,
                "next_try": now,
            }
            for source, key in dict.fromkeys(hints)
        ]
        with self._engine.begin() as connection:
            # One that waits keeps the time since when it does, and is due at once: it may be another object by now.
            upsert(connection, event_hints, rows, update=("noted_at", "attempts", "next_try"))

    def due(self) -> dict[SourceId, dict[ObjectKey, float]]:
        """The objects to look at now, by source, with the time at which each was noted last; not more than one look takes."""
        statement = (
            select(event_hints)
            .where(_is_due(time.time()))
            .order_by(event_hints.c.first_at, event_hints.c.source, event_hints.c.key)
            .limit(MOST_AT_ONCE)
        )
        due: dict[SourceId, dict[ObjectKey, float]] = defaultdict(dict)
        with self._engine.connect() as connection:
            for row in connection.execute(statement):
                due[SourceId(row.source)][ObjectKey(os.fsdecode(row.key))] = row.noted_at
        return due

    def taken(self, source: SourceId, keys: Mapping[ObjectKey, float]) -> None:
        """These were looked at; one that was noted again since then stays."""
        with self._engine.begin() as connection:
            for key, noted_at in keys.items():
                chosen = (event_hints.c.source == source) & (event_hints.c.key == os.fsencode(key))
                connection.execute(delete(event_hints).where(chosen, event_hints.c.noted_at == noted_at))

    def put_off(self, source: SourceId, keys: Sequence[ObjectKey], *, seconds: float | None = None) -> None:
        """These could not be looked at: later, twice as long each time; or in so many `seconds`."""
        now = time.time()
        with self._engine.begin() as connection:
            for part in parts([os.fsencode(key) for key in keys]):
                chosen = (event_hints.c.source == source) & event_hints.c.key.in_(part)
                most = (
                    connection.execute(select(func.max(event_hints.c.attempts)).where(chosen)).scalar() or 0
                )
                pause = min(LONGEST_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2 ** min(most, 20))
                values = {"next_try": now + (pause if seconds is None else seconds)}
                if seconds is None:
                    values["attempts"] = most + 1
                connection.execute(update(event_hints).where(chosen).values(values))

    def waiting(self) -> dict[SourceId, WaitingEvents]:
        """What waits, by source."""
        statement = select(event_hints.c.source, func.count(), func.min(event_hints.c.first_at)).group_by(
            event_hints.c.source
        )
        with self._engine.connect() as connection:
            return {
                SourceId(source): WaitingEvents(number, since)
                for source, number, since in connection.execute(statement)
            }

    def are_due(self) -> bool:
        """Whether there is one to look at now."""
        with self._engine.connect().execution_options(**{WRITES_NOTHING: True}) as connection:
            chosen = select(event_hints.c.next_try).where(_is_due(time.time())).limit(1)
            return connection.execute(chosen).first() is not None


def _is_due(now: float) -> ColumnElement[bool]:
    due: ColumnElement[bool] = has_come(event_hints.c.next_try, now, within=LONGEST_RETRY_SECONDS)
    return due
