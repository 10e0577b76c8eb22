"""Stores of which one source has several (clones of a repository, a tracker and its copy): each speaks for its own models.

Ids of runs, digests and hashes say what a model is, and not in which of the stores: where several have the same id, those
belong together that are nearest to each other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import TypeVar

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
        self._foreign: dict[str, frozenset[tuple[Place, str]]] = {}
        for key, telling in places.items():
            if len(telling) > 1 and not key.startswith(_OF_PLACES):
                models = {place_of_model(draft) for draft in drafts.get(key, ())}
                if len(models) > 1:
                    self._foreign[key] = _foreign(telling, models)

    def own(self, key: str, place: Place, drafts: Iterable[Draft]) -> list[Draft]:
        foreign = self._foreign.get(key)
        if not foreign:
            return list(drafts)
        return [draft for draft in drafts if (place, place_of_model(draft)) not in foreign]


def _foreign(telling: AbstractSet[Place], models: AbstractSet[str]) -> frozenset[tuple[Place, str]]:
    """The pairs of which both sides have a better one. What speaks for a model nowhere else keeps it, and a model without a
    store of its own (a copy of what a run logged) what is nearest to it.
    """
    kinds: dict[tuple[str, str], list[Place]] = defaultdict(list)
    for place in telling:
        kinds[place[:2]].append(place)
    foreign: set[tuple[Place, str]] = set()
    for places in kinds.values():
        if len(places) > 1:
            foreign |= _badly_paired(places, models)
    return frozenset(foreign)


def _badly_paired(places: Sequence[Place], models: AbstractSet[str]) -> set[tuple[Place, str]]:
    shared = {(place, model): shared_way(place[2], model) for place in places for model in models}
    of_place = {place: max(shared[place, model] for model in models) for place in places}
    of_model = {model: max(shared[place, model] for place in places) for model in models}
    good = {
        (place, model) for (place, model), way in shared.items() if way == of_place[place] == of_model[model]
    }
    spoken_of, speaking = {model for _, model in good}, {place for place, _ in good}
    return {
        (place, model)
        for (place, model), way in shared.items()
        if (place, model) not in good and place in speaking and (model in spoken_of or way < of_model[model])
    }


def shared_way(one: str, other: str) -> int:
    """How many characters of the way from the root two directories have in common."""
    above = set(upwards(one))
    return next(len(directory) for directory in upwards(other) if directory in above)


def nearest(place: str, candidates: Sequence[_Placed], directory: Callable[[_Placed], str]) -> list[_Placed]:
    """Those with the longest way from the root in common with the place."""
    ways = [shared_way(place, directory(candidate)) for candidate in candidates]
    longest = max(ways, default=0)
    return [candidate for candidate, way in zip(candidates, ways, strict=True) if way == longest]


def own_repositories(ids: Sequence[str], known: AbstractSet[str]) -> list[str]:
    """The ids without those of repositories around the nearest one that is known."""
    around: set[str] = set()
    for kind in _OF_REPOSITORIES:
        there = sorted((one for one in ids if one.startswith(kind) and one in known), key=len)
        around.update(there[:-1])
    return [one for one in ids if one not in around]
