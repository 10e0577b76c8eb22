"""Which door each kind of source has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from catalog.errors import ModeldexError, ObjectUnreadable
from catalog.records import ObjectKey, SourceId
from catalog.records.retention import DiskEntry
from crawler.addresses import open_source
from crawler.retention.door import Door
from crawler.source import Source

if TYPE_CHECKING:
    from catalog.retention.disk_names import EntryAt
    from catalog.settings import Settings
    from catalog.store import Store


def door_of(source: Source) -> Door:
    """The door of a source. Raises ObjectUnreadable for a kind of source that has none."""
    from crawler.sources.local import LocalSource  # noqa: PLC0415 - boto3 is imported with the other

    if isinstance(source, LocalSource):
        from crawler.retention.directories import DirectoryDoor  # noqa: PLC0415 - as above

        return DirectoryDoor(source.root)
    from crawler.sources.s3 import S3Source  # noqa: PLC0415 - as above

    if isinstance(source, S3Source):
        from crawler.retention.buckets import BucketDoor  # noqa: PLC0415 - as above

        return BucketDoor(source.bucket)
    raise ObjectUnreadable(source.uri, "sources of this kind can only be read")


def entries_of(settings: Settings, store: Store) -> EntryAt:
    """What tells what a directory of any source has under a name; None of one that cannot be opened."""
    doors: dict[SourceId, Door | None] = {}

    def opened(source: SourceId) -> Door | None:
        row = next((row for row in store.sources.all() if row.id == source), None)
        try:
            return None if row is None else door_of(open_source(row.address, settings, row.definition))
        except ModeldexError:
            return None

    def entry(source: SourceId, key: ObjectKey) -> DiskEntry | None:
        if source not in doors:
            doors[source] = opened(source)
        door = doors[source]
        return None if door is None else door.entry(key)

    return entry
