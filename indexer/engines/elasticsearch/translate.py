"""From query nodes to Elasticsearch's query JSON: only filters, and scores of whole numbers beside them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from catalog.query.document_values import is_leaf, numeral
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
from catalog.query.validate import MAX_LONG, MIN_LONG
from indexer.analysis import fold, phrase_words, query_words
from indexer.engines.elasticsearch.columns import (
    NUMBERS,
    PRESENT,
    comparable,
    has_column,
    is_number_pair,
    is_text,
    kind,
    number_name,
    pieces,
    words,
)
from indexer.field_values import leaf_text
from indexer.projected_values import ANY_TEXT
from indexer.relevance import units

Clause = dict[str, Any]
NOTHING: Clause = {"match_none": {}}
MAX_PREFIX_BYTES = 990
"""Values that agree on so many bytes begin alike; Elasticsearch fails on a longer prefix.

Source: index.max_regex_length, and Lucene's limit of 1,000 states for a chain of them.
"""


def every(clauses: Sequence[Clause]) -> Clause:
    if len(clauses) == 1:
        return clauses[0]
    return {"bool": {"filter": list(clauses)}} if clauses else {"match_all": {}}


def either(clauses: Sequence[Clause]) -> Clause:
    if len(clauses) == 1:
        return clauses[0]
    return {"bool": {"should": list(clauses), "minimum_should_match": 1}} if clauses else NOTHING


def without(clause: Clause) -> Clause:
    return {"bool": {"must_not": [clause]}}


def translate(query: Query) -> Clause:
    """The models (or, inside `nested`, the evaluations) that satisfy the query."""
    match query:
        case All():
            return {"match_all": {}}
        case Nothing():
            return NOTHING
        case And(clauses):
            return every([translate(clause) for clause in clauses])
        case Or(clauses):
            return either([translate(clause) for clause in clauses])
        case Not(clause):
            return without(translate(clause))
        case Term(name, value):
            return _terms(name, (value,))
        case Terms(name, values) if is_number_pair(name):
            return _terms(name, values)
        case Terms(name, values):
            storable = [comparable(name, value) for value in values if _can_hold(name, value)]
            return {"terms": {name: list(dict.fromkeys(storable))}}
        case Range():
            return _range(query)
        case Exists(name):
            return exists(name)
        case Prefix(name, value):
            return _prefix(name, fold(value)) if value else exists(name)
        case Wildcard(name, value):
            return {"wildcard": {name: {"value": fold(value).replace("\\", "\\\\")}}}
        case Match() | Phrase():
            return _text(query)
        case Nested(path, inner):
            return {"nested": {"path": path, "query": translate(inner), "score_mode": "none"}}


def scored(query: Query, *, among: Clause) -> Clause:
    """What satisfies `among`, with the sum of the query's weights as the score."""
    clauses = [
        {"constant_score": {"filter": translate(clause), "boost": weight}} for weight, clause in units(query)
    ]
    if not clauses:
        return {"bool": {"filter": [among]}}
    return {"bool": {"filter": [among], "should": clauses, "minimum_should_match": 0}}


def at_least(query: Query, score: float) -> Clause:
    """The models that earn this score or more: a number of clauses that must match, each as often as it weighs.

    Elasticsearch's own `min_score` does not reach aggregations.
    """
    needed = math.ceil(score)
    clauses = [translate(clause) for weight, clause in units(query) for _ in range(weight)]
    if needed <= 0:
        return {"match_all": {}}
    return (
        {"bool": {"should": clauses, "minimum_should_match": needed}} if needed <= len(clauses) else NOTHING
    )


def exists(name: str) -> Clause:
    if is_number_pair(name) and not is_leaf(name):
        return number_pair(name)
    return {"exists": {"field": name}} if has_column(name) else {"term": {PRESENT: name}}


def number_pair(name: str, *conditions: Clause) -> Clause:
    """The models with a number of this name, on whose value all conditions hold."""
    query = every([{"term": {f"{NUMBERS}.name": number_name(name)}}, *conditions])
    return {"nested": {"path": NUMBERS, "query": query, "score_mode": "none"}}


def _terms(name: str, values: Sequence[Any]) -> Clause:
    """One of the values; below a flattened field a number also is what is written otherwise: 0.30."""
    if not is_number_pair(name):
        (value,) = values
        return {"term": {name: comparable(name, value)}} if _can_hold(name, value) else NOTHING
    clauses = []
    texts = [text for value in values if (text := leaf_text(value)) is not None] if is_leaf(name) else []
    if texts:
        clauses.append({"terms": {name: list(dict.fromkeys(texts))}})
    numbers = [
        number
        for value in values
        if isinstance(value, int | float) and not isinstance(value, bool)
        if (number := numeral(str(leaf_text(value)))) is not None
    ]
    if numbers:
        clauses.append(number_pair(name, {"terms": {f"{NUMBERS}.value": list(dict.fromkeys(numbers))}}))
    return either(clauses)


def _prefix(name: str, beginning: str) -> Clause:
    return {"prefix": {name: beginning.encode()[:MAX_PREFIX_BYTES].decode(errors="ignore")}}


def _range(query: Range) -> Clause:
    given = {"gt": query.gt, "gte": query.gte, "lt": query.lt, "lte": query.lte}
    if is_number_pair(query.field):
        ends = [(name, float(value)) for name, value in given.items() if isinstance(value, int | float)]
        return number_pair(
            query.field, *({"range": {f"{NUMBERS}.value": {name: value}}} for name, value in ends)
        )
    bounds = [(name, comparable(query.field, value)) for name, value in given.items() if value is not None]
    if kind(query.field) == "long":
        # Elasticsearch fails on a bound that is no long instead of comparing with it.
        if any(_excludes_every_long(name, value) for name, value in bounds):
            return NOTHING
        bounds = [(name, value) for name, value in bounds if MIN_LONG <= value <= MAX_LONG]
    if not bounds:
        return exists(query.field)
    extra = {"format": "epoch_millis"} if kind(query.field) == "date" else {}
    # One clause per bound: Elasticsearch lets the last of gt and gte win instead of holding to both.
    return every([{"range": {query.field: {name: value, **extra}}} for name, value in bounds])


def _can_hold(name: str, value: Any) -> bool:
    """Whether the column may hold the value: no long has more than 64 bits, no flattened field an empty text."""
    return MIN_LONG <= value <= MAX_LONG if kind(name) == "long" else comparable(name, value) is not None


def _excludes_every_long(name: str, bound: float) -> bool:
    return bound > MAX_LONG if name in {"gt", "gte"} else bound < MIN_LONG


def _text(query: Match | Phrase) -> Clause:
    names = query.fields or (ANY_TEXT,)
    columns = [name for name in names if is_text(name)]
    whole = [
        {"term": {name: comparable(name, query.text)}}
        for name in names
        if name not in columns and comparable(name, query.text) is not None
    ]
    return either(
        [*whole, _phrase(columns, query.text) if isinstance(query, Phrase) else _words(columns, query)]
    )


def _words(columns: Sequence[str], query: Match) -> Clause:
    kind_of_clause = "prefix" if query.operator == "prefix" else "term"
    clauses = [
        either([{kind_of_clause: {place(name): word}} for name in columns for place in (pieces, words)])
        for word in query_words(query.text)
    ]
    if not clauses or not columns:
        return NOTHING
    return either(clauses) if query.operator == "or" else every(clauses)


def _phrase(columns: Sequence[str], text: str) -> Clause:
    wanted = " ".join(phrase_words(text))
    return either([{"match_phrase": {pieces(name): wanted}} for name in columns]) if wanted else NOTHING
