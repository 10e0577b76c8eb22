"""Which files of a model are counted, and which hold the same weights once more."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from catalog.records import FileStatus, Member, Role
from crawler.drafts import directory_of, name_of
from crawler.layouts import PREFERENCE, family_of, stem_of

READABLE = frozenset({FileStatus.OK, FileStatus.PARTIAL, FileStatus.OPAQUE})
Copy = tuple[str, str, int]
"""One copy of the weights: family of formats, variant, number of shards it was cut into."""


def marked(
    weights: Sequence[Member], slot_of: Callable[[Member], str], *, spare: Callable[[Member], bool]
) -> list[Member]:
    """The members with `alternative` set where another copy in the same slot is counted instead.

    A slot is a place in the model that is filled once (a component, or the whole model); files of a `spare` place
    (`onnx/` beside the weights) count only if nothing else is there.
    """
    owners = _owners(weights)
    slots: dict[str, dict[Copy, list[Member]]] = defaultdict(lambda: defaultdict(list))
    for member in weights:
        owner = owners.get(member.object.key, member)
        slots[slot_of(owner)][_copy(owner)].append(member)
    for slot in list(slots):
        _drop_strays(slots[slot])
    regular = any(not spare(member) for member in weights)
    result = []
    for copies in slots.values():
        best = min(copies, key=lambda copy: _rank(copy, copies[copy]))
        for copy, members in copies.items():
            result.extend(
                replace(
                    member,
                    alternative=copy != best or (regular and spare(owners.get(member.object.key, member))),
                )
                for member in members
            )
    return result


def _owners(weights: Sequence[Member]) -> dict[str, Member]:
    """For files that another file describes (shards of an index, external data): the describing one."""
    keys = {member.object.key for member in weights}
    owners: dict[str, Member] = {}
    for member in weights:
        folder = directory_of(member.object.key)
        for reference in member.extraction.references if member.extraction else ():
            named = f"{folder}/{reference.name}" if folder else reference.name
            if named in keys and named != member.object.key:
                owners.setdefault(named, member)
    described = {
        (_place(member), stem_of(name_of(member.object.key)).stem): member
        for member in weights
        if not _is_data(member)
    }
    for member in weights:
        owner = described.get((_place(member), stem_of(name_of(member.object.key)).stem))
        if _is_data(member) and owner is not None:
            owners.setdefault(member.object.key, owner)
    return owners


def _place(member: Member) -> str:
    return directory_of(member.object.key)


def _is_data(member: Member) -> bool:
    return member.extraction is None or member.extraction.role is Role.DATA


def _copy(member: Member) -> Copy:
    name = name_of(member.object.key)
    stem = stem_of(name)
    total = stem.shard[1] if stem.shard else 0
    return family_of(name, member.extraction.format if member.extraction else None), stem.variant, total


def _drop_strays(copies: dict[Copy, list[Member]]) -> None:
    """An index and the shards it names are one copy; shards that it does not name were left by another run."""
    for copy, members in list(copies.items()):
        indexes = [member for member in members if member.extraction and member.extraction.role is Role.INDEX]
        named = {
            reference.name
            for member in indexes
            if member.extraction
            for reference in member.extraction.references
        }
        if not named:
            continue
        family, variant, _ = copy
        for other in [
            other for other in copies if other != copy and other[:2] == (family, variant) and other[2]
        ]:
            copies[family, f"{variant}~", other[2]].extend(copies.pop(other))


def _rank(copy: Copy, members: Sequence[Member]) -> tuple[object, ...]:
    family, variant, total = copy
    readable = any(member.extraction and member.extraction.status in READABLE for member in members)
    shards = {stem.shard for member in members if (stem := stem_of(name_of(member.object.key))).shard}
    missing = max(0, total - len(shards)) if total else 0
    size = sum(member.object.size_bytes for member in members)
    return (
        not readable,
        PREFERENCE.get(family, len(PREFERENCE)),
        variant.endswith("~"),
        bool(variant),
        missing > 0,
        -size,
        copy,
    )


def is_weights(member: Member) -> bool:
    return member.extraction is None or member.extraction.role in {Role.WEIGHTS, Role.INDEX, Role.DATA}


def holds_model(members: Iterable[Member]) -> bool:
    """Whether these are a model: data without the file that describes it is none."""
    return any(
        member.extraction is not None and member.extraction.role in {Role.WEIGHTS, Role.INDEX}
        for member in members
    )
