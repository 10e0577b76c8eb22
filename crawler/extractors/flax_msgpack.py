"""Flax checkpoints in MessagePack: names, shapes and dtypes of arrays, their bytes stepped over."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any

from catalog.errors import LimitExceeded, Malformed
from catalog.records import Evidence, Extraction, Origin, Role, TensorInfo
from crawler.candidates import Signs
from crawler.extractor import Claim, Findings
from crawler.formats import dtypes, msgpack, properties, tensors
from crawler.formats.json_values import MAX_NAME_CHARACTERS
from crawler.formats.msgpack import Leaf, PackedArray
from crawler.promises import Promise
from crawler.reader import RangedReader

CHUNKED = "__msgpack_chunked_array__"
MAX_SCALARS = 500
MAX_ELEMENTS = 2**63 - 1
_OPTIMIZER = re.compile(r"^(?:opt_state|opt|optimizer|opt_vars|mu|nu|tx)(?:/|$)|/opt_state/")
_EMA = re.compile(r"^(?:ema|ema_params|params_ema|ema_state)/")
_BUFFER = re.compile(r"^(?:batch_stats|buffers|state)/")
_STEP = frozenset({"step", "global_step", "train_step"})


_NAMED = re.compile(r"model|flax|checkpoint|ckpt|params|weights|state", re.IGNORECASE)
"""Names that promise arrays; under others MessagePack is anybody's."""
_EXTENSIONS = frozenset({0xC7, 0xC8, 0xC9, 0xD4, 0xD5, 0xD6, 0xD7, 0xD8})
"""First bytes of what is an array to Flax. Source: msgpack/msgpack spec.md, ext format family."""


class FlaxMsgpackExtractor:
    """Reads headers of arrays: one request per array that is larger than a block."""

    name = "flax-msgpack"
    version = 2
    description = "Flax checkpoints (flax_model.msgpack, checkpoint_N)"
    reads = "names, shapes, dtypes and counts of arrays; step; optimizer state is told apart"
    limits = "1,000,000 values, depth 64, 512 requests; beyond them the count is incomplete"
    promises = Promise(names={r".*model[^/]*\.msgpack": "flax"})
    signs = Signs(suffixes=(".msgpack",), beginnings=msgpack.BEGINNINGS)

    def claims(self, key: str, head: bytes) -> Claim | None:
        name = key.rsplit("/", 1)[-1].lower()
        if not msgpack.claims_head(head):
            return (
                Claim(format="flax", role=Role.WEIGHTS, confidence=40)
                if name.startswith("flax_model") and name.endswith(".msgpack")
                else None
            )
        if not _NAMED.search(name) and _EXTENSIONS.isdisjoint(head):
            return None  # no array is in sight, and no name promises one: another program's
        if name.endswith((".msgpack", ".flax")):
            return Claim(format="flax", role=Role.WEIGHTS, confidence=85)
        return (
            Claim(format="flax", role=Role.WEIGHTS, confidence=70)
            if re.fullmatch(r"(?:checkpoint|ckpt)_?\d+", name)
            else None
        )

    def extract(self, reader: RangedReader) -> Extraction:
        findings = Findings(reader, self, format="flax", role=Role.WEIGHTS, origin=Origin.EMBEDDED)
        leaves: list[Leaf] = []
        complete = True
        try:
            for leaf in msgpack.walk(reader):
                leaves.append(leaf)  # noqa: PERF402 - what was read before a limit stays
        except LimitExceeded as error:
            if not leaves:
                raise
            findings.failed(error)
            complete = False
        infos = _tensors(leaves)
        if not infos and complete:
            raise Malformed("a MessagePack document without arrays")
        findings.tensors = tensors.summarise(infos, complete=complete)
        findings.say("framework", "flax", "msgpack:", evidence=Evidence.INFERRED)
        _tell_scalars(findings, leaves)
        return findings.extraction()


def _tensors(leaves: Iterable[Leaf]) -> list[TensorInfo]:
    """Arrays, with those that were cut into chunks put together again."""
    whole: list[TensorInfo] = []
    chunked = {leaf.path[:-1] for leaf in leaves if leaf.path and leaf.path[-1] == CHUNKED}
    parts: dict[tuple[str, ...], list[PackedArray]] = {path: [] for path in chunked}
    for leaf in leaves:
        if not isinstance(leaf.value, PackedArray):
            continue
        if leaf.path[:-2] in chunked and leaf.path[-2] == "chunks":
            parts[leaf.path[:-2]].append(leaf.value)
            continue
        whole.append(_tensor(leaf.path, leaf.value.dtype, leaf.value.shape, leaf.value.size_bytes))
    shapes = _chunked_shapes(leaves, chunked)
    for path, arrays in parts.items():
        if arrays:
            size = sum(array.size_bytes for array in arrays)
            stored = sum(math.prod(array.shape) for array in arrays)
            shape = shapes.get(path, ())
            whole.append(
                _tensor(path, arrays[0].dtype, shape if math.prod(shape) == stored else (stored,), size)
            )
    return [info for info in whole if info.elements <= MAX_ELEMENTS]


def _chunked_shapes(
    leaves: Iterable[Leaf], chunked: set[tuple[str, ...]]
) -> dict[tuple[str, ...], tuple[int, ...]]:
    sizes: dict[tuple[str, ...], list[int]] = {}
    for leaf in leaves:
        if (
            len(leaf.path) >= 2
            and leaf.path[-2] == "shape"
            and leaf.path[:-2] in chunked
            and type(leaf.value) is int
        ):
            sizes.setdefault(leaf.path[:-2], []).append(leaf.value)
    return {path: tuple(dimensions) for path, dimensions in sizes.items()}


def _tensor(path: tuple[str, ...], dtype: str, shape: tuple[int, ...], size_bytes: int) -> TensorInfo:
    name = "/".join(path)[:4096]
    return TensorInfo(
        name=name,
        dtype=dtypes.canonical(dtype),
        shape=shape,
        elements=math.prod(shape),
        bytes=size_bytes,
        part=_part(name),
    )


def _part(name: str) -> str:
    if name.rpartition("/")[2] in _STEP:
        return "auxiliary"  # a counter that JAX keeps as an array
    if _OPTIMIZER.search(name):
        return "optimizer"
    if _EMA.search(name):
        return "ema"
    return "buffer" if _BUFFER.search(name) else "model"


def _tell_scalars(findings: Findings, leaves: Iterable[Leaf]) -> None:
    scalars = 0
    for leaf in leaves:
        value: Any = leaf.value
        if (
            isinstance(value, PackedArray)
            or value is None
            or CHUNKED in leaf.path
            or _OPTIMIZER.search("/".join(leaf.path))
        ):
            continue
        if any(part in {"shape", "chunks"} for part in leaf.path[-2:]):
            continue
        place = "msgpack:/" + "/".join(leaf.path)[:MAX_NAME_CHARACTERS]
        if leaf.path[-1:] and leaf.path[-1] in _STEP and type(value) is int:
            findings.say("training.steps", value, place)
        elif scalars < MAX_SCALARS and leaf.path:
            scalars += 1
            name = ".".join(leaf.path)[:MAX_NAME_CHARACTERS]
            properties.tell_property(findings, name, value, place, block="checkpoint")
