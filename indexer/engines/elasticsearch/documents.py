"""From a model's document to the body that Elasticsearch indexes."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from itertools import chain
from typing import Any

from indexer.analysis import PHRASE_BREAK
from indexer.engines.elasticsearch.columns import DOCUMENT, NUMBERS, PRESENT
from indexer.projection import project
from mappings import fields
from mappings.generate import text_columns
from mappings.metrics import metrics


def make_body(model_id: str, document: Mapping[str, Any]) -> dict[str, Any]:
    """The indexed form, with the document itself inside as it was given. Raises DocumentRejected."""
    projection = project(document)
    body: dict[str, Any] = {DOCUMENT: document, PRESENT: sorted(projection.present)}
    parents = _parents()
    numbers = (
        (name, bool(value) if name in _booleans() else value) for name, value in projection.numbers.items()
    )
    for name, value in chain(projection.keywords.items(), numbers):
        place = parents.get(name)
        if place is None:
            body[name] = value
        else:
            body.setdefault(place[0], {})[place[1]] = value
    body["id"] = model_id
    columns = {name: value for name, value in projection.metrics.items() if name in metrics()}
    if columns:
        body["metrics"] = columns
    others = {f"metrics.{name}": value for name, value in projection.metrics.items() if name not in columns}
    pairs = [
        {"name": name, "value": value} for name, value in chain(others.items(), projection.named.items())
    ]
    if pairs:
        body[NUMBERS] = pairs
    body |= projection.flattened
    if projection.evaluations:
        body["evaluations"] = projection.evaluations
    pieces, words = {}, {}
    for name in projection.texts:
        if name in _text_columns():
            phrases, more = projection.text(name)
            pieces[name] = PHRASE_BREAK.join(phrases)
            if more:
                words[name] = more
    body["pieces"], body["words"] = pieces, words
    return body


@cache
def _text_columns() -> frozenset[str]:
    return frozenset(text_columns())


@cache
def _booleans() -> frozenset[str]:
    return frozenset(row.name for row in fields().values() if row.type == "boolean")


@cache
def _parents() -> Mapping[str, tuple[str, str]]:
    """The object and the key of each field that lies within an object."""
    split = {name: tuple(name.split(".")) for name in fields() if "." in name}
    return {name: (parent, key) for name, (parent, key) in split.items()}
