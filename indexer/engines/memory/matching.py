"""Whether one document satisfies a query: the plain meaning of every node."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, TypeAlias

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
    Value,
    Wildcard,
)
from catalog.text.wildcards import looks_like
from indexer.analysis import fold, phrase_words, query_words
from indexer.field_values import leaf_text
from indexer.projected_values import ANY_TEXT, Projection
from indexer.projection import project
from mappings import fields


@dataclass(frozen=True, slots=True)
class Item:
    """One model, or one of its evaluations."""

    id: str
    document: Mapping[str, Any]
    projection: Projection
    element: Mapping[str, Any] | None = None

    def values(self, name: str) -> Sequence[Any]:
        """The indexed values of a field: folded text, numbers, dates as milliseconds."""
        if self.element is not None:
            value = self.element.get(name.partition(".")[2])
            return [] if value is None else [value]
        projection = self.projection
        if name in projection.keywords:
            return projection.keywords[name]
        if name in projection.numbers:
            return [projection.numbers[name]]
        if is_metric_on_dataset(name):
            return self.numbers(name)
        root, _, rest = name.partition(".")
        if root in projection.flattened:
            return projection.flattened[root].get(rest, ())
        return [projection.metrics[rest]] if root == "metrics" and rest in projection.metrics else []

    def numbers(self, name: str) -> Sequence[Any]:
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


Matcher: TypeAlias = Callable[[Item], bool]


def matches(query: Query, item: Item) -> bool:
    """Whether the item satisfies the query."""
    return matcher(query)(item)


def matcher(query: Query) -> Matcher:
    """Tells of each item whether it satisfies the query. What the query alone decides is decided here, once."""
    match query:
        case All():
            return lambda _: True
        case Nothing():
            return lambda _: False
        case And(clauses):
            every = [matcher(clause) for clause in clauses]
            return lambda item: all(satisfied(item) for satisfied in every)
        case Or(clauses):
            some = [matcher(clause) for clause in clauses]
            return lambda item: any(satisfied(item) for satisfied in some)
        case Not(clause):
            unwanted = matcher(clause)
            return lambda item: not unwanted(item)
        case Nested(_, inner):
            wanted = matcher(inner)
            return lambda item: any(wanted(element) for element in item.elements())
        case Match() | Phrase():
            return _text(query)
        case _:
            return _of_field(query)


def _of_field(query: Term | Terms | Range | Exists | Prefix | Wildcard) -> Matcher:
    name = query.field
    match query:
        case Term(_, value):
            return _holds(name, (value,))
        case Terms(_, values):
            return _holds(name, values)
        case Range():
            inside = _inside(query)
            return lambda item: any(inside(value) for value in item.numbers(name))
        case Exists():
            return lambda item: (
                bool(item.values(name)) or (item.element is None and name in item.projection.present)
            )
        case Prefix(_, value):
            beginning = fold(value)
            return lambda item: any(text.startswith(beginning) for text in item.values(name))
        case Wildcard(_, value):
            return lambda item: any(looks_like(text, value) for text in item.values(name))


def _holds(name: str, values: Sequence[Value]) -> Matcher:
    """One of these is one of the item's. A number also is what a path below a flattened field writes otherwise: 0.30."""
    wanted = [comparable(name, value) for value in values]
    numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    if numbers and is_leaf(name):
        return lambda item: _share(wanted, item.values(name)) or _share(numbers, item.numbers(name))
    return lambda item: _share(wanted, item.values(name))


def _share(wanted: Sequence[Any], values: Sequence[Any]) -> bool:
    return any(value in values for value in wanted)


def satisfies(query: Query, document: Mapping[str, Any]) -> bool:
    """Whether a document satisfies the query, told from the document alone. One that cannot be indexed satisfies none."""
    try:
        return matches(query, Item(str(document.get("id", "")), document, project(document)))
    except DocumentRejected:
        return False


def _inside(query: Range) -> Callable[[Any], bool]:
    gt, gte, lt, lte = map(ordered_form, (query.gt, query.gte, query.lt, query.lte))
    return lambda value: bool(
        (gt is None or value > gt)
        and (gte is None or value >= gte)
        and (lt is None or value < lt)
        and (lte is None or value <= lte)
    )


def _text(query: Match | Phrase) -> Matcher:
    names = query.fields or (ANY_TEXT,)
    columns = [name for name in names if is_text_column(name)]
    whole = [_holds(name, (query.text,)) for name in names if name not in columns]
    worded = _phrased(query, columns) if isinstance(query, Phrase) else _worded(query, columns)
    return lambda item: any(equals(item) for equals in whole) or worded(item)


def _phrased(query: Phrase, columns: Sequence[str]) -> Matcher:
    wanted = phrase_words(query.text)
    return lambda item: any(
        _contains(phrase.split(), wanted) for name in columns for phrase in item.projection.pieces(name)
    )


def _worded(query: Match, columns: Sequence[str]) -> Matcher:
    asked = query_words(query.text)
    enough = any if query.operator == "or" else all

    def worded(item: Item) -> bool:
        words = [_words(item.projection, name) for name in columns]
        if query.operator == "prefix":
            return all(any(word.startswith(part) for each in words for word in each) for part in asked)
        return enough(any(word in each for each in words) for word in asked)

    return worded if asked else lambda _: False


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
