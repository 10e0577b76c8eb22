"""Copies of weights among a model's files: shards together, formats and variants apart, and which are the model once.

Several formats of one network are alternatives, and one of them is counted.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from catalog.layouts import variants
from catalog.layouts.content_addressed import content_key
from catalog.layouts.names import CANONICAL_STEMS, stem
from catalog.layouts.shards import CUT_OF_TENSOR, PARALLEL, RANK_DIRECTORY, RANKED, shard_stem
from catalog.lazy_dataclasses import dataclass
from catalog.records import FileStatus, Group, Member, Role, TensorSummary
from catalog.records.objects import one_file
from mappings.formats import counted_ranks

LAYERS = "layers"
"""Blobs that a manifest names together, as a kind of group and of a set: each is a piece of one copy of the weights."""
COMPONENT_DIRECTORY = re.compile(r"^(?:[a-z]+_)?\d+_[A-Z]\w*$")
"""A module of sentence-transformers, `1_Dense`, and one of a router's, `query_0_StaticEmbedding`."""

IN_PARTS = frozenset({"onnx", "openvino"})
"""Formats of which a model is exported as several graphs, of which people fetch each in the precision that they like."""
MAX_COMPONENTS = 64
"""Files of one kind beside each other that are compared for being parts of one model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightSet:
    """Files that hold one copy of weights together: a file, or the shards of one, with the bytes beside them."""

    format: str
    directory: str
    stem: str
    variant: str | None
    members: tuple[Member, ...]
    sharded: bool = False
    indexed: bool = False
    ranked: bool = False
    """Whether each file is one process's cut of the same tensors."""
    parallel: bool = False
    """Whether matrices are cut between the files, and vectors are in each of them."""
    aside: bool = False
    """Whether the name says that it is made of, or on the way to, what lies beside it."""

    @property
    def summaries(self) -> tuple[TensorSummary, ...]:
        return tuple(
            member.extraction.tensors
            for member in self.members
            if member.extraction is not None and member.extraction.tensors is not None
        )

    @property
    def tensors_identity(self) -> tuple[str, ...]:
        return tuple(sorted(summary.names_sha256 for summary in self.summaries))

    @property
    def readable(self) -> bool:
        return any(summary.counts_are_parameters and summary.tallies for summary in self.summaries)


def weight_sets(group: Group) -> list[WeightSet]:
    """The copies of weights in the group, the one to count first.

    Shards that an index names are one set; numbered files that it does not name, or of another total, are another.
    """
    named = _shard_references(group)
    holding = sorted(filter(_holds_weights, group.members), key=lambda item: item.object.key)
    beside = {member.object.key for member in holding}
    gathered: dict[tuple[str, str, str, str, str], list[Member]] = {}
    for member in holding:
        directory, name = posixpath.split(member.object.key)
        if (
            _format(member) == "tensorflow_saved_model"
        ):  # one model in two places: saved_model.pb and variables/
            above, last = posixpath.split(directory)
            directory, name = above if last == "variables" else directory, "saved_model.pb"
        index = named.get(member.object.key)
        base, total = shard_stem(name)
        kind = "indexed" if index else total
        if group.kind == LAYERS and content_key(member.object.key) is not None:
            base, kind = LAYERS, LAYERS
        if group.kind == "directory" and CUT_OF_TENSOR.search(name):
            directory, base, kind = group.key, "model.safetensors", RANKED
        if rank := RANK_DIRECTORY.search(directory):
            directory, kind = directory[: rank.start()], RANKED
        variant = _variant(name, directory, beside) or ""
        key = (_format(member), directory, stem(index) if index else stem(base), variant, kind)
        gathered.setdefault(key, []).append(member)
    stems = {(key[1], key[2]) for key in gathered}
    sets = [
        WeightSet(
            format=key[0],
            directory=key[1],
            stem=key[2],
            variant=key[3] or None,
            members=tuple(members),
            sharded=bool(key[4]),
            indexed=key[4] == "indexed",
            ranked=key[4] == RANKED and len(members) > 1,
            parallel=key[4] == PARALLEL and len(members) > 1,
            aside=_set_aside(key[2], key[3], stems, key[1]),
        )
        for key, members in gathered.items()
    ]
    return sorted(sets, key=lambda item: _set_order(item, group))


def counted_sets(group: Group, sets: Sequence[WeightSet]) -> list[WeightSet]:
    """The sets that together are the model once: one per component, alternatives left out."""
    if not sets:
        return []
    components: dict[str, list[WeightSet]] = {}
    for item in sets:
        components.setdefault(_component(group, item), []).append(item)
    if group.kind == "pipeline" and len(components) > 1:
        components.pop("", None)  # a checkpoint beside model_index.json is the whole pipeline once more
    chosen: list[WeightSet] = []
    for name in sorted(components):
        candidates = components[name]
        readable = [item for item in candidates if item.readable] or candidates
        chosen.extend(_together(readable))
    return chosen


def aside(group: Group, sets: Sequence[WeightSet]) -> frozenset[str]:
    """Keys of the weights that are not the model itself: its alternatives, and copies on the way to it."""
    chosen = {member.object.key for item in counted_sets(group, sets) for member in item.members}
    return frozenset(member.object.key for item in sets for member in item.members) - chosen


