"""A source split into neighbourhoods: the smallest sets of files that grouping may treat apart.

`group` of all files is the union of `group` of each neighbourhood. So a source is grouped in flat memory, and an event
costs what its neighbourhood costs.

A directory is open when no model lies in it and nothing in it is lent to a model below: then each directory below is a
place of its own, and so are the files that lie directly in it. Any other directory is one place with all below it. Places
are one neighbourhood when a file of one names something of the other: a key that a run, a checksum file or a pointer
gives, or the bytes of a blob.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from catalog.layouts.content_addressed import content_key
from catalog.records import Member, ObjectMeta, Role
from crawler.grouping.draft import directory_of, is_weights, name_of, upwards
from crawler.grouping.layouts import HUB_REPOSITORY, PROJECTOR, SIDECAR, TRAINING_STATE
from crawler.grouping.manifests import LAYER, PART
from crawler.promises import FileNames, installed

SHA256 = "sha256:"
MD5 = "md5:"
BLOBS = "blobs"


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A directory with all below it, or only the files that lie directly in it."""

    directory: str
    whole: bool
    files: int = field(default=0, compare=False)
    """How many there were when the source was walked."""

    def holds(self, key: str) -> bool:
        folder = directory_of(key)
        if not self.whole:
            return folder == self.directory
        return not self.directory or folder == self.directory or folder.startswith(f"{self.directory}/")


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """Places that are grouped together, in order."""

    places: tuple[Place, ...]

    @property
    def open_directories(self) -> frozenset[str]:
        """Directories above several models: what lies in one of them is about none of those because of where it lies."""
        return frozenset(place.directory for place in self.places if not place.whole)

    @property
    def files(self) -> int:
        return sum(place.files for place in self.places)


@dataclass(slots=True)
class DirectoryFacts:
    """What counts of the files that lie directly in a directory, and of its sub-directories."""

    file_names: FileNames
    marks: set[str] = field(default_factory=set)
    files: int = 0
    lends: bool = False
    """Weights, a model's configuration, an index or a sidecar: what lies below may belong to the same model."""
    has_context: bool = False
    """Something that speaks for a model below if there is but one."""
    has_model: bool = False
    """Weights of which grouping surely makes a model."""
    below: set[str] = field(default_factory=set)

    def add(self, member: Member) -> None:
        name, extraction = name_of(member.object.key), member.extraction
        self.files += 1
        if name in self.file_names.container_files:
            self.marks.add(name)
        for ending in self.file_names.container_endings:
            if name.endswith(ending):
                self.marks.add(f"any{ending}")
        if is_weights(member) or name in self.file_names.configs or SIDECAR.match(name):
            self.lends = True
        if extraction is None:
            return
        self.lends = self.lends or bool(extraction.references)
        self.has_context = self.has_context or not extraction.subjects
        if extraction.role in {Role.WEIGHTS, Role.INDEX} and not (
            TRAINING_STATE.match(name) or PROJECTOR.match(name)
        ):
            self.has_model = self.has_model or name_of(directory_of(member.object.key)) != BLOBS

    def is_container(self, directory: str) -> bool:
        names = self.marks | {"any"} if self.files else self.marks
        return self.file_names.container_kind(directory, names, self.below) is not None

    def is_open(self, directory: str, models_below: int) -> bool:
        """`models_below` are at least so many, in sub-directories."""
        if self.lends or self.is_container(directory):
            return False
        return not self.has_context or models_below > 1


@dataclass(slots=True)
class _Directory:
    """A directory of which the walk has not seen the end."""

    path: str
    facts: DirectoryFacts
    models_below: int = 0
    files_below: int = 0
    places: list[Place] = field(default_factory=list)


def neighbourhoods(
    walk: Callable[[], Iterable[Member]],
    *,
    objects: Callable[[], Iterable[ObjectMeta]] | None = None,
    file_names: FileNames | None = None,
) -> list[Neighbourhood]:
    """The neighbourhoods of a source, in order. `walk` gives its members with outlines in key order; data that a member
    names may be left out. `objects` gives everything that may be data, too, and is asked only where hashes or blobs are
    named; without it these are the objects of the members. Memory grows with the number of places, not of files.
    """
    file_names = file_names or installed()
    links = _Links()
    places = _places(links.noted(walk()), file_names)
    index = PlaceIndex(places)
    for directory, target in packages(places, file_names):
        links.tie(directory, f"dir:{target}")
    if links.needs_second_look:
        links.look_again((member.object for member in walk()) if objects is None else objects())
    return _joined(places, index, links)


def members_of(neighbourhood: Neighbourhood, walk: Iterable[Member]) -> list[Member]:
    """Those of these members that lie in the neighbourhood."""
    return [
        member for member in walk if any(place.holds(member.object.key) for place in neighbourhood.places)
    ]


class PlaceIndex:
    """Which of the places of a source holds a directory or a key."""

    def __init__(self, places: Iterable[Place]) -> None:
        self._whole = set[str]()
        self._flat = set[str]()
        for place in places:
            (self._whole if place.whole else self._flat).add(place.directory)

    def of_directory(self, directory: str) -> Place | None:
        """The place of the files that lie directly in it."""
        if directory in self._flat:
            return Place(directory, whole=False)
        for above in upwards(directory):
            if above in self._whole:
                return Place(above, whole=True)
        return None


