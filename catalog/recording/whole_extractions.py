"""The whole extractions behind the outlines of groups, page by page."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from catalog.records import Extraction, Group, Member, ObjectKey, Observation, is_unread
from catalog.store.entries import with_digest
from catalog.store.manifest import Manifest


@dataclass(slots=True)
class Reading:
    """What one file said."""

    extraction: Extraction
    by_subject: dict[str | None, list[Observation]] | None = None

    def about(self, subject: str | None) -> Extraction:
        """The extraction with what it says of this subject and of the file itself: a tracker's database tells of
        thousands of runs, and each of them is a group.
        """
        if subject is None:
            return self.extraction
        if self.by_subject is None:
            self.by_subject = defaultdict(list)
            for seen in self.extraction.observations:
                self.by_subject[seen.subject].append(seen)
        heard = [seen for name in (None, subject) for seen in self.by_subject.get(name, ())]
        return replace(self.extraction, observations=tuple(heard))


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
        return [filled(group, self._known) for group in page]


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
    return replace(member, extraction=replace(whole, role=member.extraction.role))
