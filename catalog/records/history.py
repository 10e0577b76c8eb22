"""How two states of a model differ, and what is wrong with a chain of states."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from catalog.lazy_dataclasses import dataclass
from catalog.records.leaves import flattened
from mappings import fields_where


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One value before and after; None where there was or is none."""

    field: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainFault:
    """One thing in the store that is not what was written there."""

    model: str
    number: int
    what: str
    stored: str
    computed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchSummary:
    """What was changed in one go."""

    batch: str
    made_by: str
    made_at: datetime
    models: int


@dataclass(slots=True, kw_only=True)
class VerificationCounts:
    """How much was looked at."""

    models: int = 0
    revisions: int = 0
    unreadable: int = (
        0  # revisions of which the sensitive values cannot be held against the chain: the key is not here
    )


EDIT_CAUSE = "edit"


def edit_cause(batch: str, words: str = "") -> str:
    """The cause of a revision that an edit made: the name under which it can be undone, and more in words."""
    return f"{EDIT_CAUSE} {batch}{f', {words}' if words else ''}"


def batch_of(cause: str) -> str:
    """The name under which an edit that made a revision can be undone; empty for another cause."""
    kind, _, rest = cause.partition(" ")
    return rest.partition(",")[0] if kind == EDIT_CAUSE else ""


def bare_cause(cause: str) -> str:
    """The cause without the words in which an edit's author said what they looked for: they may tell of other models."""
    return edit_cause(batch) if (batch := batch_of(cause)) else cause


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    """The leaves in which two documents differ, in the order of the later one."""
    old, new = dict(flattened(before)), dict(flattened(after))
    return [
        Difference(field=name, before=old.get(name), after=new.get(name))
        for name in dict.fromkeys((*new, *old))
        if old.get(name) != new.get(name) and name.partition(".")[0] not in fields_where("undiffed")
    ]
