"""One object of a bucket: what listings, inventories and answers say of it, as the crawl knows it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from catalog.lazy_dataclasses import dataclass
from catalog.records import ObjectKey, ObjectMeta, SourceId
from catalog.records.objects import SAME_BYTES
from crawler.sniffing import is_archived

ARCHIVED_MARK = "archived"
USUAL = "STANDARD"
MD5_OF_ALL_OR_PARTS = re.compile(r"[0-9a-f]{32}(?:-\d{1,5})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectRow:
    """What a storage says of an object."""

    key: str
    size_bytes: int
    etag: str
    last_modified: datetime | None
    storage_class: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenBucket:
    """A bucket as a source reaches it; keys are below the prefix."""

    client: Any
    name: str
    prefix: str
    encryption: Mapping[str, Any]
    token: Callable[[ObjectKey, Any], str]
    """The change token that a crawl would give the object of this answer."""

    def place(self, key: str) -> dict[str, Any]:
        return {"Bucket": self.name, "Key": f"{self.prefix}{key}"}


def meta_of(source: SourceId, row: ObjectRow, key: str) -> ObjectMeta:
    """The object under its key in the source. Its token is its ETag, which is another whenever the bytes are, with its size; where there is none, the
    time of writing. One that is archived or restored has another token, too: it is to be read then.
    """
    etag = bare_etag(row.etag)
    # Answers about one object count whole seconds, listings of MinIO and Ceph thousandths.
    moment = None if row.last_modified is None else row.last_modified.replace(microsecond=0)
    version = etag or f"at:{moment.isoformat() if moment else ''}"
    storage_class = None if row.storage_class == USUAL else row.storage_class
    mark = f" {ARCHIVED_MARK}" if is_archived(storage_class) else ""
    return ObjectMeta(
        source=source,
        key=ObjectKey(key),
        size_bytes=row.size_bytes,
        change_token=f"{version} {row.size_bytes}{mark}",
        last_modified=moment,
        storage_class=storage_class,
        file_identity=_same_bytes(etag, row.size_bytes),
    )


def bare_etag(text: str) -> str:
    """An ETag without quotes. One is weak where a proxy before the storage packs answers: it is of the same object."""
    return text.strip().removeprefix("W/").strip('"')


def etag_of(meta: ObjectMeta) -> str:
    """The ETag in an object's token, without quotes; empty if its storage gave none."""
    version = meta.change_token.partition(" ")[0]
    return "" if version.startswith("at:") else version


def _same_bytes(etag: str, size_bytes: int) -> str | None:
    """Equal for objects of equal bytes: an ETag is a digest of them, or of its parts', unless the storage encrypts with
    keys of its own; then it is another for each object, and never equal.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html, "ETag"
    """
    if size_bytes and MD5_OF_ALL_OR_PARTS.fullmatch(etag):
        return f"{SAME_BYTES}{etag}:{size_bytes}"
    return None
