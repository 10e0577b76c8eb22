"""What the health page and the metrics ask of the store, in a few statements a source."""

from __future__ import annotations

import time
from datetime import datetime

from catalog.records import RunState, SourceId, display_key
from catalog.records.health import SourceHealth, StoreHealth, UnreadFile
from catalog.records.sources import SourceRow, SourceState
from catalog.store.event_hints import WaitingEvents
from catalog.store.records import KnownSource
from catalog.store.store import Store

UNREAD_SHOWN = 20


def health(store: Store) -> StoreHealth:
    """Every source that is not removed, by address."""
    known = {source.id: source for source in store.records.sources()}
    asked = store.sources.asked()
    events = store.event_hints.waiting()
    rows = [row for row in store.sources.all() if row.state is not SourceState.REMOVED]
    return StoreHealth(
        sources=tuple(
            _source(store, row, known.get(row.id), asked.get(row.id), events.get(row.id)) for row in rows
        ),
        workers=len(store.workers.alive()),
    )


def unread_files(store: Store, source: SourceId, limit: int) -> tuple[UnreadFile, ...]:
    """What of the source needs a person: files that could not be read, then models that could not be made of what was read."""
    files = [
        UnreadFile(key=display_key(file.key), reason=file.reason)
        for file in store.manifest(source).needing_a_person(limit)
    ]
    return (*files, *store.records.not_made(source, limit - len(files)))


def _source(
    store: Store,
    row: SourceRow,
    known: KnownSource | None,
    asked_at: datetime | None,
    events: WaitingEvents | None,
) -> SourceHealth:
    runs = store.runs
    newest = runs.latest(1, source=row.id)
    finished = runs.last_finished(row.id)
    unread = unread_files(store, row.id, UNREAD_SHOWN) if newest else ()
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
        is_crawled=store.workers.is_crawled(row.id),
        events_waiting=events.objects if events else 0,
        event_lag_seconds=max(0.0, time.time() - events.since) if events else 0.0,
    )
