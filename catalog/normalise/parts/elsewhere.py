"""Which files speak of a model from another place: they name its bytes, its path or its run, and are not beside it.

Whoever may write anywhere in a source can name any model there. So what they say fills what nothing at the model's own
place says, and takes nothing from it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from catalog.layouts.content_addressed import content_key
from catalog.layouts.trackers import tracker_around
from catalog.normalise.parts.weight_sets import WeightSet
from catalog.records import Group


def elsewhere(group: Group, sets: Sequence[WeightSet]) -> frozenset[str]:
    """Keys of the files that are neither above nor below one of the directories with the model's weights.

    None of a model that has no place of its own: one without its bytes, or of bytes in a store that goes by their hashes,
    which is what its manifests say. A model in a tracker's folder of artifacts is at home in the whole tracker.
    """
    weights = {member.object.key for item in sets for member in item.members}
    if not weights or any(content_key(key) is not None for key in weights):
        return frozenset()
    trackers = {root for key in weights if (root := tracker_around(key)) is not None}
    around = group.key.removeprefix(".")
    whole = {around} if all(not around or key.startswith(f"{around}/") for key in weights) else set()
    own = {_directory(key) for key in weights} | trackers | whole
    above = {place for directory in own for place in _upwards(directory)}
    return frozenset(
        member.object.key
        for member in group.members
        if (directory := _directory(member.object.key)) not in above and own.isdisjoint(_upwards(directory))
    )


def _directory(key: str) -> str:
    return key.rpartition("/")[0]


def _upwards(directory: str) -> Iterator[str]:
    yield directory
    while directory:
        directory = _directory(directory)
        yield directory
