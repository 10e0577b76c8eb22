"""The files of a source that say something about models, as grouping takes them, and the models that they make."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice

from catalog.lazy_dataclasses import dataclass
from catalog.records import Group, Member, ObjectKey, SourceId, unread
from catalog.store.documents import LIVE
from catalog.store.entries import Entry
from catalog.store.manifest import Manifest
from catalog.store.spans import Span
from crawler.grouping.draft import directory_of, is_hidden_below, joined
from crawler.grouping.groups import container_directories, group
from crawler.grouping.neighbourhoods import neighbourhoods
from crawler.grouping.places import Neighbourhood, Place, PlaceIndex

MAX_UNREAD_FILES = 2000
"""So many files of one model that nobody reads are noted with it."""
BATCH_FILES = 2000
"""So many files are loaded at once, unless one neighbourhood has more."""
MOST_KEPT = 10_000
"""So many files, with the names that they give, are kept from a walk through all outlines: to load one again costs as much as
to group it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupedPart:
    """The models of one neighbourhood."""

    neighbourhood: Neighbourhood
    groups: Sequence[Group]


class KeptFiles:
    """The files that a walk through all outlines came by, where they are few."""

    def __init__(self) -> None:
        self._members: list[Member] = []
        self._room = 0

    def noted(self, members: Iterable[Member]) -> Iterator[Member]:
        """The members, kept on the way as long as there is room."""
        self._members, self._room = [], MOST_KEPT
        for member in members:
            if self._room > 0:
                self._keep(member)
            yield member

    def _keep(self, member: Member) -> None:
        self._members.append(member)
        self._room -= 1 + _names_given(member)
        if self._room <= 0:
            self._members = []

    def by_place(self, neighbourhoods: Iterable[Neighbourhood]) -> dict[Place, list[Member]] | None:
        """All files by the places of these neighbourhoods, each place's in key order; None where nobody walked, or they
        were too many.
        """
        if self._room <= 0:
            return None
        index = PlaceIndex(place for part in neighbourhoods for place in part.places)
        files: dict[Place, list[Member]] = {}
        for member in self._members:
            place = index.of_directory(directory_of(member.object.key))
            if place is not None:
                files.setdefault(place, []).append(member)
        return files


class SourceGroups:
    """The models of a source as the manifest has it, without some keys, grouped part by part: in memory are the names of
    its neighbourhoods, and the files of a few of them. Without `chosen` neighbourhoods all outlines are walked for them;
    `kept` are the files of a walk that chose them.
    """

    def __init__(
        self,
        source: SourceId,
        manifest: Manifest,
        without: Collection[ObjectKey] = frozenset(),
        *,
        chosen: Collection[Neighbourhood] | None = None,
        kept: KeptFiles | None = None,
    ) -> None:
        self._source = source
        self._manifest = manifest
        self._without = without
        kept = kept or KeptFiles()
        self.neighbourhoods: Collection[Neighbourhood] = (
            neighbourhoods(lambda: kept.noted(outlined_files(manifest, without)), objects=manifest.objects)
            if chosen is None
            else chosen
        )
        self._files = kept.by_place(self.neighbourhoods)
        self._grouped_before: dict[Neighbourhood, GroupedPart] = {}
        self._room = 0 if self._files is None else MOST_KEPT

    def batches(
        self, chosen: Iterable[Neighbourhood] | None = None, *, again: bool = False
    ) -> Iterator[list[GroupedPart]]:
        """The models of these neighbourhoods, or of all of them, some thousand files at a time. `again` says that they will
        be asked for once more: those of a small source are then kept until they are.
        """
        for batch in _by_size(self.neighbourhoods if chosen is None else chosen):
            before = {part: self._grouped_before.pop(part, None) for part in batch}
            fresh = self._grouped([part for part in batch if before[part] is None])
            grouped = [before[part] or next(fresh) for part in batch]
            if again:
                self._keep(grouped)
            yield grouped

    def around(self, keys: Iterable[ObjectKey]) -> list[Neighbourhood]:
        """The neighbourhoods in which these keys lie."""
        index = PlaceIndex(place for part in self.neighbourhoods for place in part.places)
        places = {index.of_directory(directory) for directory in set(map(directory_of, keys))}
        return [part for part in self.neighbourhoods if not places.isdisjoint(part.places)]

    def _keep(self, grouped: Iterable[GroupedPart]) -> None:
        for part in grouped:
            files = sum(len(group.members) for group in part.groups)
            if files <= self._room:
                self._room -= files
                self._grouped_before[part.neighbourhood] = part

    def _grouped(self, batch: Sequence[Neighbourhood]) -> Iterator[GroupedPart]:
        for part, own in zip(batch, self._members(batch), strict=True):
            everything = with_unread(self._manifest, own, self._without)
            groups = group(self._source, everything, open_directories=part.open_directories)
            yield GroupedPart(neighbourhood=part, groups=groups)

    def _members(self, batch: Sequence[Neighbourhood]) -> list[list[Member]]:
        """The files of each of these neighbourhoods, in key order, then the data that they name."""
        owner = {place: number for number, part in enumerate(batch) for place in part.places}
        index = PlaceIndex(owner)
        members: list[list[Member]] = [self._kept_in(part) for part in batch]
        if self._files is None:
            files = self._loaded(owner, about=sum(part.files for part in batch))
            _distribute(files, index, owner, members)
        data = data_of(self._manifest, list(chain.from_iterable(members)), self._without)
        _distribute(data, index, owner, members)
        return members

    def _kept_in(self, part: Neighbourhood) -> list[Member]:
        if self._files is None:
            return []
        files = [member for place in part.places for member in self._files.get(place, ())]
        return sorted(files, key=_in_key_order) if len(part.places) > 1 else files

    def _loaded(self, places: Iterable[Place], *, about: int) -> list[Member]:
        """The files in these places that say something about models, in key order; there are about so many."""
        spans: list[Span] = []
        keys: list[ObjectKey] = []
        for place in places:
            if place.names is None:
                spans.append(Span(directory=place.directory, deep=place.whole))
            else:
                keys += keys_of(place)
        entries = [*self._manifest.models_files_in(spans, about=about), *files_of(self._manifest, keys)]
        members = list(members_in(entries, self._without))
        return sorted(members, key=_in_key_order) if keys else members