def _places(members: Iterable[Member], file_names: FileNames) -> list[Place]:
    stack = [_Directory("", DirectoryFacts(file_names))]
    for member in members:
        folder = directory_of(member.object.key)
        while not _is_within(folder, stack[-1].path):
            _close(stack)
        for path in reversed(list(_between(folder, stack[-1].path))):
            stack[-1].facts.below |= file_names.container_folders & {name_of(path)}
            stack.append(_Directory(path, DirectoryFacts(file_names)))
        stack[-1].facts.add(member)
    while len(stack) > 1:
        _close(stack)
    return _closed(stack[0])


def _is_within(folder: str, directory: str) -> bool:
    return not directory or folder == directory or folder.startswith(f"{directory}/")


def _between(folder: str, directory: str) -> Iterator[str]:
    """The folder and what is above it, below the directory."""
    for path in upwards(folder):
        if path == directory:
            return
        yield path


def _close(stack: list[_Directory]) -> None:
    directory = stack.pop()
    stack[-1].places += _closed(directory)
    stack[-1].files_below += directory.facts.files + directory.files_below
    # A package has the key of what is called as it without the suffix: the two may be one model.
    if directory.facts.file_names.without_package_suffix(directory.path) == directory.path:
        stack[-1].models_below += _models(directory)


def _closed(directory: _Directory) -> list[Place]:
    facts, path = directory.facts, directory.path
    if not facts.is_open(path, directory.models_below):
        files = facts.files + directory.files_below
        return [Place(path, whole=True, files=files)] if files else []
    own = [Place(path, whole=False, files=facts.files)] if facts.files else []
    return [*own, *directory.places]


def _models(directory: _Directory) -> int:
    """At least so many models are in the directory and below."""
    if directory.facts.lends or directory.facts.is_container(directory.path):
        return int(directory.facts.has_model or directory.models_below > 0)
    return directory.models_below


def packages(places: Iterable[Place], file_names: FileNames) -> Iterator[tuple[str, str]]:
    """Directories that share the key of another, which may not be there."""
    for place in places:
        name = file_names.without_package_suffix(place.directory)
        if place.whole and name != place.directory:
            yield place.directory, name


def ties_of(member: Member) -> set[str]:
    """The keys by which the file finds models elsewhere, or other files that speak of the same thing."""
    extraction = member.extraction
    if extraction is None:
        return set()
    ties = set(extraction.join_keys)
    ties.update(named.name for named in extraction.references if named.relation in {LAYER, PART})
    for subject in extraction.subjects:
        ties.update(subject.join_keys)
        for identity in (subject.id, *subject.part_of):
            ties.add(f"subject:{identity}")
            if identity.startswith("path:"):
                ties.add(identity)
    return ties


def is_blob(key: str) -> bool:
    """Whether the key names bytes that other names of the same file may stand for."""
    return name_of(directory_of(key)) == BLOBS or (content_key(key) or "").startswith(SHA256)


class _Links:
    """Which directories name the same key, or hold other names of one blob."""

    def __init__(self) -> None:
        self.directories: dict[str, set[str]] = {}
        """By key: the directories whose files name it, or have it."""
        self._stored: dict[str, set[str]] = {}
        self._blobs: dict[str, set[str]] = {}

    def noted(self, members: Iterable[Member]) -> Iterator[Member]:
        """The members, their ties noted on the way."""
        for member in members:
            key = member.object.key
            for tie in ties_of(member):
                self.tie(directory_of(key), tie)
            if (match := HUB_REPOSITORY.search(key)) is not None:
                self.tie(directory_of(key), f"hub:{key[: match.end('repository')]}")
            if (stored := content_key(key)) is not None:
                self._stored.setdefault(stored, set()).add(directory_of(key))
            if member.object.file_identity is not None and is_blob(key):
                self._blobs.setdefault(member.object.file_identity, set()).add(directory_of(key))
            yield member

    def tie(self, directory: str, tie: str) -> None:
        self.directories.setdefault(tie, set()).add(directory)

    @property
    def needs_second_look(self) -> bool:
        """Only a second look shows which files have a hash that others named behind them."""
        return bool(self._blobs) or any(tie.startswith((SHA256, MD5)) for tie in self.directories)

    def look_again(self, objects: Iterable[ObjectMeta]) -> None:
        for meta in objects:
            if (stored := content_key(meta.key)) in self.directories:
                self._stored.setdefault(stored or "", set()).add(directory_of(meta.key))
            if meta.sha256 is not None and (tie := f"{SHA256}{meta.sha256}") in self.directories:
                self.tie(directory_of(meta.key), tie)
            if meta.file_identity in self._blobs:
                self._blobs[meta.file_identity].add(directory_of(meta.key))

    def sets(self) -> Iterator[set[str]]:
        """Directories that belong together."""
        yield from self._blobs.values()
        for tie, directories in self.directories.items():
            kind, _, rest = tie.partition(":")
            named = {directory_of(rest)} if kind == "path" else {rest} if kind == "dir" else set()
            yield directories | named | self._stored.get(tie, set())


def _joined(places: list[Place], index: PlaceIndex, links: _Links) -> list[Neighbourhood]:
    leaders: dict[Place, Place] = {}

    def leader(place: Place) -> Place:
        while (above := leaders.get(place, place)) != place:
            leaders[place] = leaders.get(above, above)
            place = above
        return place

    for directories in links.sets():
        tied = [place for directory in directories if (place := index.of_directory(directory)) is not None]
        for place in tied[1:]:
            first, second = leader(tied[0]), leader(place)
            if first != second:
                leaders[max(first, second)] = min(first, second)
    together: dict[Place, list[Place]] = {}
    followers = set(leaders)
    for place in places:
        if place in followers:
            together.setdefault(leader(place), []).append(place)
    return [
        Neighbourhood(tuple(sorted([place, *together.get(place, ())])))
        for place in places
        if place not in followers
    ]
