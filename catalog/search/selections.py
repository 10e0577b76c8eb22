"""Clicked facet values: what they mean as queries, and the states before and after a click."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime

from catalog.query.document_values import is_leaf
from catalog.query.nodes import Exists, Not, Or, Query, Range, Term, Terms, Value
from catalog.query.state import SearchState
from catalog.query.text.comparisons import numeric_leaves
from catalog.query.text.date_conditions import date_leaves
from catalog.query.text.parse_context import Reading, any_of
from catalog.query.text.targets import Target, field_target, number_target, resolve, unknown_metric
from catalog.query.text.tokens import Kind, Piece, Token
from catalog.text.patterns import pattern
from catalog.text.value_names import value_name
from mappings import fields

NONE = "(none)"
"""The value that stands for models without the field."""
MAX_VALUES = 200
MAX_VALUE_CHARACTERS = 500


def target_of(field: str) -> Target | None:
    """What a selection's field is; None for what is no searchable field or metric."""
    row = fields().get(field)
    if row is not None:
        return field_target(row) if row.searchable and row.type != "flattened" else None
    named = number_target(field)
    if named is not None:
        return named
    if field.startswith("metrics."):
        known = resolve(field)
        return known[0] if known and known[0].path == field else unknown_metric(field)
    return None


def selection_query(
    field: str, values: tuple[str, ...], now: datetime | None = None
) -> tuple[Query | None, list[str]]:
    """The query that the chosen values of one facet make, and a sentence for every value that is left out.

    Values of one facet are alternatives. None when no value is left.
    """
    target = target_of(field)
    if target is None:
        return None, [f"{field} cannot be selected; it is left out."]
    reading = Reading(text="", now=now or datetime.now(UTC))
    plain = tuple(dict.fromkeys(value[:MAX_VALUE_CHARACTERS] for value in values if value != NONE))[
        :MAX_VALUES
    ]
    clauses = _alternatives(target, plain, reading) if plain else []
    if NONE in values:
        numbered = is_leaf(field) and not holds_words(field, values)
        clauses.append(Not(Range(field=field)) if numbered else Not(Exists(field)))
    refusals = [problem.message for problem in reading.problems if problem.code != "unknown-metric"]
    if not clauses:
        return None, refusals
    return (clauses[0] if len(clauses) == 1 else Or(tuple(clauses))), refusals


def holds_words(field: str, values: Iterable[str]) -> bool:
    """Whether some of these values of a hyper-parameter are words: `sqrt` is no number and no range of numbers."""
    return is_leaf(field) and any(
        not _compares(value) and _exact(value) is None for value in values if value != NONE
    )


_COMPARISON = pattern(r"[<>=]+\s*[+-]?\.?\d.*|.*\.\..*|\*", re.DOTALL)


def _compares(value: str) -> bool:
    """Whether a value asks for an interval of numbers: `1..20`, `<1`, any at all. No such text is a word."""
    return _COMPARISON.fullmatch(value) is not None


def _alternatives(target: Target, values: tuple[str, ...], reading: Reading) -> list[Query]:
    if holds_words(target.path, values):
        words = tuple(value for value in values if not _compares(value))
        intervals = tuple(value for value in values if _compares(value))
        return [_equal(target.path, words), *(_compared(target, intervals, reading) if intervals else ())]
    if target.kind in {"number", "metric"} and all(".." not in value for value in values):
        exact = tuple(number for value in values if (number := _exact(value)) is not None)
        if len(exact) == len(values):
            return [_equal(target.path, exact)]
    if target.kind in {"number", "metric", "date"}:
        return _compared(target, values, reading)
    if target.kind == "boolean":
        return [Term(target.path, value.casefold() == "true") for value in values]
    return [_equal(target.path, values)]


def _equal(field: str, values: tuple[Value, ...]) -> Query:
    return Terms(field, values) if len(values) > 1 else Term(field, values[0])


def _compared(target: Target, values: tuple[str, ...], reading: Reading) -> list[Query]:
    """Numbers and dates as they are typed. A list is one of several values: `1` and `1..20` are no 1.1..20."""
    pieces = tuple(Piece(text=value, quoted=False, start=0, end=0) for value in values)
    token = Token(kind=Kind.CONDITION, start=0, end=0, operator=":", values=pieces, bracketed=True)
    read = (
        date_leaves(token, target, ":", reading)
        if target.kind == "date"
        else numeric_leaves(token, target, reading)
    )
    leaf = any_of(read)
    return [] if leaf is None else [leaf.node]


def _exact(value: str) -> int | float | None:
    """A facet of numbers (bits) has one value per bucket."""
    try:
        number = float(value)
    except ValueError:
        return None
    if number != number or abs(number) > 1e15:  # noqa: PLR0124 - NaN, and beyond exact doubles
        return None
    return int(number) if number.is_integer() else number


def toggled(state: SearchState, field: str, value: str) -> SearchState:
    """The state after a click on this value."""
    return state.with_values(field, switched(state.selections.get(field, ()), value))


def switched(chosen: tuple[str, ...], value: str) -> tuple[str, ...]:
    """The chosen values of a facet after a click on this one: chosen if it was not, else not."""
    if not chosen:
        return (value,)
    folded = value.casefold()
    kept = tuple(choice for choice in chosen if choice.casefold() != folded)
    return kept if len(kept) < len(chosen) else (*chosen, value)


def selected_label(field: str, value: str) -> str:
    """`Task: ner`, `Parameters: 7B..70B`, `License: none`."""
    target = target_of(field)
    return f"{target.label if target else field}: {value_label(value, field)}"


def value_label(value: str, field: str = "") -> str:
    """What a value is called: codes that have a name go by it."""
    if value == NONE:
        return "none"
    row = fields().get(field)
    return value if row is None or row.named is None else value_name(value, field)


def is_chosen(value: str, chosen: tuple[str, ...]) -> bool:
    """Whether a value of a facet is among the chosen ones, in whatever case."""
    return bool(chosen) and value.casefold() in {choice.casefold() for choice in chosen}
