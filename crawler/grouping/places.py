"""Places of a source, and the sets of them that grouping treats apart: many thousands of these in little memory."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Self

import msgspec

from catalog.lazy_dataclasses import dataclass, field
from crawler.grouping.draft import directory_of, upwards

PACKED_AT_ONCE = 500


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A directory with all below it, or only the files that lie directly in it."""

    directory: str
    whole: bool
    files: int = field(default=0, compare=False)
    """How many there were when the source was walked."""
    names: tuple[str, ...] | None = field(default=None, compare=False)
    """Those of the files that lie directly in it; None where nobody noted them."""

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


class Neighbourhoods(Collection[Neighbourhood]):
    """Neighbourhoods in the order in which they came. What a crawl knows of all models of a source at once is this, so
    they are packed: 100,000 take 3 MB, as objects 22.
    """

    def __init__(self, parts: Iterable[Neighbourhood] = ()) -> None:
        self._packed: list[bytes] = []
        self._last: list[Neighbourhood] = []
        self._length = 0
        for part in parts:
            self.append(part)

    @classmethod
    def of_places(cls, places: Iterable[Place]) -> Self:
        """Each place by itself."""
        return cls(Neighbourhood((place,)) for place in places)

    def append(self, part: Neighbourhood) -> None:
        self._last.append(part)
        self._length += 1
        if len(self._last) >= PACKED_AT_ONCE:
            self._pack()

    def take(self, others: Neighbourhoods) -> None:
        """Appends all of the others, which are used no more."""
        if others._packed:
            self._pack()
            self._packed += others._packed
            self._last = others._last
            self._length += len(others)
        else:
            for part in others:
                self.append(part)

    def places(self) -> Iterator[Place]:
        return (place for part in self for place in part.places)

    def __iter__(self) -> Iterator[Neighbourhood]:
        for packed in self._packed:
            for places in msgspec.msgpack.decode(packed):
                yield Neighbourhood(tuple([_place(*values) for values in places]))
        yield from self._last

    def __len__(self) -> int:
        return self._length

    def __contains__(self, part: object) -> bool:
        return any(part == own for own in self)

    def _pack(self) -> None:
        if self._last:
            values = [[_values(place) for place in part.places] for part in self._last]
            self._packed.append(msgspec.msgpack.encode(values))
            self._last = []


_Values = tuple[bytes, bool, int, Sequence[bytes] | None]
"""A place with names as the file system has them, which need not be text."""


def _values(place: Place) -> _Values:
    names = None if place.names is None else list(map(os.fsencode, place.names))
    return os.fsencode(place.directory), place.whole, place.files, names


def _place(directory: bytes, whole: bool, files: int, names: Sequence[bytes] | None) -> Place:
    return Place(
        os.fsdecode(directory), whole, files, None if names is None else tuple(map(os.fsdecode, names))
    )


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