def _together(candidates: Sequence[WeightSet]) -> list[WeightSet]:
    """The best set, and those of the same kind beside it that hold other tensors (encoder and decoder)."""
    first = candidates[0]
    if first.stem.lower() in CANONICAL_STEMS or first.sharded or first.format == "gguf":
        return [first]
    near = [
        item
        for item in candidates[:MAX_COMPONENTS]
        if (item.format, item.directory) == (first.format, first.directory)
    ]
    parts = {_part(item) for item in near if item.variant == first.variant}
    beside = [first]
    for item in near[1:]:
        alike = item.variant == first.variant or (item.format in IN_PARTS and _part(item) not in parts)
        if (
            alike
            and not item.aside
            and item.readable
            and not any(_same_network(item, other) for other in beside)
        ):
            beside.append(item)
            parts.add(_part(item))
    return beside


def _part(item: WeightSet) -> str:
    """What the file is called whatever its variant: `decoder_model_merged` of `decoder_model_merged_q4`."""
    return variants.WITHIN.sub("", item.stem).lower()


def _same_network(first: WeightSet, second: WeightSet) -> bool:
    """Whether two sets hold the same tensors by identity, or mostly by name: another precision or another epoch. Exporters
    number what has no name, so that graphs of other parts share names, but not the shapes under them.
    """
    if first.tensors_identity == second.tensors_identity:
        return True
    by_shape = first.format in IN_PARTS and _part(first) != _part(second)
    names = [
        {
            (tensor.name, tensor.shape if by_shape else ())
            for summary in item.summaries
            for tensor in summary.tensors
        }
        for item in (first, second)
    ]
    shared = len(names[0] & names[1])
    return shared * 2 > min(len(names[0]), len(names[1]))


def _shard_references(group: Group) -> dict[str, str]:
    """For every file that an index names as a shard: the index's base name without `.index.json`."""
    named: dict[str, str] = {}
    for member in group.members:
        extraction = member.extraction
        if extraction is None or not extraction.references:
            continue
        directory, name = posixpath.split(member.object.key)
        base = re.sub(r"(?i)\.index(?:\.[\w-]+)?\.json$", "", name)
        for reference in extraction.references:
            if reference.relation == "shard":
                named[posixpath.join(directory, reference.name)] = base
    return named


def _holds_weights(member: Member) -> bool:
    extraction = member.extraction
    if extraction is None:
        return False
    if extraction.role is Role.WEIGHTS:
        return True
    return (
        extraction.tensors is not None
        and bool(extraction.tensors.tallies)
        and extraction.role in {Role.INDEX, Role.DATA}
    )


def _format(member: Member) -> str:
    return (member.extraction.format if member.extraction else None) or "unknown"


def _variant(name: str, directory: str, beside: Collection[str]) -> str | None:
    """The words that tell a copy; a merged decoder is one only where the plain decoder lies beside it."""
    words = [
        word.lower()
        for word in variants.WITHIN.findall(name)
        if word.lower() not in variants.COPIES
        or posixpath.join(directory, re.sub(rf"(?i)[._-]{word}(?=[._-])", "", name, count=1)) in beside
    ]
    return ".".join(words) if words else None


_ON_THE_WAY = re.compile(r"^\d{5,}_(?P<result>adapters)$")
"""States of a run beside its result. Source: ml-explore/mlx-lm mlx_lm/tuner/trainer.py (`{it:07d}_adapters.safetensors`)."""


def _set_aside(stem: str, variant: str, stems: Collection[tuple[str, str]], directory: str) -> bool:
    """A second copy by its name: consolidated files, moving averages, what a run saved before its result."""
    words = re.split(r"[^a-z]+", stem.lower())
    if match := _ON_THE_WAY.match(stem):
        return (directory, match["result"]) in stems
    copies = set(variant.split(".")) & set(variants.COPIES)
    return "consolidated" in words or "ema" in words or bool(copies)


def _set_order(item: WeightSet, group: Group) -> tuple[Any, ...]:
    ranks = counted_ranks()
    pointer = all(
        member.extraction is not None and member.extraction.status is FileStatus.POINTER
        for member in item.members
    )
    return (
        pointer,
        ranks.get(item.format, len(ranks)),
        _depth(item.directory) - _depth(group.key),
        item.variant is not None,
        item.aside,
        item.stem.lower() not in CANONICAL_STEMS,
        item.sharded,
        item.sharded and not item.indexed,
        -sum(member.object.size_bytes for member in item.members),
        item.directory,
        _latest_first(item.stem),
        item.stem,
        item.variant or "",
    )


def _latest_first(stem: str) -> int:
    """Of the states of a run without its result, the last one stands for it."""
    return -int(stem.partition("_")[0]) if _ON_THE_WAY.match(stem) else 0


def _depth(directory: str) -> int:
    """How many directories it lies in, with itself; the root of what is crawled is none."""
    return 0 if directory in {"", "."} else directory.count("/") + 1


def _component(group: Group, item: WeightSet) -> str:
    """Which part of the model a set is: the component's directory in pipelines, the whole model elsewhere."""
    base = "" if group.key == "." else group.key.strip("/")
    inside = item.directory.strip("/").removeprefix(base).strip("/")
    first = inside.partition("/")[0]
    if group.kind == "pipeline":
        return first
    return first if COMPONENT_DIRECTORY.match(first) else ""


def unique_bytes(members: Iterable[Member]) -> int:
    """Bytes of the files, hard links once. Objects of a bucket that hold equal bytes each hold them."""
    sizes: dict[str, int] = {}
    for member in members:
        identity = one_file(member.object.file_identity)
        sizes[identity or f"key:{member.object.key}"] = member.object.size_bytes
    return sum(sizes.values())
