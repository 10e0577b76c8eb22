"""Names in the index, and values in the form that it holds."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from catalog.query.document_values import has_named_number, is_leaf
from catalog.query.instants import milliseconds
from indexer.analysis import fold
from indexer.field_values import leaf_text
from mappings import fields
from mappings.metrics import metrics

DOCUMENT, PRESENT = "document", "present"
NUMBERS = "numbers"
"""Pairs of name and number: what has no field of its own."""
NESTED_ROOT = "evaluations"
_COLUMN_TYPES = frozenset({"keyword", "name", "long", "double", "date", "boolean"})


def words(name: str) -> str:
    return f"words.{name}"


def pieces(name: str) -> str:
    return f"pieces.{name}"


def is_text(name: str) -> bool:
    """Whether words are looked up in this field; every other field compares its whole value."""
    row = fields().get(name)
    return name.startswith("_") or (row is not None and row.type in {"text", "name"})


def has_column(name: str) -> bool:
    """Whether the field's own column says if it exists; all others are named in `present`."""
    row = fields().get(name)
    if row is None:
        return name.startswith(("metrics.", f"{NESTED_ROOT}.")) and not is_number_pair(name)
    return row.type in _COLUMN_TYPES


def is_number_pair(name: str) -> bool:
    """Whether numbers of this name are pairs in `numbers`: it is a path, a metric on a data set, or a metric of no table."""
    if has_named_number(name):
        return True
    return name.startswith("metrics.") and name.removeprefix("metrics.") not in metrics()


def number_name(name: str) -> str:
    """The name in its pair."""
    return fold(name)


def order_kind(name: str) -> str:
    """The type of what is put into an order: of a path below a flattened field, its number."""
    return "double" if is_number_pair(name) else kind(name)


def kind(name: str) -> str:
    """The type of the column: a table type, `double` for metrics, `leaf` below a flattened field."""
    row = fields().get(name)
    if row is not None:
        return row.type
    if is_leaf(name):
        return "leaf"
    return "double" if name.startswith("metrics.") or name == f"{NESTED_ROOT}.value" else "keyword"


def comparable(name: str, value: Any) -> Any:
    """A query's value as the column holds it."""
    if isinstance(value, datetime):
        return milliseconds(value)
    if kind(name) == "leaf":
        return leaf_text(value)
    if kind(name) == "double" and isinstance(value, int):
        return float(value)  # a whole number of more than 64 bits is none in JSON
    return fold(value) if isinstance(value, str) else value
