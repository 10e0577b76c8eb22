"""Orbax checkpoints of JAX: the metadata of a step, the tree of its arrays, and whether it was committed.

Source: google/orbax checkpoint/orbax/checkpoint/_src/metadata (step_metadata, tree), docs "Checkpoint format guide".
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from catalog.errors import Malformed
from catalog.records import Evidence, FileStatus, Origin, Role, TensorInfo
from catalog.text.patterns import pattern
from crawler.candidates import Signs
from crawler.extractor import Claim, Findings
from crawler.formats import jsons, properties, tensors
from crawler.formats.json_values import leftovers
from crawler.promises import Container, Promise

if TYPE_CHECKING:
    from catalog.records import Extraction
    from crawler.reader import RangedReader

MAX_TREE_NODES = 2_000_000
MAX_RANK = 32
MAX_METRICS = 200
STEP_METADATA, TREE_METADATA, ROOT_METADATA = "_CHECKPOINT_METADATA", "_METADATA", "_ROOT_METADATA"
UNKNOWN_DTYPE = "UNKNOWN"
"""The tree has shapes alone; element types are in the arrays' own store."""

_OPTIMIZER = pattern(r"opt_state|optimizer(_state)?s?|opt|mu|nu|exp_avg(_sq)?|momentum|trace|master_params")
_AUXILIARY = pattern(r"rngs?|rng_key|seed|prng\w*|step|global_step|count|epoch|iteration|dropout_rng")
_AVERAGE = pattern(r"ema(_params)?|ema_state|average_params")
_STEP = pattern(r"(?:.*[_-])?(\d{1,12})")
_DATA = pattern(r"(?:^|/)(?:d/[0-9a-f]{32}|manifest\.ocdbt)$")
_BESIDE = pattern(r"(?:^|/)(?:_sharding|array_metadatas/process_\d+|commit_success\.txt)$")
_UNFINISHED = ".orbax-checkpoint-tmp"
"""In the names of directories that are still being written; behind it stands a time."""


class OrbaxExtractor:
    name = "orbax"
    version = 3
    description = "Orbax checkpoints"
    reads = "step, times of beginning and commit, metrics, custom metadata, names and shapes of arrays"
    limits = "element types are unknown; shapes are those that one process wrote"
    promises = Promise(
        containers=tuple(
            Container(files=(name,)) for name in (STEP_METADATA, "manifest.ocdbt", TREE_METADATA)
        )
    )
    signs = Signs(
        names=(
            TREE_METADATA,
            STEP_METADATA,
            ROOT_METADATA,
            "manifest.ocdbt",
            "_sharding",
            "commit_success.txt",
        ),
        folders=("d", "array_metadatas"),
    )

    def claims(self, key: str, head: bytes) -> Claim | None:
        name = key.rpartition("/")[2]
        if _DATA.search(key):
            return Claim(format="orbax", role=Role.DATA, confidence=70)
        if _BESIDE.search(key):
            return Claim(format="orbax", role=Role.AUXILIARY, confidence=60)
        if name == TREE_METADATA and b'"tree_metadata"' in head[:256]:
            return Claim(format="orbax", role=Role.WEIGHTS, confidence=95)
        if name in {STEP_METADATA, ROOT_METADATA} and head[:1] == b"{":
            return Claim(format="orbax", role=Role.CONFIG, confidence=90)
        return None

    def extract(self, reader: RangedReader) -> Extraction:
        if _DATA.search(reader.key) or _BESIDE.search(reader.key):
            role = Role.DATA if _DATA.search(reader.key) else Role.AUXILIARY
            return Findings(reader, self, format=None, role=role, origin=Origin.EMBEDDED).extraction()
        tree = reader.name == TREE_METADATA
        role = Role.WEIGHTS if tree else Role.CONFIG
        origin = Origin.EMBEDDED if tree else Origin.RUN
        findings = Findings(reader, self, format="orbax", role=role, origin=origin)
        limits = jsons.JsonLimits(nodes=MAX_TREE_NODES)
        document = jsons.load(reader.read(0, limits.size_bytes), limits=limits)
        if not isinstance(document, dict):
            raise Malformed("Orbax metadata is not an object")
        findings.say("framework", "jax", "json:/", evidence=Evidence.INFERRED)
        if tree:
            _tell_tree(findings, document)
        else:
            _tell_step(findings, document, reader)
        if _UNFINISHED in reader.key:
            _unfinished(findings)
        return findings.extraction()


def _unfinished(findings: Findings) -> None:
    findings.status = FileStatus.PARTIAL
    findings.problem(
        "still-being-written", "the checkpoint was not committed: it is still being written, or was given up"
    )


