"""What makes one model a better answer than another: small whole numbers per word, the same on every engine.

A word found anywhere counts 1, in name, title or tags 2, in the name 4; a name that equals the whole text counts 4 more.
Sums of small integers are exact, so order and ties do not depend on an engine's statistics; ties go by id.
"""

from __future__ import annotations

from collections.abc import Iterator

from catalog.query.nodes import And, Match, Or, Phrase, Query, Term
from indexer.analysis import query_words
from indexer.projected_values import ANY_TEXT
from indexer.projection import HEADING

ANYWHERE, IN_HEADING, IN_NAME, IS_NAME = 1, 1, 2, 4
MAX_UNITS = 200
"""Scoring clauses of one query; words beyond them still filter."""

Unit = tuple[int, Query]
"""A weight, and the query whose matches earn it. `Match` and `Phrase` name text columns of the projection."""


def units(query: Query) -> list[Unit]:
    """What earns score: every text clause that is not negated, wherever it stands. The score is the sum."""
    clauses = list(_units(query))
    return clauses[:MAX_UNITS]


def _units(query: Query) -> Iterator[Unit]:
    match query:
        case And(clauses) | Or(clauses):
            for clause in clauses:
                yield from _units(clause)
        case Match(text, columns):
            for word in query_words(text):
                yield from _tiers(Match(word, columns))
            if not columns and text.strip():
                yield IS_NAME, Term("name", text.strip())
        case Phrase(_, _):
            yield from _tiers(query)
        case _:
            return


def _tiers(clause: Match | Phrase) -> Iterator[Unit]:
    if clause.fields:
        yield ANYWHERE, clause
        return
    make = type(clause)
    yield ANYWHERE, make(clause.text, (ANY_TEXT,))
    yield IN_HEADING, make(clause.text, (HEADING,))
    yield IN_NAME, make(clause.text, ("name",))
