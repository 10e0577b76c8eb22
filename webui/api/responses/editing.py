"""What persons said of models, and how models changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from catalog.lazy_dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class EditInForceAnswer:
    """One field that is set by hand: its value, or the words added and taken away, or that it is left empty.

    `files_say` is what it would hold else; `contradicted` when files said something else when it was set.
    """

    field: str
    value: Any
    added: tuple[Any, ...]
    removed: tuple[Any, ...]
    emptied: bool
    made_by: str
    made_at: str
    files_say: Any
    contradicted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class EditAnswer:
    """The answer of a PATCH to /api/v1/models/<id>: its revision now, whether that is a new one, the name under which it
    can be undone, whether searches show it already, and all that is set by hand.
    """

    id: str
    revision: int
    changed: bool
    batch: str
    indexed: bool
    edits: tuple[EditInForceAnswer, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisionAnswer:
    """One state of a model: its hashes, who made it, why and when, and which weights lay where then."""

    revision: int
    made_at: str
    made_by: str
    author: str
    cause: str
    sha256: str
    parent_sha256: str | None
    chain_sha256: str
    content_hash: str | None
    uri: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryAnswer:
    """The answer of /api/v1/models/<id>/history, oldest first."""

    id: str
    revisions: tuple[RevisionAnswer, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeAnswer:
    """One value before and after, null where there was or is none; `model` where several are told of."""

    field: str
    before: Any
    after: Any
    model: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DifferenceAnswer:
    """The answer of /api/v1/models/<id>/diff: how one revision differs from another."""

    id: str
    before: int
    after: int
    changes: tuple[ChangeAnswer, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreAnswer:
    """The answer of a POST to /api/v1/models/<id>/restore: what is as it was, and what stays as it is measured now."""

    id: str
    revision: int
    batch: str
    fields: tuple[str, ...]
    measured: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewAnswer:
    """The answer of a POST to /api/v1/edits with `dry_run`: how many models it would change, and the first of them."""

    found: int
    would_change: int
    as_they_are: int
    forbidden: int
    first: tuple[ChangeAnswer, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchAnswer:
    """The answer of a POST to /api/v1/edits or to /api/v1/edits/<batch>/undo. `left` are models that were not touched,
    each with the reason.
    """

    batch: str
    changed: int
    unchanged: int
    left: Mapping[str, str]
    indexed: bool
