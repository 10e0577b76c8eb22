"""Models that are not there any more are found by who asks for them, and stand in nobody's way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from catalog.query.nodes import All, And, Nested, Not, Or, Prefix, Query, Term, Terms, Wildcard
from catalog.text.absence import ABSENT

_ASKED_BY = {"status": frozenset(ABSENT), "flags": frozenset({"missing", "moved", "removed"})}
HIDDEN = Not(Terms("status", ABSENT))


def asked_for(queries: Iterable[Query]) -> bool:
    """Whether any condition speaks of models that are not there: by that word, or by the id of one model."""
    return any(map(_speaks_of_absent, (node for query in queries for node in _leaves(query))))


def only_present(query: Query) -> Query:
    """The query without what is not there any more."""
    match query:
        case All():
            return HIDDEN
        case And(clauses=clauses):
            return And((*clauses, HIDDEN))
    return And((query, HIDDEN))


def _leaves(query: Query) -> Iterator[Query]:
    todo = [query]
    while todo:
        match node := todo.pop():
            case And(clauses=clauses) | Or(clauses=clauses):
                todo += clauses
            case Not(clause=clause):
                todo.append(clause)
            case Nested():
                pass
            case _:
                yield node


def _speaks_of_absent(node: Query) -> bool:
    match node:
        case Term(field="id") | Terms(field="id") | Prefix(field="id") | Wildcard(field="id"):
            return True
        case Term(field=field, value=value):
            return value in _ASKED_BY.get(field, ())
        case Terms(field=field, values=values):
            return not _ASKED_BY.get(field, frozenset()).isdisjoint(values)
    return False
