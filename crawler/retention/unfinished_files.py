"""Files that somebody began to write and never finished: no crawl lists them as objects, and storage is full of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from catalog.errors import ModeldexError
from catalog.records import display_key
from catalog.records.objects import may_be_kept
from catalog.records.retention import UnfinishedFile
from catalog.records.sources import SourceRow, SourceState
from catalog.settings import Settings
from catalog.store import Store
from crawler.addresses import open_source
from crawler.retention.opening import door_of
from crawler.unfinished import UNFINISHED

STALE = timedelta(days=1)
"""Whoever still writes has written by then."""
MOST_OF_A_SOURCE = 10_000


def look_for_unfinished(store: Store, settings: Settings, *, at: datetime) -> list[str]:
    """Lists every active source and notes what lies unfinished in it since a day or more; a sentence for each source
    that could not be listed, of which what was known stays.
    """
    problems = []
    for row in store.sources.all():
        if row.state is not SourceState.ACTIVE:
            continue
        try:
            store.retention.note_unfinished(row.id, list(_of_source(row, settings, at)))
        except ModeldexError as error:
            problems.append(f"{row.definition.name or row.uri}: {error}")
    return problems


def _of_source(row: SourceRow, settings: Settings, at: datetime) -> Iterator[UnfinishedFile]:
    source = open_source(row.address, settings, row.definition)
    door = door_of(source)
    count = 0
    for step in source.list():
        for key, reason in step.skipped:
            is_kept = reason == UNFINISHED and count < MOST_OF_A_SOURCE and may_be_kept(key)
            known = door.glance(key) if is_kept else None
            if known is None or at - known[1] < STALE:
                continue
            count += 1
            yield UnfinishedFile(
                source=row.id,
                key=display_key(key),
                size_bytes=known[0],
                modified_at=known[1].isoformat(timespec="seconds"),
                noted_at=at.isoformat(timespec="seconds"),
            )
