"""What the readers of conditions share: one parse in progress, and conditions as understood, joined and negated."""

from __future__ import annotations

from datetime import datetime

from catalog.lazy_dataclasses import dataclass, field
from catalog.query.nodes import And, Not, Or, Query
from catalog.query.problems import QueryProblem, Suggestion
from catalog.query.text.targets import MAX_NAME_CHARACTERS, Target, Vocabulary, parameter_target
from catalog.text.slugs import stored_slug

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
    asked: dict[str, bool] = field(default_factory=dict)  # hyper-parameters that the engine was asked for
    named: bool = False  # a sentence that is a name of a model, and stays words

    def problem(self, code: str, message: str, start: int, end: int, *suggestions: Suggestion) -> None:
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(
                QueryProblem(code=code, message=message, start=start, end=end, suggestions=suggestions)
            )

    def replaced(self, start: int, end: int, new: str, label: str | None = None) -> Suggestion:
        """The whole text with [start, end) written differently."""
        return Suggestion(label=label or new, text=f"{self.text[:start]}{new}{self.text[end:]}".strip())

    def parameter(self, name: str) -> tuple[Target, ...]:
        """The hyper-parameter of that name where the catalog has more of them than the vocabulary lists; empty for others."""
        key = stored_slug(name) if name.strip() and len(name) <= MAX_NAME_CHARACTERS else ""
        if self.vocabulary is None or not key or not self.vocabulary.parameters:
            return ()
        if key not in self.asked:
            if len(self.asked) >= MAX_SUGGESTED:
                return ()
            self.asked[key] = self.vocabulary.is_parameter(key)
        return (parameter_target(key),) if self.asked[key] else ()

    def may_look_up(self) -> bool:
        self.looked_up += 1
        return self.looked_up <= MAX_SUGGESTED


def any_of(leaves: list[Leaf]) -> Leaf | None:
    """One leaf that means any of these (none of these, when they are negations)."""
    if len(leaves) < 2:
        return leaves[0] if leaves else None
    nodes = tuple(leaf.node for leaf in leaves)
    explanation = "; ".join(dict.fromkeys(leaf.explanation for leaf in leaves if leaf.explanation))
    if all(isinstance(node, Not) for node in nodes):
        return Leaf(
            node=And(nodes),
            label=" ".join(leaf.label for leaf in leaves),
            explanation=explanation,
            loose="and",
        )
    flat = tuple(clause for node in nodes for clause in (node.clauses if isinstance(node, Or) else (node,)))
    return Leaf(
        node=Or(flat), label=" OR ".join(leaf.label for leaf in leaves), explanation=explanation, loose="or"
    )


def negated(leaf: Leaf) -> Leaf:
    """The opposite: a minus goes or comes, `has:` and `missing:` trade places."""
    node = leaf.node.clause if isinstance(leaf.node, Not) else Not(leaf.node)
    return Leaf(node=node, label=_opposite(leaf), explanation=leaf.explanation, kind=leaf.kind)


def _opposite(leaf: Leaf) -> str:
    return f"-({leaf.label})" if leaf.loose else opposite(leaf.label)


def opposite(label: str) -> str:
    """The text of the opposite of one condition."""
    for word, other in (("has:", "missing:"), ("missing:", "has:")):
        if label.startswith(word):
            return other + label.removeprefix(word)
    return label[1:] if label.startswith("-") else f"-{label}"