def _tell_step(findings: Findings, document: dict[str, Any], reader: RangedReader) -> None:
    started, committed = document.get("init_timestamp_nsecs"), document.get("commit_timestamp_nsecs")
    if _is_number(started):
        findings.say("training_started_at", started, "json:/init_timestamp_nsecs", unit="ns")
    if _is_number(committed):
        findings.say("trained_at", committed, "json:/commit_timestamp_nsecs", unit="ns")
    elif reader.name == STEP_METADATA and "commit_timestamp_nsecs" in document:
        _unfinished(findings)
    _tell_position(findings, reader)
    metrics = document.get("metrics")
    for name, value in list(metrics.items())[:MAX_METRICS] if isinstance(metrics, dict) else ():
        if _is_number(value) or isinstance(value, str):
            findings.metric(name[:200] or "unnamed", value, f"json:/metrics/{name}", block="orbax")
    _tell_custom(findings, document.get("custom_metadata"))
    handlers = document.get("item_handlers")
    if isinstance(handlers, dict) and handlers:
        findings.say(
            "extra.checkpoint_items",
            sorted(str(name)[:200] for name in handlers)[:100],
            "json:/item_handlers",
        )


def _tell_custom(findings: Findings, custom: Any) -> None:
    """What people added, by its dotted name."""
    for name, value, _ in leftovers(custom) if isinstance(custom, dict) else ():
        properties.tell_property(
            findings, name, value, f"json:/custom_metadata/{name}", block="custom_metadata"
        )


def _tell_position(findings: Findings, reader: RangedReader) -> None:
    """Managers name the directory of a step by its number."""
    folders = reader.key.split("/")[:-1]
    own = folders[-1].partition(_UNFINISHED)[0] if folders and reader.name == STEP_METADATA else ""
    match = _STEP.fullmatch(own)
    if match is not None:
        findings.say(
            "training.steps", int(match[1]), "name:", evidence=Evidence.INFERRED, origin=Origin.FILENAME
        )


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _tell_tree(findings: Findings, document: dict[str, Any]) -> None:
    entries = document.get("tree_metadata")
    if not isinstance(entries, dict):
        raise Malformed("Orbax tree metadata without a tree")
    known, unknown, total = list[TensorInfo](), 0, 0
    for entry in entries.values():
        tensor = _tensor(entry)
        if tensor is None:
            continue
        total += tensor.elements
        if total >= 2**62:
            unknown += 1
        else:
            known.append(tensor)
    weights = any(tensor.part in {"model", "ema"} for tensor in known)
    findings.tensors = tensors.summarise(
        known, unknown=unknown, counts_are_parameters=weights and not unknown
    )
    _tell_custom(findings, document.get("custom_metadata"))


def _tensor(entry: Any) -> TensorInfo | None:
    """An array of the tree; None for empty nodes and plain values."""
    keys = entry.get("key_metadata") if isinstance(entry, dict) else None
    value = entry.get("value_metadata") if isinstance(entry, dict) else None
    shape = value.get("write_shape") if isinstance(value, dict) else None
    if not isinstance(keys, list) or not isinstance(shape, list) or len(shape) > MAX_RANK:
        return None
    sizes = tuple(
        size for size in shape if isinstance(size, int) and not isinstance(size, bool) and 0 <= size < 2**53
    )
    elements = math.prod(sizes)
    if len(sizes) != len(shape) or elements >= 2**53:
        return None
    path = [str(key.get("key")) for key in keys if isinstance(key, dict)]
    return TensorInfo(
        name="/".join(path)[:1000],
        dtype=UNKNOWN_DTYPE,
        shape=sizes,
        elements=elements,
        part=_part(path),
    )


def _is_random_state(words: list[str]) -> bool:
    """Whether a layer of flax keeps it to draw numbers: the key and the count of a stream.

    Source: google/flax flax/nnx/rnglib.py (`RngKey`, `RngCount`).
    """
    return "rngs" in words[:-1] and bool({"key", "count"} & set(words[-2:]))


def _part(path: list[str]) -> str:
    words = [word.lower() for word in path]
    if any(_OPTIMIZER.fullmatch(word) for word in words[:-1]) or (words and _OPTIMIZER.fullmatch(words[0])):
        return "optimizer"
    if any(_AVERAGE.fullmatch(word) for word in words):
        return "ema"
    if _is_random_state(words):
        return "auxiliary"
    if words and (_AUXILIARY.fullmatch(words[0]) or (len(words) == 1 and _AUXILIARY.fullmatch(words[-1]))):
        return "auxiliary"
    return "model"
