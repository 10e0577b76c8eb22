"""Which of the checkpoints of one directory is meant where a file says what was measured at a step or in an epoch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
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
from catalog.layouts.variants import without_quantization
from catalog.records import Member
from crawler.grouping.draft import Draft, name_of

MAX_COPIES = 64
"""More files than any network has quantisations."""


def bind_steps(member: Member, drafts: Sequence[Draft]) -> None:
    """Binds what the file says of each step to the checkpoint of that step; a single model is what all of it is about.
    Steps that are nobody's are told to all.
    """
    if len(drafts) == 1:
        for subject, _ in _positions(member):
            drafts[0].bind(replace(member, subject=subject))
        return
    checkpoints = _Checkpoints(drafts)
    unclaimed: dict[int, str] = {}
    for subject, (_, step) in _positions(member):
        meant = checkpoints.of_step(step)
        for draft in meant:
            draft.bind(replace(member, subject=subject))
        if not meant:
            unclaimed[step] = subject
    _bind_unclaimed(member, drafts, checkpoints.without_step, unclaimed)


def _bind_unclaimed(
    member: Member, drafts: Sequence[Draft], without_step: Sequence[Draft], unclaimed: Mapping[int, str]
) -> None:
    """Steps that no checkpoint says are of those that say none. Of several steps beside several of these nobody knows
    which is whose, unless all are one network.
    """
    is_certain = bool(without_step) and (len(unclaimed) == 1 or _are_copies(without_step))
    for draft in without_step if is_certain else ():
        for subject in unclaimed.values():
            draft.bind(replace(member, subject=subject))
    for draft in drafts if unclaimed and not is_certain else ():
        draft.bind(replace(member, subject=stray_subject(unclaimed)))


def _are_copies(drafts: Sequence[Draft]) -> bool:
    """Whether all are quantisations of one network, as GGUF files of one name are; `sales-q1.safetensors` may be a quarter's."""
    if len(drafts) == 1:
        return True
    if not all(key.lower().endswith(".gguf") for draft in drafts for key in draft.weights):
        return False
    return len({_run_name(draft).lower() for draft in drafts}) == 1 and len(drafts) <= MAX_COPIES


def _run_name(draft: Draft) -> str:
    """Its name without the word for its precision, whose numbers (`Q8_0`) count nothing."""
    return without_quantization(name_of(draft.key))


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
        self.without_step: list[Draft] = []
        """Those that say no step, and whose names hold no number that may be one."""
        self._by_position: dict[int, list[Draft]] = defaultdict(list)
        numbers = {draft.key: positions_in_name(_run_name(draft)) for draft in drafts}
        shared = set.intersection(*numbers.values()) if numbers else set()
        alike = {without_positions(_run_name(draft)) for draft in drafts if numbers[draft.key] - shared}
        for draft in drafts:
            self._add(draft, numbers[draft.key] - shared if len(alike) == 1 else set())

    def of_step(self, step: int) -> Sequence[Draft]:
        """Those that say the step; else those of the number without a word for it."""
        return self.by_step.get(step) or self._by_position.get(step) or ()

    def _add(self, draft: Draft, positions: set[int]) -> None:
        """`positions` are the numbers by which its name alone differs from those of the others."""
        name = _run_name(draft)
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
            self.without_step.append(draft)


def _steps_inside(draft: Draft) -> set[int]:
    """The steps at which its weights say that they were written."""
    return {
        step
        for member in draft.weights.values()
        if member.extraction is not None
        for step in steps_in(member.extraction.join_keys)
    }
