"""What reading a neighbour comes to, whichever neighbour it is."""

from __future__ import annotations

from catalog.lazy_dataclasses import dataclass, field
from catalog.terminal import printable

MAX_PROBLEMS = 50


@dataclass(slots=True, kw_only=True)
class Pull:
    """What a reading did. `by_persons` counts what persons set otherwise, which stays; `more_problems` has no sentences."""

    models: int = 0
    changed: int = 0
    taken_back: int = 0
    by_persons: int = 0
    problems: list[str] = field(default_factory=list)
    more_problems: int = 0

    @property
    def problem_count(self) -> int:
        return len(self.problems) + self.more_problems

    def tell(self, sentence: str) -> None:
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(printable(sentence))
        else:
            self.more_problems += 1
