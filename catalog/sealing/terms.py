"""Sensitive values as they are looked up: each value of a field as the text that equality compares."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from catalog.query.document_values import key_slug
from catalog.query.instants import milliseconds
from catalog.sealing.names import PROBLEMS, PROSE, Values
from catalog.text.folding import fold
from mappings import fields

MAX_TERMS = 500
"""Of one model."""


def term_text(value: Any) -> str | None:
    """The value as it is compared: case does not matter, 1 is 1.0; None for what no condition asks for."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(float(value)) if abs(value) < 2**53 else str(value)
    if isinstance(value, datetime):
        return str(milliseconds(value))
    return fold(value) if isinstance(value, str) and value else None


def terms_of(values: Values) -> Iterator[tuple[str, str]]:
    """Field and text of the values that conditions can ask for, the first `MAX_TERMS` of them."""
    count = 0
    for name, value in values.items():
        head = name.partition(".")[0]
        if head in {PROBLEMS, PROSE}:
            continue
        for field, text in _leaves(head, value):
            yield field, text
            count += 1
            if count == MAX_TERMS:
                return


def _leaves(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            own = f"{name}.{key}"
            yield from _leaves(own if own in fields() else f"{name}.{key_slug(str(key))}", inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _leaves(name, inner)
    elif (text := _typed(name, value)) is not None:
        yield name, text


def _typed(name: str, value: Any) -> str | None:
    row = fields().get(name)
    if row is not None and row.type == "date" and isinstance(value, str):
        try:
            return term_text(datetime.fromisoformat(value))
        except ValueError:
            return None
    return term_text(value)
