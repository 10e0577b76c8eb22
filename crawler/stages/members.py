"""The files of a source that say something about models, as grouping takes them, and the models that they make."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from catalog.records import Group, Member, ObjectKey, SourceId, unread
from catalog.store.documents import LIVE
from catalog.store.manifest import Entry, Manifest, Span
from crawler.grouping.draft import directory_of, is_hidden_below, joined
from crawler.grouping.groups import container_directories, group
from crawler.grouping.neighbourhoods import Neighbourhood, Place, PlaceIndex, neighbourhoods

MAX_UNREAD_FILES = 2000
"""So many files of one model that nobody reads are noted with it."""
BATCH_FILES = 2000
"""So many files are loaded at once, unless one neighbourhood has more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupedPart:
    """The models of one neighbourhood."""

    neighbourhood: Neighbourhood
    groups: Sequence[Group]


class SourceGroups:
    """The models of a source as the manifest has it, without some keys, grouped part by part: in memory are the names of
    its neighbourhoods, and the files of a few of them. Without `chosen` neighbourhoods all outlines are walked for them.
    """

    def __init__(
        self,
        source: SourceId,
        manifest: Manifest,
        without: Collection[ObjectKey] = frozenset(),
        *,
        chosen: Sequence[Neighbourhood] | None = None,
    ) -> None:
        self._source = source
        self._manifest = manifest
        self._without = without
        self.neighbourhoods: Sequence[Neighbourhood] = (
            neighbourhoods(lambda: outlined_files(manifest, without), objects=manifest.objects)
            if chosen is None
            else chosen
        )

    def batches(self, chosen: Iterable[Neighbourhood] | None = None) -> Iterator[list[GroupedPart]]:
        """The models of these neighbourhoods, or of all of them, some thousand files at a time."""
        for batch in _by_size(self.neighbourhoods if chosen is None else chosen):
            yield list(self._grouped(batch))

    def around(self, keys: Iterable[ObjectKey]) -> list[Neighbourhood]:
        """The neighbourhoods in which these keys lie."""
        index = PlaceIndex(place for part in self.neighbourhoods for place in part.places)
        places = {index.of_directory(directory) for directory in set(map(directory_of, keys))}
        return [part for part in self.neighbourhoods if not places.isdisjoint(part.places)]

    def _grouped(self, batch: Sequence[Neighbourhood]) -> Iterator[GroupedPart]:
        owner = {place: number for number, part in enumerate(batch) for place in part.places}
        index = PlaceIndex(owner)
        members: list[list[Member]] = [[] for _ in batch]
        files = self._files(owner, about=sum(part.files for part in batch))
        for member in with_data(self._manifest, files, self._without):
            place = index.of_directory(directory_of(member.object.key))
            if place is not None:
                members[owner[place]].append(member)
        for part, own in zip(batch, members, strict=True):
            everything = with_unread(self._manifest, own, self._without)
            groups = group(self._source, everything, open_directories=part.open_directories)
            yield GroupedPart(neighbourhood=part, groups=groups)

    def _files(self, places: Iterable[Place], *, about: int) -> list[Entry]:
        """The files in these places that say something about models, in key order; there are about so many."""
        spans: list[Span] = []
        keys: list[ObjectKey] = []
        for place in places:
            if place.names is None:
                spans.append(Span(directory=place.directory, deep=place.whole))
            else:
                keys += keys_of(place)
        entries = [*self._manifest.models_files_in(spans, about=about), *files_of(self._manifest, keys)]
        return sorted(entries, key=lambda entry: os.fsencode(entry.object.key)) if keys else entries


def outlined_files(manifest: Manifest, without: Collection[ObjectKey] = frozenset()) -> Iterator[Member]:
    """All files that say something about models, in key order, without these."""
    for entry in manifest.models_files():
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
    page: list[Entry] = []
    for entry in manifest.models_files():
        page.append(entry)
        if len(page) >= BATCH_FILES:
            yield from with_data(manifest, page, without)
            page = []
    yield from with_data(manifest, page, without)


def with_data(
    manifest: Manifest, entries: Sequence[Entry], without: Collection[ObjectKey] = frozenset()
) -> list[Member]:
    """The files that say something about models, then those that they name as their data."""
    members = [
        Member(object=entry.object, extraction=entry.outline)
        for entry in entries
        if entry.object.key not in without
    ]
    known = {member.object.key for member in members}
    named = {key for member in members for key in _referenced(member)} - known
    named -= named.intersection(without)
    data = [entry for entry in manifest.entries(sorted(named)).values() if entry.state == LIVE]
    return members + [Member(object=entry.object, extraction=None) for entry in data if entry.outline is None]


def with_unread(
    manifest: Manifest, members: Sequence[Member], without: Collection[ObjectKey] = frozenset()
) -> list[Member]:
    """The members, then what nobody reads in those of their directories that are one model with all below them."""
    known = {member.object.key for member in members} | set(without)
    more = [
        Member(object=meta, extraction=unread(meta.key))
        for directory in container_directories(members)
        for meta in manifest.unread_files_in(directory, limit=MAX_UNREAD_FILES)
        if meta.key not in known and not is_hidden_below(directory, meta.key)
    ]
    return [*members, *more]


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
