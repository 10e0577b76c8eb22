"""What becomes of records whose group is not there any more: of a page of them, and of all of a source in little memory."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import IntEnum
from heapq import merge
from typing import NamedTuple

from catalog.lazy_dataclasses import dataclass, field
from catalog.records import ModelId
from catalog.store.digests import DIGEST_BYTES

GUARD_MODELS = 50
GUARD_SHARE = 0.10
SORTED_AT_ONCE = 2000
NOWHERE = bytes(DIGEST_BYTES)


class Fate(IntEnum):
    """What became of a model."""

    LOST = 0
    MOVED = 1
    SUPERSEDED = 2
    GONE = 3


@dataclass(slots=True)
class Verdicts:
    """Those of a page of records."""

    lost: list[ModelId] = field(default_factory=list)
    moved: dict[ModelId, ModelId] = field(default_factory=dict)
    superseded: dict[ModelId, ModelId] = field(default_factory=dict)
    gone: list[ModelId] = field(default_factory=list)


class Verdict(NamedTuple):
    """What became of one model, and which it is now or has become a part of; `number` says in which order it was judged."""

    number: int
    model: ModelId
    fate: Fate
    target: ModelId | None


class AllVerdicts:
    """Those of all records of a source, each until the model has departed. 100,000 take 8 MB."""

    def __init__(self, page: Verdicts | None = None) -> None:
        self._counts: Counter[Fate] = Counter()
        self._fates = bytearray()
        self._models = bytearray()
        self._targets = bytearray()
        self._departed = bytearray()
        self._by_target: array[int] | None = None
        if page is not None:
            self.take(page)

    def take(self, page: Verdicts) -> None:
        """Appends those of a page."""
        self._append(Fate.LOST, dict.fromkeys(page.lost))
        self._append(Fate.MOVED, page.moved)
        self._append(Fate.SUPERSEDED, page.superseded)
        self._append(Fate.GONE, dict.fromkeys(page.gone))

    def count(self, fate: Fate) -> int:
        return self._counts[fate]

    def models(self, *fates: Fate) -> Iterator[ModelId]:
        """The models of which one of these became, or of whatever became something, in the order in which they were judged."""
        wanted = bytes(fates or Fate)
        return (self._model(number) for number, fate in enumerate(self._fates) if fate in wanted)

    def origins(self, targets: Iterable[ModelId]) -> dict[ModelId, Verdict]:
        """By those of these models that were others before: which. One that moved there stands before those that it took in."""
        origins: dict[ModelId, Verdict] = {}
        for verdict in self._towards(targets):
            target = verdict.target or verdict.model
            if target not in origins or origins[target].fate is not Fate.MOVED or verdict.fate is Fate.MOVED:
                origins[target] = verdict
        return origins

    def leaving_for(self, targets: Iterable[ModelId]) -> list[Verdict]:
        """The models that have not departed and are now one of these, or a part of it."""
        return [verdict for verdict in self._towards(targets) if not self._departed[verdict.number]]

    def staying(self) -> Iterator[Verdict]:
        """All that have not departed; those that do meanwhile are left out."""
        return (self._verdict(number) for number in range(len(self._fates)) if not self._departed[number])

    def depart(self, verdicts: Iterable[Verdict]) -> None:
        """These models are not at their old places any more."""
        for verdict in verdicts:
            self._departed[verdict.number] = True

    def too_many(self, live: int) -> bool:
        """Whether so much would be lost that a person has to look first."""
        return are_too_many(self.count(Fate.LOST), live)

    def _append(self, fate: Fate, whither: Mapping[ModelId, ModelId | None]) -> None:
        for model, target in whither.items():
            self._fates.append(fate)
            self._models += bytes.fromhex(model)
            self._targets += NOWHERE if target is None else bytes.fromhex(target)
        self._departed += bytes(len(whither))
        self._counts[fate] += len(whither)
        self._by_target = None

    def _towards(self, targets: Iterable[ModelId]) -> Iterator[Verdict]:
        if self._by_target is None:
            self._by_target = array("L", merge(*self._sorted_runs(), key=self._target))
        ordered: Sequence[int] = self._by_target
        for target in targets:
            wanted = bytes.fromhex(target)
            place = bisect_left(ordered, wanted, key=self._target)
            while place < len(ordered) and self._target(ordered[place]) == wanted:
                yield self._verdict(ordered[place])
                place += 1

    def _sorted_runs(self) -> Iterator[array[int]]:
        """All numbers, some at a time in the order of their targets: to sort all at once takes as much as they do."""
        for start in range(0, len(self._fates), SORTED_AT_ONCE):
            end = min(start + SORTED_AT_ONCE, len(self._fates))
            yield array("L", sorted(range(start, end), key=self._target))

    def _verdict(self, number: int) -> Verdict:
        target = self._target(number)
        return Verdict(
            number,
            self._model(number),
            Fate(self._fates[number]),
            None if target == NOWHERE else ModelId(target.hex()),
        )

    def _model(self, number: int) -> ModelId:
        return ModelId(self._models[number * DIGEST_BYTES : (number + 1) * DIGEST_BYTES].hex())

    def _target(self, number: int) -> bytes:
        return bytes(self._targets[number * DIGEST_BYTES : (number + 1) * DIGEST_BYTES])


def are_too_many(lost: int, live: int) -> bool:
    """Whether so many of the live models may not go missing by themselves."""
    return lost > max(GUARD_MODELS, GUARD_SHARE * live)
