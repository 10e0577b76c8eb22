"""Rows of the manifest as values: objects, entries, and what files said."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from sqlalchemy import (
    Connection,
)

from catalog.errors import StoreDamaged
from catalog.records import Extraction, ObjectKey, ObjectMeta, Observation, SourceId, display_key
from catalog.sealing.faults import KeyMissing, SealBroken
from catalog.sealing.vault import Vault
from catalog.store.codec import UNREADABLE, instant, parse_instant, unpack
from catalog.store.entries import Entry, PackedEntry, Reading
from catalog.store.sealing import EXTRACTION, OUTLINE, Sealing
from catalog.store.shares import shares_of

Share = tuple[ObjectKey, str]
"""A file, and one of the many models of which it tells."""
Shares = dict[ObjectKey, dict[str, list[Observation]]]
"""What files say of subjects that have rows of their own."""


def row_of(packed: PackedEntry) -> dict[str, Any]:
    """An entry as the table has it, its outline not sealed."""
    entry = packed.entry
    meta = entry.object
    return {
        "source": meta.source,
        "key": os.fsencode(meta.key),
        "size_bytes": meta.size_bytes,
        "change_token": meta.change_token,
        "last_modified": instant(meta.last_modified) if meta.last_modified else None,
        "version_id": meta.version_id,
        "storage_class": meta.storage_class,
        "file_identity": meta.file_identity,
        "sha256": meta.sha256,
        "owner": meta.owner,
        "state": entry.state,
        "missing_since": None,
        "reading": entry.reading.value,
        "signature": entry.signature,
        "attempts": entry.attempts,
        "error": None
        if entry.error is None
        else entry.error.encode("utf-8", "backslashreplace").decode()[:2000],
        "outline": packed.outline,
    }


def opened_body(sealing: Sealing, source: str, key: bytes, body: bytes) -> bytes:
    """A body of the table as it was packed; one that is not what was sealed there as it is, for `extraction_of` to refuse.

    Raises KeyMissing where the source has no key any more.
    """
    try:
        return sealing.opened(body, EXTRACTION, source, key)
    except SealBroken:
        return body
    except KeyMissing:
        sealing.is_beyond(source)
        return body


def shares_among(connection: Connection, source: SourceId, wanted: Iterable[Share]) -> Shares:
    """What files of a source that tell of many models say of these of them, as a transaction sees it. Raises KeyMissing,
    StoreDamaged.
    """
    sealing = Sealing(connection)
    shares: Shares = defaultdict(lambda: defaultdict(list))
    asked = ((os.fsencode(key), subject) for key, subject in wanted)
    for name, subject, row, body in shares_of(connection, source, asked):
        key = ObjectKey(os.fsdecode(name))
        shares[key][subject] += extraction_of(key, opened_body(sealing, source, row, body)).observations
    return shares


def extraction_of(key: ObjectKey, body: bytes) -> Extraction:
    """What the file said, of a body of the manifest. Raises StoreDamaged."""
    try:
        return unpack(Extraction, body)
    except UNREADABLE as error:
        what = f"what the file {display_key(key)} said"
        reason = f"{type(error).__name__}: {error}"
        raise StoreDamaged(what, reason, "Read it again with: modeldex crawl PATH --reread") from error


def outline_of(row: Any, vault: Vault) -> Extraction | None:
    """What the manifest has of a file for grouping, of a row with its columns `source`, `key`, `outline` and `reading`; nothing
    of a damaged one.
    """
    return _outline(row, vault)[1]


def _outline(row: Any, vault: Vault) -> tuple[Reading, Extraction | None]:
    """How the object was read and what it said; one whose entry is damaged is to be read again."""
    try:
        if row.outline is None:
            return Reading(row.reading), None
        outline = vault.open_at(row.outline, OUTLINE, row.source, row.key)
        return Reading(row.reading), unpack(Extraction, outline)
    except UNREADABLE:
        return Reading.RETRY, None
    except KeyMissing:
        vault.sealing_key(row.source)
        return Reading.RETRY, None


def meta_of(row: Any) -> ObjectMeta:
    """The object of a row of `objects`."""
    return ObjectMeta(
        source=SourceId(row.source),
        key=ObjectKey(os.fsdecode(row.key)),
        size_bytes=row.size_bytes,
        change_token=row.change_token,
        last_modified=parse_instant(row.last_modified) if row.last_modified else None,
        version_id=row.version_id,
        storage_class=row.storage_class,
        file_identity=row.file_identity,
        sha256=row.sha256,
        owner=row.owner,
    )


def entry_of(row: Any, vault: Vault) -> Entry:
    """The entry of a row of `objects`. Raises KeyMissing where the source has no key any more: such an entry is not a damaged one."""
    reading, outline = _outline(row, vault)
    return Entry(
        object=meta_of(row),
        reading=reading,
        signature=row.signature,
        state=row.state,
        attempts=row.attempts,
        error=row.error,
        outline=outline,
    )
