"""Whether one document satisfies a query: the plain meaning of every node."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from catalog.errors import DocumentRejected
from catalog.lazy_dataclasses import dataclass
from catalog.query.document_values import has_named_number, is_leaf, is_metric_on_dataset
from catalog.query.instants import milliseconds
from catalog.query.nodes import (
    All,
    And,
    Exists,
    Match,
    Nested,
    Not,
    Nothing,
    Or,
    Phrase,
    Prefix,
    Query,
    Range,
    Term,
    Terms,
    Wildcard,
)
from catalog.text.wildcards import looks_like
from indexer.analysis import fold, phrase_words, query_words
from indexer.projection import ANY_TEXT, Projection, leaf_text, project
from mappings import fields


@dataclass(frozen=True, slots=True)
class Item:
    """One model, or one of its evaluations."""

    id: str
    document: Mapping[str, Any]
    projection: Projection
    element: Mapping[str, Any] | None = None

    def values(self, name: str) -> list[Any]:
        """The indexed values of a field: folded text, numbers, dates as milliseconds."""
        if self.element is not None:
            value = self.element.get(name.partition(".")[2])
            return [] if value is None else [value]
        projection = self.projection
        if is_metric_on_dataset(name):
            return self.numbers(name)
        if name in projection.keywords:
            return list(projection.keywords[name])
        if name in projection.numbers:
            return [projection.numbers[name]]
        root, _, rest = name.partition(".")
        if root in projection.flattened:
            return list(projection.flattened[root].get(rest, ()))
        return [projection.metrics[rest]] if root == "metrics" and rest in projection.metrics else []

    def numbers(self, name: str) -> list[Any]:
        """What is put into an order: the values, but of a path below a flattened field its one number."""
        if self.element is not None or not has_named_number(name):
            return self.values(name)
        number = self.projection.named.get(fold(name))
        return [] if number is None else [number]

    def elements(self) -> list[Item]:
        return [
            Item(self.id, self.document, self.projection, element) for element in self.projection.evaluations
        ]


def comparable(name: str, value: Any) -> Any:
    """A query's value in the form that `Item.values` has."""
    if isinstance(value, datetime):
        return milliseconds(value)
    if is_leaf(name):
        return leaf_text(value)
    return fold(value) if isinstance(value, str) else value


def ordered_form(bound: Any) -> Any:
    """A bound in the form that `Item.numbers` has."""
    return milliseconds(bound) if isinstance(bound, datetime) else bound


def matches(query: Query, item: Item) -> bool:
    """Whether the item satisfies the query."""
    match query:
        case All():
            return True
        case Nothing():
            return False
        case And(clauses):
            return all(matches(clause, item) for clause in clauses)
        case Or(clauses):
            return any(matches(clause, item) for clause in clauses)
        case Not(clause):
            return not matches(clause, item)
        case Term(name, value):
            return _holds(item, name, value)
        case Terms(name, values):
            return any(_holds(item, name, value) for value in values)
        case Range():
            return any(_inside(query, value) for value in item.numbers(query.field))
        case Exists(name):
            return bool(item.values(name)) or (item.element is None and name in item.projection.present)
        case Prefix(name, value):
            return any(text.startswith(fold(value)) for text in item.values(name))
        case Wildcard(name, value):
            return any(looks_like(text, value) for text in item.values(name))
        case Match() | Phrase():
            return _text(query, item)
        case Nested(_, inner):
            return any(matches(inner, element) for element in item.elements())


def _holds(item: Item, name: str, value: Any) -> bool:
    """Whether this is one of the values. A number also is what a path below a flattened field writes otherwise: 0.30."""
    if comparable(name, value) in item.values(name):
        return True
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and is_leaf(name) and value in item.numbers(name)


def satisfies(query: Query, document: Mapping[str, Any]) -> bool:
    """Whether a document satisfies the query, told from the document alone. One that cannot be indexed satisfies none."""
    try:
        return matches(query, Item(str(document.get("id", "")), document, project(document)))
    except DocumentRejected:
        return False


def _inside(query: Range, value: Any) -> bool:
    return bool(
        (query.gt is None or value > ordered_form(query.gt))
        and (query.gte is None or value >= ordered_form(query.gte))
        and (query.lt is None or value < ordered_form(query.lt))
        and (query.lte is None or value <= ordered_form(query.lte))
    )


def _text(query: Match | Phrase, item: Item) -> bool:
    names = query.fields or (ANY_TEXT,)
    columns = [name for name in names if is_text_column(name)]
    if any(comparable(name, query.text) in item.values(name) for name in names if name not in columns):
        return True
    if isinstance(query, Phrase):
        wanted = phrase_words(query.text)
        return any(
            _contains(phrase.split(), wanted) for name in columns for phrase in item.projection.pieces(name)
        )
    words = frozenset[str]().union(*(_words(item.projection, name) for name in columns))
    asked = query_words(query.text)
    if query.operator == "prefix":
        return bool(asked) and all(any(word.startswith(part) for word in words) for part in asked)
    return bool(asked) and (any if query.operator == "or" else all)(word in words for word in asked)


@lru_cache(maxsize=200_000)
def _words(projection: Projection, column: str) -> frozenset[str]:
    pieces, more = projection.text(column)
    return frozenset(" ".join([*pieces, more]).split())


def is_text_column(name: str) -> bool:
    """Whether words are looked up in this column; every other field compares its whole value."""
    row = fields().get(name)
    return name.startswith("_") or (row is not None and row.type in {"text", "name"})


def _contains(words: list[str], wanted: list[str]) -> bool:
    length = len(wanted)
    return length > 0 and any(words[at : at + length] == wanted for at in range(len(words) - length + 1))
