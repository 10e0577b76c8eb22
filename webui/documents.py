"""Reading a model's document by the names of the field table."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from catalog.records import FieldProvenance
from catalog.records.leaves import flattened, value_at

__all__ = ["ProvenanceNotKept", "flattened", "number_at", "rows_at", "text_at", "value_at", "values_at"]


class ProvenanceNotKept(dict[str, FieldProvenance]):
    """Of a state of the past: where a value came from is kept of the present state alone."""


def values_at(document: Mapping[str, Any], name: str) -> tuple[Any, ...]:
    """The same, always as a flat tuple."""
    value = value_at(document, name)
    return (value,) if isinstance(value, str) else () if value is None else tuple(_flat(value))


def text_at(document: Mapping[str, Any], name: str) -> str:
    """The field as one text, empty when absent."""
    value = value_at(document, name)
    if isinstance(value, str) or value is None:
        return value or ""
    return ", ".join([str(part) for part in _flat(value)])


def number_at(document: Mapping[str, Any], name: str) -> int | float | None:
    """The field if it is one number that can be compared."""
    value = value_at(document, name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return value


def rows_at(document: Mapping[str, Any], name: str) -> tuple[Mapping[str, Any], ...]:
    """A field that is a list of objects."""
    value = value_at(document, name)
    if value is None:
        return ()
    rows = value if isinstance(value, list | tuple) else [value]
    return tuple([row for row in rows if isinstance(row, dict | Mapping)])


def _flat(value: Any) -> Iterator[Any]:
    if isinstance(value, list | tuple):
        for item in value:
            yield from _flat(item)
    elif value is not None and not isinstance(value, Mapping):
        yield value
