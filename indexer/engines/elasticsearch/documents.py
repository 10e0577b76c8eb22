"""From a model's document to the body that Elasticsearch indexes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from typing import Any

from indexer.engines.elasticsearch.columns import DOCUMENT, PRESENT
from indexer.projection import project
from mappings import fields
from mappings.generate import text_columns

PHRASE_BREAK = " ¶ "
"""Stands between the values of a list, so that no phrase reaches across. The analyzer never makes this word."""


def make_body(model_id: str, document: Mapping[str, Any]) -> dict[str, Any]:
    """The indexed form, with the document itself inside. Raises DocumentRejected."""
    held = project(document)
    body: dict[str, Any] = {DOCUMENT: clean(document), PRESENT: sorted(held.present), "id": model_id}
    for name, values in held.keywords.items():
        if name != "id":
            _place(body, name, values)
    booleans = _booleans()
    for name, value in held.numbers.items():
        _place(body, name, bool(value) if name in booleans else value)
    if held.metrics:
        body["metrics"] = held.metrics
    body |= held.flattened
    if held.evaluations:
        body["evaluations"] = held.evaluations
    columns = [name for name in text_columns() if name in held.texts]
    body["pieces"] = {name: PHRASE_BREAK.join(held.pieces(name)) for name in columns}
    body["words"] = {name: more for name in columns if (more := held.more_words(name))}
    return body


@cache
def _booleans() -> frozenset[str]:
    return frozenset(row.name for row in fields().values() if row.type == "boolean")


def _place(body: dict[str, Any], name: str, value: Any) -> None:
    *parents, last = name.split(".")
    for parent in parents:
        body = body.setdefault(parent, {})
    body[last] = value


def clean(value: Any) -> Any:
    """The value as JSON that every parser takes: no NaN, no lone surrogates."""
    kind = type(value)
    if kind is str:
        return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode("utf-8")
    if kind is float:
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): clean(element) for key, element in value.items()}
    if isinstance(value, (list, tuple)):
        return [clean(element) for element in value]
    return value
