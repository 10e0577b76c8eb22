"""The one table of document fields and the one table of metrics, as frozen rows.

Nobody else lists a field or a metric: whoever needs them reads `FIELDS` and `METRICS`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from mappings.tables import FOLDER, table

__all__ = ["FOLDER", "EvaluationPart", "Field", "evaluation_parts", "facet_fields", "fields", "fields_where"]

NUMERIC_TYPES = frozenset({"long", "double"})
SEARCHABLE_TYPES = frozenset({"keyword", "text", "name", "long", "double", "boolean", "date", "flattened"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One row of fields.toml."""

    name: str
    type: str
    label: str
    rule: str
    group: str
    list: bool = False
    unit: str | None = None
    description: str = ""
    aliases: tuple[str, ...] = ()
    facet: str | None = None
    facet_order: int | None = None
    folded: bool = False
    named: Literal["languages", "risks", "statuses"] | None = None
    kind_of: str | None = None
    smaller_is_lighter: bool = False
    table_order: int | None = None
    plotted: bool = False
    sensitive: bool = False
    relied_on: bool = False
    told_with: tuple[str, ...] = ()
    canonical: str | None = None
    material: bool = False
    settled_apart: bool = False
    from_parent: bool = False
    place: bool = False
    address: bool = False
    spoken: tuple[str, ...] = ()
    spoken_before: bool = False
    exists_by: str | None = None
    vocabulary: bool = False
    heading: bool = False
    hashed: bool = False
    words: bool = False
    text_order: int | None = None
    telling_order: int | None = None
    told_with_name: bool = False
    shape: bool = False
    page: str | None = None
    report: str | None = None
    csv: bool = True
    tag: bool = False
    undiffed: bool = False
    in_index: bool = True
    follows: bool = False
    date_word: str | None = None
    indexed_from: str | None = None
    indexed_as: Literal["names", "licences", "natural", "versions", "folders"] | None = None
    ordered_by: str | None = None
    one_of_series: tuple[str, ...] = ()
    leaves: str | None = None
    bounds_rights: bool = False

    @property
    def numeric(self) -> bool:
        return self.type in NUMERIC_TYPES

    @property
    def searchable(self) -> bool:
        return self.in_index and self.type in SEARCHABLE_TYPES

    @property
    def sortable(self) -> bool:
        """One comparable value per document, on every engine."""
        return not self.list and self.type in {"keyword", "name", "long", "double", "date", "boolean"}


@cache
def fields() -> Mapping[str, Field]:
    """Every document field by its dotted name, in the table's order."""
    rows: dict[str, dict[str, Any]] = table("fields")["fields"]
    rows = {
        name: {key: tuple(value) if isinstance(value, list) else value for key, value in row.items()}
        for name, row in rows.items()
    }
    return {name: Field(name=name, **row) for name, row in rows.items()}


@cache
def indexed_fields() -> tuple[Field, ...]:
    """The fields that an index knows of, in the table's order."""
    return tuple(row for row in fields().values() if row.in_index)


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationPart:
    """One part of an evaluation. `asked` says how a query may ask for it, None where it may not."""

    name: str
    type: str
    asked: Literal["together", "alone"] | None = None


@cache
def evaluation_parts() -> Mapping[str, EvaluationPart]:
    """The parts of an evaluation that are indexed, by name."""
    rows = table("fields")["evaluation"]
    return {name: EvaluationPart(name=name, **row) for name, row in rows.items()}


@cache
def fields_where(column: str) -> Mapping[str, Field]:
    """The fields that have something in this column of the table, by name, in the table's order."""
    return {name: row for name, row in fields().items() if getattr(row, column)}


def facet_fields() -> Iterator[Field]:
    """The fields shown as facets by default, in their order."""
    shown = [field for field in fields().values() if field.facet_order is not None]
    return iter(sorted(shown, key=lambda field: field.facet_order or 0))
