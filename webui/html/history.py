"""What changed in a model from one revision to the next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from catalog.records import Revision
from catalog.records.history import batch_of, differences
from mappings import fields
from webui.numbers import clock, figure
from webui.text import shown
from webui.urls import Addresses

CHANGES_SHOWN = 12
VALUE_CHARACTERS = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One value before and after; empty where there was or is none."""

    label: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryRow:
    """One revision: what made it, when, and how it differs from the one before."""

    number: int
    made_by: str
    author: str
    cause: str
    made_at: str
    chain_sha256: str
    changes: tuple[Change, ...]
    more: int
    undo_url: str  # of the edit that made it, empty where none did


def history_rows(revisions: Sequence[Revision], addresses: Addresses) -> tuple[HistoryRow, ...]:
    """The revisions, newest first; of the oldest one that is given, only what it is compared with is used."""
    rows = [_row(after, before.document, addresses) for before, after in pairwise(revisions)]
    if revisions and revisions[0].parent_sha256 is None:
        rows.insert(0, _row(revisions[0], None, addresses))
    return tuple(reversed(rows))


def _row(revision: Revision, before: Mapping[str, Any] | None, addresses: Addresses) -> HistoryRow:
    changes = [] if before is None else changes_between(before, revision.document)
    batch = batch_of(revision.cause)
    return HistoryRow(
        number=revision.number,
        made_by=shown(revision.made_by, 40),
        author=shown(revision.author, 60),
        cause=shown(revision.cause, 200),
        made_at=clock(revision.made_at),
        chain_sha256=revision.chain_sha256,
        changes=tuple(changes[:CHANGES_SHOWN]),
        more=max(0, len(changes) - CHANGES_SHOWN),
        undo_url=addresses.undo(batch) if batch else "",
    )


def changes_between(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """How one document differs from an earlier one, for people."""
    return [
        Change(
            label=_label(each.field),
            before=_text(each.field, each.before),
            after=_text(each.field, each.after),
        )
        for each in differences(before, after)
    ]


def _label(name: str) -> str:
    row = fields().get(name)
    return row.label if row else shown(name.replace("_", " "), 60)


def _text(name: str, value: Any) -> str:
    if value is None:
        return ""
    row = fields().get(name)
    if isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
        return f"{len(value)} {'entry' if len(value) == 1 else 'entries'}"
    return shown(figure(value, row.unit if row else None, row.type if row else "").text, VALUE_CHARACTERS)
