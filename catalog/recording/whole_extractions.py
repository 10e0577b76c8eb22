"""The whole extractions behind the outlines of groups, page by page."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace

from catalog.records import Extraction, Group, Member, ObjectKey, Observation, is_unread
from catalog.store.manifest import Manifest


@dataclass(slots=True)
class _Reading:
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
        self._known: dict[ObjectKey, _Reading] = {}

    def filled(self, groups: Iterable[Group]) -> list[Group]:
        """The groups with whole extractions in place of outlines; the role that grouping gave a file stays."""
        page = list(groups)
        keys = {member.object.key for group in page for member in group.members}
        self._known = {key: reading for key, reading in self._known.items() if key in keys}
        missing = sorted(keys - self._known.keys())
        stored = self._manifest.extractions(missing)
        self._known |= {key: _Reading(extraction) for key, extraction in stored.items()}
        return [replace(group, members=tuple(map(self._filled, group.members))) for group in page]

    def _filled(self, member: Member) -> Member:
        if member.extraction is None or is_unread(member.extraction):
            return member
        reading = self._known.get(member.object.key)
        if reading is None:
            return replace(member, extraction=None)
        return replace(member, extraction=replace(reading.about(member.subject), role=member.extraction.role))
