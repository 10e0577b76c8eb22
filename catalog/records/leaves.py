"""The values of a model's document by dotted names."""

from __future__ import annotations

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


def flattened(value: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every leaf of nested objects with its dotted name."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from flattened(inner, f"{prefix}.{name}" if prefix else str(name))
    elif value is not None:
        yield prefix, value
