"""Stores of which one source has several (clones of a repository, a tracker and its copy): each speaks for its own models.

Ids of runs, digests and hashes say what a model is, and not in which of the stores: where several have the same id, those
belong together that are nearest to each other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Generic, TypeVar

from catalog.records import Member, Subject
from crawler.grouping.draft import Draft, directory_of, upwards

_OF_PLACES = ("path:", "dir:", "epoch:")
"""Beginnings of keys that name a place, which no other store has."""
_OF_REPOSITORIES = ("git:", "dvc-repository:")
"""Beginnings of ids that name the directory of a repository: a file may be in any of those above it, and is in the nearest."""
_Placed = TypeVar("_Placed")

Place = tuple[str, str, str]
"""What says something of a key: the extractor, the kind of the subject, and the directory."""


def place_of_telling(member: Member, subject: Subject) -> Place:
    reader = member.extraction.extractor if member.extraction is not None else ""
    return reader, subject.id.partition(":")[0], directory_of(member.object.key)


def place_of_model(draft: Draft) -> str:
    return directory_of(next(iter(draft.weights), draft.key))


class Apart:
    """Which models a key's stores do not speak for, of all that have the key."""

    def __init__(
        self, places: Mapping[str, AbstractSet[Place]], drafts: Mapping[str, Iterable[Draft]]
    ) -> None:
        self._pairings: dict[tuple[str, str, str], _Pairing] = {}
        for key, telling in places.items():
            if len(telling) > 1 and not key.startswith(_OF_PLACES):
                models = {place_of_model(draft) for draft in drafts.get(key, ())}
                if len(models) > 1:
                    for kind, directories in _by_kind(telling).items():
                        self._pairings[key, *kind] = _Pairing(directories, models)

    def own(self, key: str, place: Place, drafts: Iterable[Draft]) -> list[Draft]:
        pairing = self._pairings.get((key, *place[:2]))
        if pairing is None:
            return list(drafts)
        return [draft for draft in drafts if not pairing.is_foreign(place[2], place_of_model(draft))]


def _by_kind(places: Iterable[Place]) -> dict[tuple[str, str], set[str]]:
    """The directories of each kind of telling, if it has several."""
    kinds: dict[tuple[str, str], set[str]] = defaultdict(set)
    for reader, kind, directory in places:
        kinds[reader, kind].add(directory)
    return {kind: directories for kind, directories in kinds.items() if len(directories) > 1}


class _Pairing:
    """Pairs of what speaks and of models: each meets the nearest of the others in a directory above both. They are a good
    pair where that is the same directory.
    """

    def __init__(self, speaking: AbstractSet[str], models: AbstractSet[str]) -> None:
        self._of_speaking, self._of_models = _met(speaking, models), _met(models, speaking)
        self._speaking_at, self._models_at = set(self._of_speaking.values()), set(self._of_models.values())

    def is_foreign(self, speaking: str, model: str) -> bool:
        """Whether both have a better one. What speaks for a model nowhere else keeps it, and a model without a store of its
        own (a copy of what a run logged) what is nearest to it.
        """
        of_speaking, of_model = self._of_speaking[speaking], self._of_models[model]
        if of_speaking == of_model or of_speaking not in self._models_at:
            return False
        return of_model in self._speaking_at or not _is_within(speaking, of_model)


def _met(directories: AbstractSet[str], opposite: AbstractSet[str]) -> dict[str, str]:
    """Of each directory the nearest one above it, or itself, that is above one of the opposite side, too."""
    above = {place for directory in opposite for place in upwards(directory)}
    return {
        directory: next(place for place in upwards(directory) if place in above) for directory in directories
    }


def _is_within(directory: str, above: str) -> bool:
    return not above or directory == above or directory.startswith(f"{above}/")


class Nearby(Generic[_Placed]):
    """Candidates by their directories, for many questions which of them are nearest to a place.

    One pass over the directories above the candidates, then one over those above each place that is asked for.
    """

    def __init__(self, candidates: Iterable[_Placed], directory: Callable[[_Placed], str]) -> None:
        self._below: dict[str, list[_Placed]] = defaultdict(list)
        for candidate in candidates:
            for above in upwards(directory(candidate)):
                self._below[above].append(candidate)

    def nearest(self, place: str) -> list[_Placed]:
        """Those with the longest way from the root in common with the place."""
        return next((self._below[above] for above in upwards(place) if above in self._below), [])


def nearest(place: str, candidates: Sequence[_Placed], directory: Callable[[_Placed], str]) -> list[_Placed]:
    """Those with the longest way from the root in common with the place."""
    return Nearby(candidates, directory).nearest(place)


def own_repositories(ids: Sequence[str], known: AbstractSet[str]) -> list[str]:
    """The ids without those of repositories around the nearest one that is known."""
    around: set[str] = set()
    for kind in _OF_REPOSITORIES:
        there = sorted((name for name in ids if name.startswith(kind) and name in known), key=len)
        around.update(there[:-1])
    return [name for name in ids if name not in around]
