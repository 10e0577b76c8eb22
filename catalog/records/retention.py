"""Plans of retention, as the store keeps them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from catalog.lazy_dataclasses import dataclass
from catalog.records.objects import ModelId, ObjectKey, SourceId


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPlan:
    """A plan without its lines. `header` is what `catalog.retention.plans` made of it."""

    id: str
    header: Mapping[str, Any]
    sha256: str
    made_at: str
    state: str
    updated_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedModel:
    """One model of a plan: `line` says why it stays or goes, `state` what was done, `note` why something was not."""

    number: int
    model: ModelId
    goes: bool
    line: Mapping[str, Any]
    state: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedObject:
    """One object of a plan. `evidence` tells what is in the trash from anything else there."""

    number: int
    model: ModelId
    source: SourceId
    key: ObjectKey
    line: Mapping[str, Any]
    state: str
    evidence: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskEntry:
    """What a directory has under a name: a link to another file, or one of so many names of a file itself."""

    is_link: bool
    names: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UnfinishedFile:
    """A file that nobody finished writing; its key as it is shown."""

    source: SourceId
    key: str
    size_bytes: int
    modified_at: str
    noted_at: str
