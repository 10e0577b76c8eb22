"""Which door each kind of source has."""

from __future__ import annotations

from catalog.errors import ObjectUnreadable
from crawler.retention.door import Door
from crawler.source import Source


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
