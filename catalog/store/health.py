"""What the health page and the metrics ask of the store, in a few statements a source."""

from __future__ import annotations

import time
from datetime import datetime

from sqlalchemy import Engine

from catalog.records import RunState, SourceId, display_key
from catalog.records.health import SourceHealth, StoreHealth, UnreadFile
from catalog.records.sources import SourceRow, SourceState
from catalog.store.event_hints import EventHints, WaitingEvents
from catalog.store.manifest import Manifest
from catalog.store.records import KnownSource, Records
from catalog.store.runs import Runs
from catalog.store.sources import Sources
from catalog.store.workers import Workers

UNREAD_SHOWN = 20


class Health:
    """How the sources of one database stand."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._records = Records(engine)
        self._runs = Runs(engine)
        self._sources = Sources(engine)
        self._workers = Workers(engine)
        self._event_hints = EventHints(engine)

    def report(self) -> StoreHealth:
        """Every source that is not removed, by address."""
        known = {source.id: source for source in self._records.sources()}
        asked = self._sources.asked()
        events = self._event_hints.waiting()
        broken_off = self._sources.broken_off()
        rows = [row for row in self._sources.all() if row.state is not SourceState.REMOVED]
        return StoreHealth(
            sources=tuple(
                self._source(
                    row,
                    known.get(row.id),
                    asked.get(row.id),
                    events.get(row.id),
                    broken_off=broken_off.get(row.id, 0),
                )
                for row in rows
            ),
            workers=len(self._workers.alive()),
        )

    def unread_files(self, source: SourceId, limit: int) -> tuple[UnreadFile, ...]:
        """What of the source needs a person: files that could not be read, then models that could not be made of what was read."""
        files = [
            UnreadFile(key=display_key(file.key), reason=file.reason)
            for file in Manifest(self._engine, source).needing_a_person(limit)
        ]
        return (*files, *self._records.not_made(source, limit - len(files)))

    def _source(
        self,
        row: SourceRow,
        known: KnownSource | None,
        asked_at: datetime | None,
        events: WaitingEvents | None,
        *,
        broken_off: int,
    ) -> SourceHealth:
        runs = self._runs
        newest = runs.latest(1, source=row.id)
        finished = runs.last_finished(row.id)
        unread = self.unread_files(row.id, UNREAD_SHOWN) if newest else ()
        is_crawled = self._workers.is_crawled(row.id)
        return SourceHealth(
            row=row,
            last=newest[0] if newest else None,
            last_complete=runs.last_in(row.id, RunState.COMPLETE),
            last_finished=finished,
            models=known.live if known else 0,
            missing=known.missing if known else 0,
            bytes=finished.counts.get("bytes") if finished else None,
            unread=unread,
            asked_at=asked_at,
            is_crawled=is_crawled,
            broken_off=0 if is_crawled else broken_off,
            events_waiting=events.objects if events else 0,
            event_lag_seconds=max(0.0, time.time() - events.since) if events else 0.0,
        )
