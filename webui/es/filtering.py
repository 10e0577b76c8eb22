"""`filter_path`: the parts of an answer that the caller wants, or does not want."""

from __future__ import annotations

import fnmatch
import re
from typing import Any

from catalog.lazy_dataclasses import dataclass
from webui.es.faults import illegal

MAX_PATTERNS = 50
MAX_PATTERN = 300
MAX_STEPS = 20
Steps = tuple[str, ...]
Wanted = frozenset[Steps]
"""Patterns that are still possible below a place of the answer, each without the steps that are done."""


@dataclass(frozen=True, slots=True)
class Filter:
    """The parts to keep (none: all of them) and the parts to leave out."""

    includes: Wanted = frozenset()
    excludes: Wanted = frozenset()

    def applied(self, answer: Any) -> Any:
        """The answer with nothing but what is wanted."""
        if self.excludes:
            answer = _without(answer, self.excludes)
        if not self.includes:
            return answer
        kept = _only(answer, self.includes)
        return {} if kept is None else kept


def read_filter(filter_path: str) -> Filter:
    """The filter that the patterns mean: names between dots, `*` within a name, `**` for any depth, `-` to leave out.

    Raises Fault 400 for more patterns than an answer needs.
    """
    patterns = [pattern.strip() for pattern in filter_path.split(",") if pattern.strip()]
    if len(patterns) > MAX_PATTERNS or any(len(pattern) > MAX_PATTERN for pattern in patterns):
        raise illegal("filter_path", f"is up to {MAX_PATTERNS} patterns of up to {MAX_PATTERN} characters.")
    return Filter(
        includes=frozenset(_steps(pattern) for pattern in patterns if pattern[0] != "-"),
        excludes=frozenset(_steps(pattern[1:]) for pattern in patterns if pattern[0] == "-"),
    )


def _steps(pattern: str) -> Steps:
    steps = tuple(re.split(r"(?<!\\)\.", pattern))
    if len(steps) > MAX_STEPS:
        raise illegal("filter_path", f"goes at most {MAX_STEPS} names deep.")
    return steps


def _below(wanted: Wanted, name: str) -> tuple[Wanted, bool]:
    """What is wanted below `name`, and whether all of it is."""
    rest: set[Steps] = set()
    whole = False
    for steps in wanted:
        for done in _after(steps, name):
            whole = whole or not done or done == ("**",)
            if done:
                rest.add(done)
    return frozenset(rest), whole


def _after(steps: Steps, name: str) -> list[Steps]:
    """The ways to go on with a pattern after one name of the answer."""
    if not steps:
        return []
    head, *tail = steps
    if head == "**":
        # Any depth: stay, or have the name stand for the next step.
        return [steps, *_after(tuple(tail), name)]
    return [tuple(tail)] if fnmatch.fnmatchcase(name, head.replace("\\.", ".")) else []


def _only(value: Any, wanted: Wanted) -> Any:
    """The wanted parts; None where there is none."""
    if isinstance(value, list):
        kept = [part for element in value if (part := _only(element, wanted)) is not None]
        return kept or None
    if not isinstance(value, dict):
        return None
    members: dict[str, Any] = {}
    for name, inner in value.items():
        below, whole = _below(wanted, str(name))
        part = inner if whole else _only(inner, below) if below else None
        if whole or part is not None:
            members[name] = part
    return members or None


def _without(value: Any, unwanted: Wanted) -> Any:
    if isinstance(value, list):
        return [_without(element, unwanted) for element in value]
    if not isinstance(value, dict):
        return value
    members: dict[str, Any] = {}
    for name, inner in value.items():
        below, whole = _below(unwanted, str(name))
        if whole:
            continue
        members[name] = _without(inner, below) if below else inner
    return members
