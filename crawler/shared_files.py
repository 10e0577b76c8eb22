"""Files that tell of thousands of models (a tracker's database), taken in part by part, so that memory holds one of them.

What each part says of a model is packed at once; of the file itself little is left to hold.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Protocol, runtime_checkable

from catalog.normalise.masking import masked_extraction
from catalog.recording.prints import SubjectDigests
from catalog.records import Extraction, FileStatus, Observation, Problem, Risk, Subject
from catalog.store.shares import MIN_SUBJECTS, packed_share, share_name
from crawler.reader import RangedReader

MAX_PROBLEMS = 200


@runtime_checkable
class InParts(Protocol):
    """An extractor that can say what a file tells of its models some at a time; the first part is of the file itself."""

    def parts(self, reader: RangedReader) -> Iterable[Extraction]: ...


class SharedFile:
    """The parts of one file on their way into the store."""

    def __init__(self) -> None:
        self._first: Extraction | None = None
        self._subjects: list[Subject] = []
        self._problems: dict[Problem, None] = {}
        self._risks: dict[Risk, None] = {}
        self._status = FileStatus.OK
        self._digests = SubjectDigests()
        self._left: list[Observation] = []
        self._packed: dict[str, list[bytes]] = defaultdict(list)

    def take(self, part: Extraction) -> None:
        """One more part, in the order of the file."""
        part = masked_extraction(part)
        self._first = self._first or replace(part, observations=(), subjects=())
        self._subjects += part.subjects
        self._problems |= dict.fromkeys(part.problems)
        self._risks |= dict.fromkeys(part.risks)
        self._status = part.status if self._status is FileStatus.OK else self._status
        self._digests.add(part.observations)
        self._left += part.observations
        if len(self._subjects) >= MIN_SUBJECTS:
            self._pack()

    def finished(self) -> tuple[Extraction, Mapping[bytes, bytes] | None]:
        """What the file says of itself and, of many subjects, the rows of what it says of them (None: all is in the first)."""
        if self._first is None:
            message = "an extractor without a part"
            raise RuntimeError(message)
        whole = replace(
            self._first,
            observations=tuple(self._left),
            subjects=tuple(self._subjects),
            problems=tuple(self._problems)[:MAX_PROBLEMS],
            risks=tuple(self._risks)[:MAX_PROBLEMS],
            status=self._status,
        )
        whole = self._digests.applied(whole)
        if not self._packed:
            return whole, None
        digests = {subject.id: subject.digest for subject in whole.subjects}
        rows = {
            share_name(subject, digests[subject], number): body
            for subject, bodies in self._packed.items()
            for number, body in enumerate(bodies)
        }
        return whole, rows

    def _pack(self) -> None:
        if self._first is None:
            return
        known = {subject.id for subject in self._subjects}
        by_subject: dict[str, list[Observation]] = defaultdict(list)
        left: list[Observation] = []
        for seen in self._left:
            (by_subject[seen.subject] if seen.subject in known else left).append(seen)
        self._left = left
        for subject, observations in by_subject.items():
            self._packed[subject].append(packed_share(self._first, observations))
