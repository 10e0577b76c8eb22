"""Which of several statements of one field stand first, and which differ enough to be told."""

from __future__ import annotations

import re

from catalog.lazy_dataclasses import replace
from catalog.normalise.parts import edits
from catalog.records import (
    Contender,
    Evidence,
    Origin,
)
from mappings.frameworks import frameworks

MAX_UNION = 2_000


def by_hand_first(good: list[Contender]) -> tuple[list[Contender], list[Contender]]:
    """The winners and the losers of a field that joins what all say: a person's list replaces that of the files, and
    what a person adds comes behind it.
    """
    by_hand = [item for item in good if item.observation.origin is Origin.EDIT]
    added = [item for item in by_hand if edits.is_part(item.observation, edits.ADD)]
    others = [item for item in good if item.observation.origin is not Origin.EDIT]
    if len(added) == len(by_hand):
        return [*others, *added], []
    return by_hand, [replace(item, lost_because="rank") for item in others]


def most_specific(good: list[Contender]) -> list[Contender]:
    """A library built on another names the framework better: diffusers before the pytorch of its tensors.

    Loaders of several frameworks' weights (transformers) come last.
    """
    known = frameworks()
    bases = {
        known[item.value].built_on
        for item in good
        if item.value in known and item.observation.origin is not Origin.FILENAME
    }
    return sorted(
        good,
        key=lambda item: (
            item.observation.origin is not Origin.EDIT,
            item.value in known and known[item.value].loader,
            item.value in bases,
        ),
    )


def joined_ports(good: list[Contender]) -> list[Contender]:
    """The ports that one file tells one by one are one list; another file's list is another contender."""
    joined: dict[tuple[str, str], Contender] = {}
    for item in good:
        key = (item.observation.key, item.observation.extractor)
        if key in joined:
            first = joined[key]
            joined[key] = replace(
                first,
                value=[*first.value, *(port for port in item.value if port not in first.value)][:MAX_UNION],
            )
        else:
            joined[key] = item
    return list(joined.values())


def is_material(winner: Contender, loser: Contender) -> bool:
    """Whether the loser says something else, and is no weaker statement than the winner."""
    weak = {Evidence.INFERRED, Evidence.ESTIMATED}
    seen = loser.observation
    if seen.evidence in weak or seen.origin is Origin.FILENAME or winner.observation.origin is Origin.EDIT:
        return False
    if seen.origin is winner.observation.origin is Origin.REGISTRY:
        return False  # several versions of one registry may name the same files
    return str(winner.value).casefold() != str(loser.value).casefold()


def newest_registered(good: list[Contender]) -> list[Contender]:
    """A registry that has the same files as several versions means the last of them."""
    if not good or good[0].observation.origin is not Origin.REGISTRY:
        return good
    registered = [item for item in good if item.observation.origin is Origin.REGISTRY]
    others = [item for item in good if item.observation.origin is not Origin.REGISTRY]
    registered.sort(key=lambda item: _version_order(str(item.value)), reverse=True)
    return [*registered, *others]


def _version_order(version: str) -> tuple[tuple[int, ...], bool]:
    """`10` after `9`, v1.10.0 after v1.9.0; a pre-release (v2.0.0-rc1) before its release."""
    number, dash, _ = version.partition("-")
    return tuple(int(part) for part in re.findall(r"[0-9]{1,18}", number)), not dash
