"""Which models are the same weights: those that share a print of files or of tensors, in person or through others."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from catalog.records import Document
from catalog.store.documents import MAX_LOCATIONS


class Sharing(NamedTuple):
    """What a document tells of copies: what it shares with them, and where they are."""

    duplicate_group: str | None
    copies: tuple[str, ...]


def alike(prints: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """The models by what they share. `prints` are those of each model; a model that shares none is alone."""
    by_print: dict[str, set[str]] = {}
    for model, own in prints.items():
        known = {id(by_print[print_]): by_print[print_] for print_ in own if print_ in by_print}
        joined = max(known.values(), key=len, default=set[str]())
        for smaller in known.values():
            if smaller is not joined:
                joined |= smaller
                by_print.update({print_: joined for other in smaller for print_ in prints[other]})
        joined.add(model)
        by_print.update(dict.fromkeys(own, joined))
    return [sorted(members) for members in {id(members): members for members in by_print.values()}.values()]


def shared_print(prints: Iterable[Sequence[str]]) -> str | None:
    """The name of a group: the first print that two of its models have."""
    counted = Counter(print_ for own in prints for print_ in own)
    return min((print_ for print_, number in counted.items() if number > 1), default=None)


def prints_of(row: Mapping[str, Any]) -> tuple[str, ...]:
    """What proves that the weights of this row of `records` are those of another."""
    return tuple(print_ for print_ in (row["fingerprint"], row["tensors"]) if print_)


def listed(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Those of equal models that documents list. A document lists so many places and no more, the oldest first: a
    thousand copies must not cost a million places, and one more copy must not change the thousand.
    """
    oldest = heapq.nsmallest(
        MAX_LOCATIONS, rows, key=lambda row: (row["first_seen"], row["source"], row["group_key"])
    )
    return [row["id"] for row in oldest]


def tells(stored: Document, sharing: Sharing) -> bool:
    """Whether a stored document already lists just these copies."""
    places = [place for place in stored.get("locations", ()) if place != stored.get("uri")]
    return stored.get("duplicate_group") == sharing.duplicate_group and sorted(places) == list(
        sharing.copies[: MAX_LOCATIONS - 1]
    )
