"""What becomes of records in one transaction, and what that did."""

from __future__ import annotations

from catalog.lazy_dataclasses import dataclass, field
from catalog.records import Document, Group, ModelId, ModelRecord
from catalog.records.ties import NO_TIES, Ties


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedRecord:
    """A record as its row has it, and its document fit for every database."""

    body: bytes
    content: Document


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordChange:
    """A record to be committed. `signature` covers all it was made of; `fingerprint` proves equal files of weights and
    `tensors` equal tensors in whatever files (None: no proof), `identity` proves that files moved. `moved_from` is the
    model it was before. `group` are the files it was made of; None knows but their keys. `edit` is the last edit that it
    shows, 0 for none. `ties` are its names in other sources. `packed` is the record as its row has it if another process made it; then `record` has no provenance, and its document is the fit one.
    """

    record: ModelRecord
    signature: str
    fingerprint: str | None = None
    tensors: str | None = None
    identity: str | None = None
    moved_from: ModelId | None = None
    group: Group | None = None
    edit: int = 0
    packed: PackedRecord | None = None
    ties: Ties = NO_TIES


@dataclass(slots=True)
class Committed:
    """What a commit did, by model."""

    new: list[ModelId] = field(default_factory=list)
    changed: list[ModelId] = field(default_factory=list)
    unchanged: list[ModelId] = field(default_factory=list)
