"""What of a query was not understood as written, and how to mend it."""

from __future__ import annotations

from catalog.lazy_dataclasses import dataclass
from catalog.text.patterns import pattern


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """A whole query text that would mend a problem, and what to call it."""

    label: str
    text: str


PRESENT_ALONE = "is:missing finds what the last crawl missed"
"""What to ask in place of a field that no index holds, since every crawl changes it."""
UNDERSTOOD = frozenset(
    {
        "read-as-octets",
        "read-as-parameters",
        "read-as-percent",
        "reversed-range",
        "unknown-dataset",
        "unknown-metric",
        "unknown-value",
        "unknown-word",
    }
)
"""Codes of conditions that are asked as they were written, or as the message says: the answer is not wider for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryProblem:
    """Something in the query that was not understood as written. [start, end) are characters of the text."""

    code: str
    message: str
    start: int
    end: int
    suggestions: tuple[Suggestion, ...] = ()

    @property
    def understood(self) -> bool:
        """False when something was left out or searched as text, so that a program must not take the answer for its own."""
        return self.code in UNDERSTOOD

    @property
    def reason(self) -> str:
        """The message without what an answer makes of it, for who refuses to answer: nothing is left out there."""
        return reason_of(self.message)


_OUTCOME = pattern(r"; (?:[^;]* is left out(?: until it is clear)?|the words are searched as text)(?=\.)")
"""How sentences end about what an answer goes without, or searches in place of what was asked."""


def reason_of(message: str) -> str:
    """What a sentence says was not understood, without `; it is left out`."""
    return _OUTCOME.sub("", message)
