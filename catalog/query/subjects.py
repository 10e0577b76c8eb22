"""What a query is about: the metrics that it names and the words that it looks for, read from its nodes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from catalog.query.nodes import And, Exists, Match, Nested, Not, Or, Phrase, Prefix, Query, Range, Term, Terms

METRICS = "metrics."
_METRIC_OF_EVALUATION = "evaluations.metric"


def metrics_of(query: Query) -> tuple[str, ...]:
    """The slugs of the metrics, in their order, each once. A metric that is to be absent is none of them."""
    return tuple(dict.fromkeys(name for name, _ in _metrics(query)))


def compared_metrics(query: Query) -> tuple[str, ...]:
    """Those of them that are compared with a value, not only asked to be there."""
    return tuple(dict.fromkeys(name for name, compared in _metrics(query) if compared))


def words_of(query: Query) -> tuple[str, ...]:
    """The words that are to be found in any text of a model, in their order, each once."""
    return tuple(dict.fromkeys(_words(query)))


def comparisons(query: Query, field: str) -> Iterator[tuple[str, bool]]:
    """The values with which any clause of the query compares the field, and whether it takes all that begin with it."""
    match query:
        case And(clauses) | Or(clauses):
            for clause in clauses:
                yield from comparisons(clause, field)
        case Not(clause):
            yield from comparisons(clause, field)
        case Nested():
            yield from comparisons(query.query, field)
        case Prefix(name, value) if name == field:
            yield str(value), True
        case Term(name, value) if name == field:
            yield str(value), False
        case Terms(name, values) if name == field:
            yield from ((str(value), False) for value in values)


def with_values(query: Query, field: str, values: Mapping[str, str]) -> Query:
    """The query with other values where it asks for these of the field; what only begins with one stays."""
    match query:
        case And(clauses):
            return And(tuple(with_values(clause, field, values) for clause in clauses))
        case Or(clauses):
            return Or(tuple(with_values(clause, field, values) for clause in clauses))
        case Not(clause):
            return Not(with_values(clause, field, values))
        case Nested():
            return replace(query, query=with_values(query.query, field, values))
        case Term(name, value) if name == field:
            return Term(name, values.get(str(value), value))
        case Terms(name, several) if name == field:
            return Terms(name, tuple(values.get(str(value), value) for value in several))
    return query


def scores(query: Query) -> bool:
    """Whether the query adds to the score of what it finds: words do, wherever they are looked for, and conditions do not."""
    match query:
        case Match() | Phrase():
            return True
        case And(clauses) | Or(clauses):
            return any(scores(clause) for clause in clauses)
    return False


def compares_dates(query: Query) -> bool:
    """Whether any clause of the query compares a field with a moment."""
    match query:
        case And(clauses) | Or(clauses):
            return any(map(compares_dates, clauses))
        case Not(clause) | Nested(_, clause):
            return compares_dates(clause)
        case Range():
            return any(isinstance(bound, datetime) for bound in (query.gt, query.gte, query.lt, query.lte))
        case Term(_, value):
            return isinstance(value, datetime)
    return False


def _metrics(query: Query) -> Iterator[tuple[str, bool]]:
    match query:
        case And(clauses) | Or(clauses):
            for clause in clauses:
                yield from _metrics(clause)
        case Not(Exists()):
            return
        case Not(clause) | Nested(_, clause):
            yield from _metrics(clause)
        case Term(field, value) if field == _METRIC_OF_EVALUATION:
            yield str(value), True
        case Range() | Exists() | Term() | Terms() if query.field.startswith(METRICS):
            yield query.field.removeprefix(METRICS), not isinstance(query, Exists)


def _words(query: Query) -> Iterator[str]:
    match query:
        case And(clauses) | Or(clauses):
            for clause in clauses:
                yield from _words(clause)
        case Match(text, ()) | Phrase(text, ()):
            yield from (word for part in text.split() if (word := part.strip("\"'()*")))