def outlined_files(manifest: Manifest, without: Collection[ObjectKey] = frozenset()) -> Iterator[Member]:
    """All files that say something about models, in key order, without these."""
    return members_in(manifest.models_files(), without)


def members_in(entries: Iterable[Entry], without: Collection[ObjectKey]) -> Iterator[Member]:
    for entry in entries:
        if entry.object.key not in without:
            yield Member(object=entry.object, extraction=entry.outline)


def files_of(manifest: Manifest, keys: Sequence[ObjectKey]) -> list[Entry]:
    """Those of these files that are there and say something about models."""
    entries = manifest.entries(keys).values()
    return [entry for entry in entries if entry.state == LIVE and entry.outline is not None]


def keys_of(place: Place) -> list[ObjectKey]:
    """The files that lie directly in a place, where they are noted."""
    return [ObjectKey(joined(place.directory, name)) for name in place.names or ()]


def members_of(manifest: Manifest, without: Collection[ObjectKey] = frozenset()) -> Iterator[Member]:
    """All files that say something about models, and those that they name as their data."""
    files = outlined_files(manifest, without)
    while page := list(islice(files, BATCH_FILES)):
        yield from page
        yield from data_of(manifest, page, without)


def data_of(
    manifest: Manifest, members: Sequence[Member], without: Collection[ObjectKey] = frozenset()
) -> list[Member]:
    """The files that these name as their data, and that say nothing themselves."""
    known = {member.object.key for member in members}
    named = {key for member in members for key in _referenced(member)} - known
    named = {key for key in named if key not in without}
    data = [entry for entry in manifest.entries(sorted(named)).values() if entry.state == LIVE]
    return [Member(object=entry.object, extraction=None) for entry in data if entry.outline is None]


def with_unread(
    manifest: Manifest, members: Sequence[Member], without: Collection[ObjectKey] = frozenset()
) -> list[Member]:
    """The members, then what nobody reads in those of their directories that are one model with all below them."""
    directories = container_directories(members)
    if not directories:
        return list(members)
    known = {member.object.key for member in members}
    more = [
        Member(object=meta, extraction=unread(meta.key))
        for directory in directories
        for meta in manifest.unread_files_in(directory, limit=MAX_UNREAD_FILES)
        if meta.key not in known and meta.key not in without and not is_hidden_below(directory, meta.key)
    ]
    return [*members, *more]


def _distribute(
    files: Iterable[Member], index: PlaceIndex, owner: Mapping[Place, int], members: Sequence[list[Member]]
) -> None:
    """Adds each file to those of the neighbourhood that its place belongs to, if it lies in one of these."""
    for member in files:
        place = index.of_directory(directory_of(member.object.key))
        if place is not None:
            members[owner[place]].append(member)


def _in_key_order(member: Member) -> bytes:
    return os.fsencode(member.object.key)


def _names_given(member: Member) -> int:
    """How many names a file gives that grouping looks at: most of what it takes of memory, where they are many."""
    extraction = member.extraction
    if extraction is None:
        return 0
    of_subjects = (len(subject.join_keys) + len(subject.part_of) for subject in extraction.subjects)
    return (
        len(extraction.references) + len(extraction.join_keys) + len(extraction.subjects) + sum(of_subjects)
    )


def _by_size(parts: Iterable[Neighbourhood]) -> Iterator[list[Neighbourhood]]:
    batch: list[Neighbourhood] = []
    files = 0
    for part in parts:
        batch.append(part)
        files += part.files
        if files >= BATCH_FILES:
            yield batch
            batch, files = [], 0
    if batch:
        yield batch


def _referenced(member: Member) -> Iterator[ObjectKey]:
    folder = member.object.key.rpartition("/")[0]
    for reference in member.extraction.references if member.extraction else ():
        yield ObjectKey(f"{folder}/{reference.name}" if folder else reference.name)
