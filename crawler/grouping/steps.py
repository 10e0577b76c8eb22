"""Which of the checkpoints of one directory is meant where a file says what was measured at a step or in an epoch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

from catalog.layouts.steps import (
    epochs_in_name,
    position_of_subject,
    positions_in_name,
    steps_in,
    steps_in_name,
    stray_subject,
    without_positions,
)
from catalog.records import Member
from crawler.grouping.draft import Draft, name_of


def bind_steps(member: Member, drafts: Sequence[Draft]) -> None:
    """Binds what the file says of each step to the checkpoint of that step; where none is, to those that say nothing of
    theirs. A single model is what all of it is about. Steps that are nobody's are told to all.
    """
    checkpoints = _Checkpoints(drafts)
    stray = set[int]()
    for subject, (_, step) in _positions(member):
        meant = drafts if len(drafts) == 1 else checkpoints.of_step(step)
        for draft in meant:
            draft.bind(replace(member, subject=subject))
        if not meant:
            stray.add(step)
    for draft in drafts if stray else ():
        draft.bind(replace(member, subject=stray_subject(stray)))


def bind_lines(member: Member, drafts: Sequence[Draft]) -> list[Draft]:
    """Binds the lines of a log to those of several checkpoints that say the epoch or the step of the line, by their names or
    inside. The others, but for those whose names say a position of which the log has no line.
    """
    if len(drafts) == 1:
        return list(drafts)
    checkpoints = _Checkpoints(drafts)
    placed = set[str]()
    for subject, (kind, number) in _positions(member):
        by_number = checkpoints.by_epoch if kind == "epoch" else checkpoints.by_step
        for draft in by_number.get(number, ()):
            draft.bind(replace(member, subject=subject))
            placed.add(draft.key)
    return [draft for draft in checkpoints.without_number if draft.key not in placed]


def _positions(member: Member) -> Iterator[tuple[str, tuple[str, int]]]:
    """The subjects of the file that are steps or epochs."""
    for subject in member.extraction.subjects if member.extraction else ():
        if (position := position_of_subject(subject.id)) is not None:
            yield subject.id, position


class _Checkpoints:
    """Models of one directory by where in a run they were written."""

    def __init__(self, drafts: Sequence[Draft]) -> None:
        self.by_step: dict[int, list[Draft]] = defaultdict(list)
        self.by_epoch: dict[int, list[Draft]] = defaultdict(list)
        self.without_number: list[Draft] = []
        """Those whose names say no position."""
        self._by_position: dict[int, list[Draft]] = defaultdict(list)
        self._unplaced: list[Draft] = []
        numbers = {draft.key: positions_in_name(name_of(draft.key)) for draft in drafts}
        shared = set.intersection(*numbers.values()) if numbers else set()
        alike = {without_positions(name_of(key)) for key, positions in numbers.items() if positions - shared}
        for draft in drafts:
            self._add(draft, numbers[draft.key] - shared if len(alike) == 1 else set())

    def of_step(self, step: int) -> Sequence[Draft]:
        """Those that say the step; else those of the number without a word for it; else those that say nothing."""
        return self.by_step.get(step) or self._by_position.get(step) or self._unplaced

    def _add(self, draft: Draft, positions: set[int]) -> None:
        """`positions` are the numbers by which its name alone differs from those of the others."""
        name = name_of(draft.key)
        named, epochs = steps_in_name(name), epochs_in_name(name)
        steps = _steps_inside(draft) or named
        for step in steps:
            self.by_step[step].append(draft)
        for epoch in epochs:
            self.by_epoch[epoch].append(draft)
        if not positions and not named and not epochs:
            self.without_number.append(draft)
        if steps:
            return
        for position in positions:
            self._by_position[position].append(draft)
        if not positions:
            self._unplaced.append(draft)


def _steps_inside(draft: Draft) -> set[int]:
    """The steps at which its weights say that they were written."""
    return {
        step
        for member in draft.weights.values()
        if member.extraction is not None
        for step in steps_in(member.extraction.join_keys)
    }
