"""What changed in a model from one revision to the next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, TypeGuard

from catalog.lazy_dataclasses import dataclass
from catalog.records import Revision
from catalog.records.history import batch_of, differences
from catalog.text.value_names import value_name
from mappings import fields
from webui.numbers import Figure, clock, figure
from webui.text import shown
from webui.urls import Addresses

CHANGES_SHOWN = 12
VALUE_CHARACTERS = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One value before and after; empty where there was or is none. Of a list these are the words that went and that came,
    beside `kept` others.
    """

    label: str
    before: str
    after: str
    kept: int = 0


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
    return [_change(each.field, each.before, each.after) for each in differences(before, after)]


def _change(name: str, before: Any, after: Any) -> Change:
    if _is_words(before) and _is_words(after) and (kept := [word for word in before if word in after]):
        went = [value_name(word, name) for word in before if word not in after]
        came = [value_name(word, name) for word in after if word not in before]
        return Change(
            label=_label(name),
            before=shown(", ".join(went), VALUE_CHARACTERS),
            after=shown(", ".join(came), VALUE_CHARACTERS),
            kept=len(kept),
        )
    texts = [_figure(name, value) for value in (before, after)]
    if texts[0].text == texts[1].text:  # the same day, another hour
        return Change(label=_label(name), before=texts[0].exact, after=texts[1].exact)
    return Change(label=_label(name), before=texts[0].text, after=texts[1].text)


def _is_words(value: Any) -> TypeGuard[list[str]]:
    return isinstance(value, list) and bool(value) and all(isinstance(word, str) for word in value)


def _label(name: str) -> str:
    row = fields().get(name)
    return row.label if row else shown(name.replace("_", " "), 60)


def _figure(name: str, value: Any) -> Figure:
    if value is None:
        return Figure(text="", exact="")
    row = fields().get(name)
    if isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
        entries = f"{len(value)} {'entry' if len(value) == 1 else 'entries'}"
        return Figure(text=entries, exact=entries)
    readable = figure(value, row.unit if row else None, row.type if row else "")
    text = (
        ", ".join(value_name(word, name) for word in value)
        if _is_words(value)
        else value_name(readable.text, name)
    )
    return Figure(text=shown(text, VALUE_CHARACTERS), exact=shown(readable.exact, VALUE_CHARACTERS))
