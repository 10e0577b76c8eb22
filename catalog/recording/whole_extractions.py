"""The whole extractions behind the outlines of groups, page by page."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from catalog.lazy_dataclasses import dataclass, field, replace
from catalog.records import Extraction, Group, Member, ObjectKey, Observation, Subject, is_unread
from catalog.store.entries import with_digest
from catalog.store.manifest import Manifest
from catalog.store.manifest_rows import Share, Shares
from catalog.store.shares import may_have_shares

WITNESSES = 3
"""So many subjects of a file tell that it has more than one."""


@dataclass(slots=True)
class Reading:
    """What one file said."""

    extraction: Extraction
    shares: Mapping[str, Sequence[Observation]] = field(default_factory=dict)
    """What it says of subjects that have rows of their own in the store."""
    by_subject: dict[str | None, list[Observation]] | None = None
    subjects: dict[str, list[Subject]] | None = None

    def about(self, subject: str | None) -> Extraction:
        """The extraction with what it says of this subject and of the file itself, and with no more of the others than
        that there are some: a tracker's database tells of thousands of runs, and each of them is a group.
        """
        if subject is None:
            return self.extraction
        if self.by_subject is None or self.subjects is None:
            self.by_subject, self.subjects = defaultdict(list), defaultdict(list)
            for seen in self.extraction.observations:
                self.by_subject[seen.subject].append(seen)
            for named in self.extraction.subjects:
                self.subjects[named.id].append(named)
        observations = [seen for name in (None, subject) for seen in self.by_subject.get(name, ())]
        observations += self.shares.get(subject, ())
        others = [other for other in self.extraction.subjects[:WITNESSES] if other.id != subject]
        return replace(
            self.extraction,
            observations=tuple(observations),
            subjects=(*self.subjects.get(subject, ()), *others),
        )


class WholeExtractions:
    """Reads them from the manifest; what the page before had too is not read again."""

    def __init__(self, manifest: Manifest) -> None:
        self._manifest = manifest
        self._known: dict[ObjectKey, Reading] = {}

    def filled(self, groups: Iterable[Group]) -> list[Group]:
        """As `filled` of each."""
        page = list(groups)
        keys = {member.object.key for group in page for member in group.members}
        self._known = {key: reading for key, reading in self._known.items() if key in keys}
        missing = sorted(keys - self._known.keys())
        stored = self._manifest.extractions(missing)
        self._known |= {key: Reading(extraction) for key, extraction in stored.items()}
        read_shares(self._known, page, self._manifest.shares)
        return [filled(group, self._known) for group in page]


def read_shares(
    readings: Mapping[ObjectKey, Reading],
    groups: Iterable[Group],
    read: Callable[[Sequence[Share]], Shares],
) -> None:
    """Completes the readings by what has rows of its own in the store; only what may have some is asked for."""
    split = {key for key, reading in readings.items() if may_have_shares(reading.extraction)}
    members = (member for group in groups for member in group.members if member.object.key in split)
    wanted = sorted({(member.object.key, member.subject) for member in members if member.subject})
    shares = read(wanted) if wanted else {}
    for key, reading in readings.items():
        reading.shares = shares.get(key, {})


def filled(group: Group, readings: Mapping[ObjectKey, Reading]) -> Group:
    """The group with whole extractions in place of outlines; the role that grouping gave a file stays."""
    return replace(group, members=tuple(_filled(member, readings) for member in group.members))


def _filled(member: Member, readings: Mapping[ObjectKey, Reading]) -> Member:
    if member.extraction is None or is_unread(member.extraction):
        return member
    reading = readings.get(member.object.key)
    if reading is None:
        return replace(member, extraction=None)
    whole = with_digest(reading.about(member.subject), member.extraction)
    if whole.role is not member.extraction.role:
        whole = replace(whole, role=member.extraction.role)
    return replace(member, extraction=whole)
