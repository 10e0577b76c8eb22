"""What of a query was not understood as written, and how to mend it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """A whole query text that would mend a problem, and what to call it."""

    label: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryProblem:
    """Something in the query that was not understood as written. [start, end) are characters of the text."""

    code: str
    message: str
    start: int
    end: int
    suggestions: tuple[Suggestion, ...] = ()
