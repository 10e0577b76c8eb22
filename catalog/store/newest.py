"""The present document of each model: that of its newest revision, with that revision's number.

It is stored once, packed, with the history. `records.view_values` has what the views for SQL show of it, and is read by nobody
else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Row, Select, select

from catalog.records import Document
from catalog.store.codec import UNREADABLE, unpack_json
from catalog.store.tables import records, revisions

IS_NEWEST = (revisions.c.model == records.c.id) & (revisions.c.number == records.c.revision)
PACKED = revisions.c.document.label("packed")
"""Null where the newest revision is not there: then the store is damaged."""


def with_documents(*columns: Any) -> Select[Any]:
    """These columns of records, and what `present_document` needs."""
    return select(*columns, records.c.revision.label("packed_revision"), PACKED).select_from(
        records.outerjoin(revisions, IS_NEWEST)
    )


def present_document(row: Row[Any], unpack: Callable[[bytes], Any] = unpack_json) -> Document:
    """The document of a row that was asked for so. Raises UNREADABLE."""
    document: Document = unpack(row.packed)
    document["revision"] = row.packed_revision
    return document


def numbered(document: Document, revision: int) -> Document:
    """The document of a revision with its number, as everybody but the history has it."""
    return {**document, "revision": revision}


def present_or_empty(row: Row[Any]) -> Document:
    """The same; empty where it cannot be read, and so unlike whatever belongs there."""
    try:
        return present_document(row)
    except UNREADABLE:
        return {}
