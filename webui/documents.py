"""Reading a model's document by the names of the field table."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any


def value_at(document: Mapping[str, Any], name: str) -> Any:
    """What the document holds under a dotted field name: None if nothing, a list where it passes through one."""
    direct: Any = document.get(name)
    if direct is not None or "." not in name:
        return direct
    head, _, rest = name.partition(".")
    inner = document.get(head)
    if isinstance(inner, Mapping):
        return value_at(inner, rest)
    if isinstance(inner, list):
        values = [value_at(item, rest) for item in inner if isinstance(item, Mapping)]
        return [value for value in values if value is not None] or None
    return None


def values_at(document: Mapping[str, Any], name: str) -> tuple[Any, ...]:
    """The same, always as a flat tuple."""
    return tuple(_flat(value_at(document, name)))


def text_at(document: Mapping[str, Any], name: str) -> str:
    """The field as one text, empty when absent."""
    return ", ".join(str(value) for value in values_at(document, name))


def number_at(document: Mapping[str, Any], name: str) -> int | float | None:
    """The field if it is one number that can be compared."""
    value = value_at(document, name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return value


def rows_at(document: Mapping[str, Any], name: str) -> tuple[Mapping[str, Any], ...]:
    """A field that is a list of objects."""
    value = value_at(document, name)
    rows = value if isinstance(value, list | tuple) else [value]
    return tuple(row for row in rows if isinstance(row, Mapping))


def flattened(value: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every leaf of nested objects with its dotted name."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from flattened(inner, f"{prefix}.{name}" if prefix else str(name))
    elif value is not None:
        yield prefix, value


def _flat(value: Any) -> Iterator[Any]:
    if isinstance(value, list | tuple):
        for item in value:
            yield from _flat(item)
    elif value is not None and not isinstance(value, Mapping):
        yield value
