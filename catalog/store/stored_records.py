"""What a record's row has beside the document of the newest revision: why each value is what it is, and what the standing of
the model may hide of what its files say.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import field

from catalog.records import Document, FieldProvenance, ModelRecord
from catalog.records.values import Value
from catalog.store.canonical import sanitised
from catalog.store.codec import pack, unpack
from catalog.store.documents import content_of, replaced_by_standing


class StoredRecord(Value, frozen=True, kw_only=True):
    """`own` is what the finished document may not say any more. `document` is the whole content, which earlier versions kept."""

    provenance: Mapping[str, FieldProvenance] = field(default_factory=dict)
    own: dict[str, Any] = field(default_factory=dict)
    document: dict[str, Any] = field(default_factory=dict)

    def content(self, present: Document) -> Document:
        """What files and persons say of the model, whose finished document is this one."""
        return sanitised(self.document) if self.document else content_of(present, self.own)


def pack_record(record: ModelRecord, content: Document) -> bytes:
    """The record, whose document is fit for every database as `content`, without what that says by itself."""
    return pack(StoredRecord(provenance=record.provenance, own=replaced_by_standing(content)))


def unpack_record(data: bytes) -> StoredRecord:
    """Raises UNREADABLE."""
    return unpack(StoredRecord, data)
