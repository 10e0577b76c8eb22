"""Whether all of a model's files are there: shards by an index or by their numbers, and the files that others name."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Sequence

from catalog.layouts.content_addressed import content_key
from catalog.layouts.shards import SHARD
from catalog.lazy_dataclasses import dataclass
from catalog.normalise.parts.weight_sets import LAYERS, WeightSet
from catalog.records import Group, Member, ObjectKey, Problem, Role

MAX_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Completeness:
    """`complete` is None when nothing says how many files there should be."""

    complete: bool | None = None
    expected: int | None = None
    found: int | None = None
    problems: tuple[Problem, ...] = ()
    stray: frozenset[str] = frozenset()


def completeness(group: Group, sets: Sequence[WeightSet], counted: Sequence[WeightSet]) -> Completeness:
    """What is missing of the counted weights of all that the group has, and which shards belong to nothing."""
    results = [_of_index(index, group) for index in _indexes(group, counted)]
    if group.kind == LAYERS:
        results = [_of_layers(group)]
    if not results:
        results = [_of_numbers(item) for item in counted if item.sharded]
    problems = [problem for result in results for problem in result.problems]
    problems += _missing_data(group, counted)
    problems += _beside(sets, counted)
    known = [result for result in results if result.expected is not None]
    if not counted and not known:
        return Completeness(problems=tuple(problems), complete=False if problems else None)
    broken = any(problem.code != "stray-shard" for problem in problems)
    return Completeness(
        complete=not broken,
        expected=sum(result.expected or 0 for result in known) or None,
        found=sum(result.found or 0 for result in known) if known else None,
        problems=tuple(problems),
        stray=frozenset().union(*(result.stray for result in results)),
    )


def _indexes(group: Group, counted: Sequence[WeightSet]) -> list[Member]:
    """The index files whose shards are the counted weights, or that stand for weights of which no file is there."""
    keys = {member.object.key for item in counted for member in item.members}
    indexes = []
    for member in group.members:
        shards = _shard_keys(member)
        if shards and (not counted or shards & keys):
            indexes.append(member)
    return sorted(indexes, key=lambda member: member.object.key)


def _shard_keys(member: Member) -> set[str]:
    if member.extraction is None or not member.extraction.references:
        return set()
    directory = posixpath.dirname(member.object.key)
    return {
        posixpath.join(directory, reference.name)
        for reference in member.extraction.references
        if reference.relation == "shard"
    }


def _of_index(index: Member, group: Group) -> Completeness:
    expected = _shard_keys(index)
    present = {member.object.key: member for member in group.members}
    missing = sorted(expected - set(present))
    problems = [_missing(index.object.key, missing)] if missing else []
    problems += _name_problems(index, present)
    stray = _stray(index, expected, group)
    problems += [
        Problem(
            code="stray-shard", message=f"{_base(key)} is in no index and is not counted", key=ObjectKey(key)
        )
        for key in stray
    ]
    return Completeness(
        expected=len(expected),
        found=len(expected) - len(missing),
        problems=tuple(problems),
        stray=frozenset(stray),
    )


def _of_layers(group: Group) -> Completeness:
    """The blobs that a manifest says are the model, by their digests. All manifests of one model name the same."""
    expected, key = next(
        ((names, member.object.key) for member in group.members if (names := _layers(member))), (set(), None)
    )
    missing = sorted(expected - {content_key(member.object.key) for member in group.members})
    return Completeness(
        expected=len(expected),
        found=len(expected) - len(missing),
        problems=(_missing(key, missing),) if missing and key is not None else (),
    )


def _layers(member: Member) -> set[str]:
    references = member.extraction.references if member.extraction else ()
    return {reference.name for reference in references if reference.relation == "layer"}


def _stray(index: Member, expected: set[str], group: Group) -> list[str]:
    """Numbered files beside the shards that the index does not name: left over from another run."""
    directory = posixpath.dirname(index.object.key)
    stems = {match["stem"] for key in expected if (match := SHARD.match(_base(key)))}
    endings = {posixpath.splitext(key)[1] for key in expected}
    stray = []
    for member in group.members:
        key = member.object.key
        match = SHARD.match(_base(key))
        same = posixpath.dirname(key) == directory and posixpath.splitext(key)[1] in endings
        if match and same and match["stem"] in stems and key not in expected:
            stray.append(str(key))
    return sorted(stray)


def _name_problems(index: Member, present: dict[ObjectKey, Member]) -> list[Problem]:
    """Tensors that the index puts into a shard whose header has none of that name, and the reverse."""
    if index.extraction is None:
        return []
    directory = posixpath.dirname(index.object.key)
    absent: list[str] = []
    unnamed: list[str] = []
    for reference in index.extraction.references:
        member = present.get(ObjectKey(posixpath.join(directory, reference.name)))
        summary = member.extraction.tensors if member is not None and member.extraction is not None else None
        if (
            reference.relation != "shard"
            or not reference.tensors
            or summary is None
            or summary.count != len(summary.tensors)
        ):
            continue
        stored, named = {tensor.name for tensor in summary.tensors}, set(reference.tensors)
        absent += sorted(named - stored)
        unnamed += sorted(stored - named)
    key = index.object.key
    problems = []
    if absent:
        problems.append(
            Problem(
                code="missing-tensors",
                message=f"{_base(key)} names tensors that no shard holds: {_some(absent)}",
                key=key,
            )
        )
    if unnamed:
        problems.append(
            Problem(
                code="unnamed-tensors",
                message=f"shards hold tensors that {_base(key)} does not name: {_some(unnamed)}",
                key=key,
            )
        )
    return problems


def _of_numbers(item: WeightSet) -> Completeness:
    """Shards without an index: `-00003-of-00009` says how many there should be."""
    numbers: dict[int, str] = {}
    total = 0
    for member in item.members:
        if match := SHARD.match(_base(member.object.key)):
            total = max(total, int(match["total"]))
            numbers[int(match["number"])] = member.object.key
    if not total or total > 100_000:
        return Completeness()
    first = 0 if 0 in numbers and total not in numbers else 1
    expected = range(first, first + total)
    missing = [number for number in expected if number not in numbers]
    problems: tuple[Problem, ...] = ()
    if missing:
        sample = SHARD.match(_base(item.members[0].object.key))
        assert sample is not None
        width = len(sample["number"])
        named = [
            f"{sample['stem']}-{number:0{width}d}-of-{sample['total']}{sample['rest']}"
            for number in missing[:MAX_NAMED]
        ]
        problems = (_missing(item.members[0].object.key, named, total=len(missing)),)
    return Completeness(expected=total, found=total - len(missing), problems=problems)


def _beside(sets: Sequence[WeightSet], counted: Sequence[WeightSet]) -> list[Problem]:
    """Numbered files of the counted stem with another total: left over from an older run."""
    numbered = {
        (item.directory, item.stem, item.format) for item in counted if item.sharded and not item.indexed
    }
    problems = []
    for item in sets:
        is_old = item.sharded and not item.indexed and item not in counted
        if is_old and (item.directory, item.stem, item.format) in numbered:
            key = item.members[0].object.key
            problems.append(
                Problem(
                    code="stray-shard",
                    message=f"{_base(key)} belongs to another set of shards and is not counted",
                    key=key,
                )
            )
    return problems


def _missing_data(group: Group, counted: Sequence[WeightSet]) -> list[Problem]:
    """External data and components that a counted file needs and that are not there."""
    sizes: dict[str, int] = {member.object.key: member.object.size_bytes for member in group.members}
    problems = []
    naming = [member for item in counted for member in item.members]
    naming += naming_data(group)
    for member in naming:
        references = member.extraction.references if member.extraction else ()
        wanted = [reference for reference in references if reference.relation == "data"]
        if not wanted:
            continue
        directory = posixpath.dirname(member.object.key)
        missing = [ref.name for ref in wanted if posixpath.join(directory, ref.name) not in sizes]
        if missing:
            problems.append(_missing(member.object.key, missing))
        problems += [
            Problem(
                code="truncated",
                message=f"{ref.name} has {size:,} bytes of the {ref.size_bytes:,} that are used: it is cut off",
                key=member.object.key,
            )
            for ref in wanted
            if ref.size_bytes is not None
            and (size := sizes.get(posixpath.join(directory, ref.name), ref.size_bytes)) < ref.size_bytes
        ]
    return problems


def naming_data(group: Group) -> list[Member]:
    """The configurations that say which files the weights are, beside the index of a directory that is one model: those
    of spaCy's pipelines.
    """
    indexed = {
        posixpath.dirname(member.object.key)
        for member in group.members
        if member.extraction is not None and member.extraction.role is Role.INDEX
    }
    if not indexed:
        return []
    return [
        member
        for member in group.members
        if member.extraction is not None
        and member.extraction.role is Role.CONFIG
        and posixpath.dirname(member.object.key) in indexed
        and any(reference.relation == "data" for reference in member.extraction.references)
    ]


def _missing(key: ObjectKey, names: Iterable[str], *, total: int | None = None) -> Problem:
    listed = [_base(name) for name in names]
    count = total or len(listed)
    subject = f"{_some(listed, count)} {'is' if count == 1 else 'are'} missing"
    return Problem(code="missing-shard" if "-of-" in subject else "missing-file", message=subject, key=key)


def _some(names: Sequence[str], total: int | None = None) -> str:
    count = total or len(names)
    shown = ", ".join(names[:MAX_NAMED])
    return shown if count <= MAX_NAMED else f"{shown} and {count - min(len(names), MAX_NAMED)} more"


def _base(key: str) -> str:
    return posixpath.basename(key)
