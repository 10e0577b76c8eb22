"""The rows that records and their revisions have in the store."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from catalog.lazy_dataclasses import dataclass
from catalog.records import Document
from catalog.records.series import place_in_series
from catalog.store.canonical import sanitised
from catalog.store.chain import chain_sha256
from catalog.store.codec import pack_json
from catalog.store.documents import LIVE
from catalog.store.members import grouping_of
from catalog.store.record_changes import RecordChange
from catalog.store.sealing import RECORD, Sealing
from catalog.store.stored_records import pack_record

Row = dict[str, Any]
_IN_SERIES = ("name", "state", "series_place")
_STANDING = ("state", "first_seen", "last_seen", "missing_since", "missing_run", "moved_to")


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """By what, by whom, why and when the revisions of one transaction are made."""

    made_by: str
    author: str
    cause: str
    made_at: str


def row_of(
    change: RecordChange, before: Mapping[str, Any] | None, *, first_seen: str, sealing: Sealing
) -> Row:
    """The row of a live record after a change; `before` is what it was, if it was there."""
    record = change.record
    return {
        "id": record.id,
        "source": record.source,
        "group_key": os.fsencode(record.group_key),
        "state": LIVE,
        "name": sanitised({"name": record.document.get("name") or record.group_key})["name"],
        "revision": before["revision"] if before else 0,
        "sha256": before["sha256"] if before else "",
        "chain_sha256": before["chain_sha256"] if before else "",
        "signature": change.signature,
        "fingerprint": change.fingerprint,
        "tensors": change.tensors and f"tensors:{change.tensors}",
        "identity": change.identity,
        "risks": len(record.document.get("risks", ())),
        "incomplete": int(record.document.get("complete") is False),
        "series_place": place_in_series(record.document),
        "latest": before["latest"] if before else 0,
        "first_seen": first_seen,
        "last_seen": None,
        "missing_since": None,
        "missing_run": None,
        "moved_to": None,
        "record": sealing.packed(
            record.source,
            change.packed.body if change.packed else pack_record(record, sanitised(record.document)),
            RECORD,
            record.id,
        ),
        "view_values": before["view_values"] if before else "{}",
        "grouping": None if change.group is None else grouping_of(change.group),
        "sealed": None,
        "sealed_sha256": "",
    }


def next_revision(row: Row, document: Document, digest: str, origin: Origin) -> Row:
    """The row of the revision that follows the present one of a record, whose row then says so."""
    linked = {
        "model": row["id"],
        "number": row["revision"] + 1,
        "sha256": digest,
        "made_by": origin.made_by,
        "author": origin.author,
        "cause": origin.cause,
        "made_at": origin.made_at,
    }
    parent, commitment = row["sha256"], row["sealed_sha256"]
    chained = chain_sha256(**linked, parent=row["chain_sha256"], sealed=commitment)
    row.update(sha256=digest, revision=linked["number"], chain_sha256=chained)
    return {
        **linked,
        "parent_sha256": parent or None,
        "chain_sha256": chained,
        "document": pack_json(document),
        "sealed": row["sealed"],
        "sealed_sha256": commitment,
    }


def differ_in_series(before: Mapping[str, Any], row: Mapping[str, Any]) -> bool:
    """Whether a record stands elsewhere among those of its name than it did."""
    return any(before[name] != row[name] for name in _IN_SERIES)


def standing_of(row: Mapping[str, Any]) -> Row:
    """Whether a record is there, since when, and where it went, as its row says."""
    return {name: row[name] for name in _STANDING}
