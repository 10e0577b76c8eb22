"""The one table of document fields and the one table of metrics, as frozen rows.

Nobody else lists a field or a metric: whoever needs them reads `FIELDS` and `METRICS`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from mappings.tables import FOLDER, table

__all__ = ["FOLDER", "Field", "facet_fields", "fields"]

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
    sensitive: bool = False

    @property
    def numeric(self) -> bool:
        return self.type in NUMERIC_TYPES

    @property
    def searchable(self) -> bool:
        return self.type in SEARCHABLE_TYPES

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


def facet_fields() -> Iterator[Field]:
    """The fields shown as facets by default, in their order."""
    shown = [field for field in fields().values() if field.facet_order is not None]
    return iter(sorted(shown, key=lambda field: (field.facet != "terms", field.facet_order or 0)))
