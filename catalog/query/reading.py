"""What the readers of conditions share: the text, the clock, the vocabulary, and the problems found so far."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from catalog.query.names import Vocabulary
from catalog.query.nodes import Query
from catalog.search.state import QueryProblem, Suggestion

MAX_PROBLEMS = 20
"""More would only hide the first ones."""
MAX_SUGGESTED = 8
"""Names or values for which neighbours are looked up: each look-up compares with every name there is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """One condition as understood: its node, and a label that reads as the same node again.

    `loose` is the operator outside all brackets of the label ("and", "or"), empty when the label holds together.
    """

    node: Query
    label: str
    explanation: str = ""
    kind: str = "condition"
    loose: str = ""


@dataclass(slots=True, kw_only=True)
class Reading:
    """One parse in progress."""

    text: str
    now: datetime
    vocabulary: Vocabulary | None = None
    problems: list[QueryProblem] = field(default_factory=list)
    looked_up: int = 0

    def problem(self, code: str, message: str, start: int, end: int, *suggestions: Suggestion) -> None:
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(
                QueryProblem(code=code, message=message, start=start, end=end, suggestions=suggestions)
            )

    def replaced(self, start: int, end: int, new: str, label: str | None = None) -> Suggestion:
        """The whole text with [start, end) written differently."""
        return Suggestion(label=label or new, text=f"{self.text[:start]}{new}{self.text[end:]}".strip())

    def may_look_up(self) -> bool:
        self.looked_up += 1
        return self.looked_up <= MAX_SUGGESTED
