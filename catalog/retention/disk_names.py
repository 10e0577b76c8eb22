"""Names of files on a disk: which of them are the same bytes, which are links to others, and what is freed when some go."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from catalog.lazy_dataclasses import dataclass, field
from catalog.records import ObjectKey, SourceId
from catalog.records.retention import DiskEntry
from catalog.store.retention import OwnFile

Place = tuple[SourceId, ObjectKey]
EntryAt = Callable[[SourceId, ObjectKey], DiskEntry | None]


def nothing_known(_source: SourceId, _key: ObjectKey) -> None:
    """Of a storage that has no names of files, or is not to be reached."""


@dataclass(slots=True)
class DiskNames:
    """What is remembered of the files that may go: those with several names, and which names are links."""

    entry: EntryAt
    _places: dict[str, Sequence[Place]] = field(default_factory=dict)
    _links: set[Place] = field(default_factory=set)
    _links_of: dict[str, list[Place]] = field(default_factory=dict)
    _held: set[str] = field(default_factory=set)

    def note(self, files: Sequence[OwnFile], places: Mapping[str, Sequence[Place]]) -> None:
        """Looks at these files, and at the other names of their bytes that are listed somewhere."""
        for own in files:
            if own.identity is None or own.identity in self._places:
                continue
            listed = places.get(own.identity, [(own.source, own.key)])
            entries = {place: known for place in listed if (known := self.entry(*place)) is not None}
            links = {place for place, known in entries.items() if known.is_link}
            own_names = len(listed) - len(links)
            if any(known.names > own_names for known in entries.values() if not known.is_link):
                self._held.add(own.identity)
            self._links |= links
            if len(listed) > 1:
                self._places[own.identity] = listed
                self._links_of[own.identity] = sorted(links)

    def others(self, own: OwnFile) -> Sequence[Place]:
        """Every listed name of the same bytes, with its own, if there are several."""
        return self._places.get(str(own.identity), ())

    def links_to(self, own: OwnFile) -> list[Place]:
        """The links that lead nowhere without this file; none of a link itself."""
        is_link = (own.source, own.key) in self._links
        return [] if is_link else self._links_of.get(str(own.identity), [])

    def freed(self, own: OwnFile, leaving: Collection[Place], counted: set[str]) -> int:
        """Bytes that are free when these names have left: 0 for a link, where a name of its own stays, and for all but the
        first name of what is `counted`.
        """
        if own.identity is None:
            return own.size_bytes
        if (own.source, own.key) in self._links or own.identity in self._held or own.identity in counted:
            return 0
        names = [place for place in self.others(own) if place not in self._links]
        if len(names) > 1:
            counted.add(own.identity)
        return own.size_bytes if len(names) < 2 or all(place in leaving for place in names) else 0
