"""A source split into neighbourhoods: the smallest sets of files that grouping may treat apart.

`group` of all files is the union of `group` of each neighbourhood. So a source is grouped in flat memory, and an event
costs what its neighbourhood costs.

A directory is open when no model lies in it and nothing in it is lent to a model below: then each directory below is a
place of its own, and so are the files that lie directly in it. Any other directory is one place with all below it. Places
are one neighbourhood when a file of one names something of the other: a key that a run, a checksum file or a pointer
gives, or the bytes of a blob.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Protocol

from catalog.layouts.content_addressed import content_key, is_shared_blob
from catalog.lazy_dataclasses import dataclass, field, replace
from catalog.records import Extraction, Member, ObjectMeta
from catalog.store.directories import (
    DIRECTORY,
    IDENTITY,
    PATH,
    SHA256,
    Directory,
    Tie,
    target_of,
    ties_of_bytes,
)
from crawler.grouping.directories import BLOBS, DirectoryFacts, DirectoryRules
from crawler.grouping.draft import directory_of, name_of, upwards
from crawler.grouping.layouts import HUB_REPOSITORY
from crawler.grouping.manifests import LAYER, PART
from crawler.grouping.places import Neighbourhood, Neighbourhoods, Place, PlaceIndex
from crawler.promises import FileNames, installed


class SplitNotes(Protocol):
    """Who keeps what a source was split by."""

    def directory(self, row: Directory) -> None: ...

    def ties(self, ties: Mapping[str, Iterable[Tie]]) -> None: ...


@dataclass(slots=True)
class _OpenDirectory:
    """A directory of which the walk has not seen the end."""

    facts: DirectoryFacts
    folders: frozenset[str] = frozenset()
    models_below: int = 0
    files_below: int = 0
    places: Neighbourhoods = field(default_factory=Neighbourhoods)
    """Those in it, each by itself."""

    @property
    def path(self) -> str:
        return self.facts.path

    def closed(self) -> Directory:
        return replace(
            self.facts.directory(),
            folders=self.folders,
            files_below=self.files_below,
            models_below=self.models_below,
        )


def neighbourhoods(
    walk: Callable[[], Iterable[Member]],
    *,
    objects: Callable[[], Iterable[ObjectMeta]] | None = None,
    file_names: FileNames | None = None,
    notes: SplitNotes | None = None,
) -> Neighbourhoods:
    """The neighbourhoods of a source, in order. `walk` gives its members with outlines in key order; data that a member
    names may be left out. `objects` gives everything that may be data, too, and is asked only where hashes or blobs are
    named; without it these are the objects of the members. Memory grows with the number of places, not of files.
    """
    rules = DirectoryRules(file_names or installed())
    links = _Links()
    places = _places(links.noted(walk()), rules, notes)
    if notes is not None:
        notes.ties(links.by_directory())
    for directory, target in packages(places.places(), rules.file_names):
        links.tie(directory, f"{DIRECTORY}{target}")
    if links.needs_second_look:
        links.look_again((member.object for member in walk()) if objects is None else objects())
    return joined_places(places, links.sets())


def members_of(neighbourhood: Neighbourhood, walk: Iterable[Member]) -> list[Member]:
    """Those of these members that lie in the neighbourhood."""
    return [
        member for member in walk if any(place.holds(member.object.key) for place in neighbourhood.places)
    ]


def _places(members: Iterable[Member], rules: DirectoryRules, notes: SplitNotes | None) -> Neighbourhoods:
    stack = [_OpenDirectory(DirectoryFacts("", rules.file_names))]
    for member in members:
        folder = directory_of(member.object.key)
        while not _is_within(folder, stack[-1].path):
            _close(stack, rules, notes)
        for path in reversed(list(_between(folder, stack[-1].path))):
            stack[-1].folders |= rules.folders(path)
            stack.append(_OpenDirectory(DirectoryFacts(path, rules.file_names)))
        stack[-1].facts.add(member)
    while len(stack) > 1:
        _close(stack, rules, notes)
    return _closed(stack[0], stack[0].closed(), rules, notes)


def _is_within(folder: str, directory: str) -> bool:
    return not directory or folder == directory or folder.startswith(f"{directory}/")


def _between(folder: str, directory: str) -> Iterator[str]:
    """The folder and what is above it, below the directory."""
    for path in upwards(folder):
        if path == directory:
            return
        yield path


def _close(stack: list[_OpenDirectory], rules: DirectoryRules, notes: SplitNotes | None) -> None:
    walked = stack.pop()
    directory = walked.closed()
    stack[-1].places.take(_closed(walked, directory, rules, notes))
    stack[-1].files_below += directory.all_files
    stack[-1].models_below += rules.models(directory)


def _closed(
    walked: _OpenDirectory, directory: Directory, rules: DirectoryRules, notes: SplitNotes | None
) -> Neighbourhoods:
    is_open = rules.is_open(directory)
    if notes is not None and directory.all_files:
        notes.directory(directory if is_open else replace(directory, names=None))
    if not is_open:
        return Neighbourhoods.of_places([whole_place(directory)] if directory.all_files else [])
    if not directory.files:
        return walked.places
    places = Neighbourhoods.of_places([flat_place(directory)])
    places.take(walked.places)
    return places


def whole_place(directory: Directory) -> Place:
    return Place(directory.path, whole=True, files=directory.all_files)


def flat_place(directory: Directory, names: tuple[str, ...] | None = None) -> Place:
    return Place(directory.path, whole=False, files=directory.files, names=names)


def packages(places: Iterable[Place], file_names: FileNames) -> Iterator[tuple[str, str]]:
    """Directories that share the key of another, which may not be there."""
    for place in places:
        name = file_names.without_package_suffix(place.directory)
        if place.whole and name != place.directory:
            yield place.directory, name


def ties_of(member: Member) -> set[Tie]:
    """The names by which the file finds models elsewhere, or other files that speak of the same thing, and those by which
    others find it.
    """
    key = member.object.key
    names = set(_named(member.extraction)) if member.extraction is not None else set()
    if "models--" in key and (match := HUB_REPOSITORY.search(key)) is not None:
        names.add(f"hub:{key[: match.end('repository')]}")
    if member.object.file_identity is not None and is_blob(key):
        names.add(f"{IDENTITY}{member.object.file_identity}")
    ties = {Tie(name) for name in names}
    if (stored := content_key(key)) is not None:
        ties.add(Tie(stored, is_named=False))
    return ties


def _named(extraction: Extraction) -> Iterator[str]:
    yield from extraction.join_keys
    for reference in extraction.references:
        if reference.relation in {LAYER, PART}:
            yield reference.name
    for subject in extraction.subjects:
        yield from subject.join_keys
        for identity in (subject.id, *subject.part_of):
            yield f"subject:{identity}"
            if identity.startswith(PATH):
                yield identity


def is_blob(key: str) -> bool:
    """Whether the key names bytes that other names of the same file may stand for."""
    if name_of(directory_of(key)) == BLOBS or (content_key(key) or "").startswith(SHA256):
        return True
    return is_shared_blob(key)


class _Links:
    """Which directories name the same thing, or hold it."""

    def __init__(self) -> None:
        self._naming: dict[str, set[str]] = {}
        """By tie: the directories whose files name it."""
        self._holding: dict[str, set[str]] = {}
        """By tie: the directories whose files others may name by it."""

    def noted(self, members: Iterable[Member]) -> Iterator[Member]:
        """The members, their ties noted on the way."""
        for member in members:
            for tie in ties_of(member):
                known = self._naming if tie.is_named else self._holding
                known.setdefault(tie.name, set()).add(directory_of(member.object.key))
            yield member

    def tie(self, directory: str, tie: str) -> None:
        self._naming.setdefault(tie, set()).add(directory)

    def by_directory(self) -> dict[str, list[Tie]]:
        ties: dict[str, list[Tie]] = {}
        for known, is_named in ((self._naming, True), (self._holding, False)):
            for name, directories in known.items():
                for directory in directories:
                    ties.setdefault(directory, []).append(Tie(name, is_named))
        return ties

    @property
    def needs_second_look(self) -> bool:
        """Only a second look shows which files have a hash or an identity that others named behind them."""
        return any(tie.startswith((SHA256, IDENTITY)) for tie in self._naming)

    def look_again(self, objects: Iterable[ObjectMeta]) -> None:
        for meta in objects:
            for tie in ties_of_bytes(meta.sha256, meta.file_identity):
                if tie in self._naming:
                    self._holding.setdefault(tie, set()).add(directory_of(meta.key))

    def sets(self) -> Iterator[set[str]]:
        """Directories that belong together."""
        for tie, directories in self._naming.items():
            target = target_of(tie)
            named = set() if target is None else {target}
            yield directories | named | self._holding.get(tie, set())


def joined_places(places: Neighbourhoods, together: Iterable[set[str]]) -> Neighbourhoods:
    """The places, in order and each by itself, as neighbourhoods. `together` are directories whose places are one
    neighbourhood.
    """
    leaders = _leaders(places, together)
    if not leaders:
        return places
    following: dict[Place, list[Place]] = {}
    for place in places.places():
        if place in leaders:
            following.setdefault(_leader(leaders, place), []).append(place)
    return Neighbourhoods(
        Neighbourhood(tuple(sorted([place, *following.get(place, ())])))
        for place in places.places()
        if place not in leaders
    )


def _leaders(places: Neighbourhoods, together: Iterable[set[str]]) -> dict[Place, Place]:
    """Of each place that is one neighbourhood with another before it: such another."""
    leaders: dict[Place, Place] = {}
    index: PlaceIndex | None = None  # of a source without ties nobody needs it
    for directories in together:
        if len(directories) < 2:
            continue
        index = index or PlaceIndex(places.places())
        tied = [place for directory in directories if (place := index.of_directory(directory)) is not None]
        for place in tied[1:]:
            first, second = _leader(leaders, tied[0]), _leader(leaders, place)
            if first != second:
                leaders[max(first, second)] = min(first, second)
    return leaders


def _leader(leaders: dict[Place, Place], place: Place) -> Place:
    while (above := leaders.get(place, place)) != place:
        leaders[place] = leaders.get(above, above)
        place = above
    return place
