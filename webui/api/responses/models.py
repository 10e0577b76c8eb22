"""What is said of models: one, several, what one was made from, and several beside each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from catalog.lazy_dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementAnswer:
    """What one file says about one field: what stands there, what it came to, why it lost if it did, and which model
    of another source lent it.
    """

    value: Any
    raw: Any
    file: str
    pointer: str
    origin: str
    evidence: str
    extractor: str
    extractor_version: int
    changes: tuple[str, ...]
    lost_because: str | None
    lent_by: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenanceAnswer:
    """Who won and who lost over one field."""

    winners: tuple[StatementAnswer, ...]
    losers: tuple[StatementAnswer, ...]
    conflict: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelAnswer:
    """The answer of /api/models/<id>: the whole document, and the provenance of its values by field."""

    id: str
    url: str
    revision: int
    document: Mapping[str, Any]
    provenance: Mapping[str, ProvenanceAnswer]


@dataclass(frozen=True, slots=True, kw_only=True)
class LineageModelAnswer:
    """One model of a lineage. `id` and `url` are null for a base that files name and the catalog does not have.

    `step` is 0 for the model that was asked about, -1 for its bases, 1 for what was made from it, and so on.
    """

    key: str
    id: str | None
    url: str | None
    name: str
    version: str
    step: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DescentAnswer:
    """A model was made from a base, both by key. `confidence` is declared, copy, likely or perhaps; `reason` says why."""

    model: str
    base: str
    relation: str
    confidence: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LineageAnswer:
    """The answer of /api/v1/models/<id>/lineage; `is_cut` where there is more than a graph has room for."""

    id: str
    models: tuple[LineageModelAnswer, ...]
    links: tuple[DescentAnswer, ...]
    is_cut: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelsAnswer:
    """The answer of /api/models?ids=: documents in the order asked, and the ids that are not there."""

    models: tuple[Mapping[str, Any], ...]
    not_found: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedFieldAnswer:
    """What each of the models says of one field, null where it says nothing; `equal` when all say the same."""

    field: str
    label: str
    values: tuple[Any, ...]
    equal: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedMetricAnswer:
    """What each of the models scored on one data set and split, null where it was not measured there. `best` is said only
    of values that were measured alike and differ.
    """

    metric: str
    dataset: str
    split: str
    values: tuple[float | None, ...]
    best: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonAnswer:
    """The answer of /api/v1/compare: models side by side, in the order of their ids."""

    ids: tuple[str, ...]
    names: tuple[str, ...]
    fields: tuple[ComparedFieldAnswer, ...]
    metrics: tuple[ComparedMetricAnswer, ...]
    notices: tuple[str, ...]
