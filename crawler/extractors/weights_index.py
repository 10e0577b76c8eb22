"""The index of sharded weights: which shard holds which tensor, and what the writer declared of the whole."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from catalog.errors import LimitExceeded, Malformed
from catalog.records import Evidence, Extraction, Origin, Reference, Role, Severity
from crawler.candidates import Signs
from crawler.extractor import Claim, Findings
from crawler.formats import jsons
from crawler.formats.json_values import leftovers, mapping, pointer, positive
from crawler.formats.siblings import sibling
from crawler.promises import Promise
from crawler.reader import RangedReader

MAX_SHARDS = 2_000
MAX_TENSORS = 500_000

_NAME = re.compile(r"\.(safetensors|bin|h5|msgpack|pt|pth)\.index(?:\.[\w-]+)?\.json$", re.IGNORECASE)
_KERAS_NAME = re.compile(r"\.weights\.json$", re.IGNORECASE)
"""Source: keras-team/keras keras/src/saving/saving_lib.py, `ShardedH5IOStore`."""
_FORMATS = {
    "safetensors": "safetensors",
    "bin": "pytorch",
    "pt": "pytorch",
    "pth": "pytorch",
    "h5": "hdf5",
    "msgpack": "flax",
}
_KNOWN = frozenset({"total_size", "total_parameters"})


class WeightsIndexExtractor:
    """Reads the whole index. Shards must be files beside it: anything else is a risk and is not looked up."""

    name = "weights-index"
    version = 2
    description = "Indexes of sharded weights (model.safetensors.index.json and its like)"
    reads = "shards and the tensors that each should hold; total_parameters as declared"
    limits = "2,000 shards, 500,000 tensors, JSON 32 MB"
    promises = Promise(
        endings=(".safetensors.index.json", ".bin.index.json", ".h5.index.json", ".msgpack.index.json"),
        stems=(r"(?P<stem>.+?)\.(?:safetensors|bin)\.index\.(?P<variant>[A-Za-z0-9_]+)\.json",),
    )
    signs = Signs(suffixes=(".json",))

    def claims(self, key: str, head: bytes) -> Claim | None:
        match = _NAME.search(key)
        if head.lstrip()[:1] not in {b"{", b""}:
            return None
        if _KERAS_NAME.search(key) and (b'"weight_map"' in head or b'"metadata"' in head[:64]):
            return Claim(format="hdf5", role=Role.INDEX, confidence=100)
        if match is None:
            return None
        return Claim(format=_FORMATS[match[1].lower()], role=Role.INDEX, confidence=100)

    def extract(self, reader: RangedReader) -> Extraction:
        findings = Findings(reader, self, format=None, role=Role.INDEX, origin=Origin.CONFIG)
        limits = jsons.JsonLimits(size_bytes=32 * 1024 * 1024, depth=16, nodes=MAX_TENSORS * 2)
        data = b"".join(_steps(reader, limits.size_bytes))
        index = jsons.load(data, limits=limits)
        if not isinstance(index, jsons.JsonObject) or not isinstance(index.get("weight_map"), Mapping):
            raise Malformed("the index has no weight_map")
        _tell_shards(findings, index["weight_map"])
        metadata = mapping(index.get("metadata"))
        declared = positive(metadata.get("total_parameters"))
        findings.say(
            "parameters", declared, pointer("metadata", "total_parameters"), evidence=Evidence.DECLARED
        )
        findings.say(
            "extra.index.total_size", positive(metadata.get("total_size")), pointer("metadata", "total_size")
        )
        for name, value, place in leftovers(metadata, _KNOWN):
            findings.say(f"extra.index.{name}", value, place.replace("json:", "json:/metadata", 1))
        return findings.extraction()


def _steps(reader: RangedReader, limit: int) -> list[bytes]:
    if reader.size_bytes > limit:
        raise LimitExceeded("bytes of an index", limit=limit, found=reader.size_bytes)
    step = 8 * 1024 * 1024
    return [reader.take(at, min(at + step, reader.size_bytes)) for at in range(0, reader.size_bytes, step)]


def _tell_shards(findings: Findings, weight_map: Mapping[str, Any]) -> None:
    if len(weight_map) > MAX_TENSORS:
        raise LimitExceeded("tensors of an index", limit=MAX_TENSORS, found=len(weight_map))
    shards: dict[str, list[str]] = {}
    for tensor, place in weight_map.items():
        for shard in place if isinstance(place, list) else [place]:  # Keras has a list, of names of groups
            if not isinstance(shard, str):
                findings.problem(
                    "malformed", f"the shard of {tensor[:200]!r} is not text", pointer("weight_map", tensor)
                )
                continue
            shards.setdefault(shard, [])
            if not isinstance(place, list):
                shards[shard].append(tensor)
    if len(shards) > MAX_SHARDS:
        raise LimitExceeded("shards of an index", limit=MAX_SHARDS, found=len(shards))
    for shard, tensors in shards.items():
        name = sibling(shard)
        if name is None or "/" in name:
            detail = f"weight_map names {shard[:200]!r}, which is not a file beside the index"
            findings.risk("path-traversal", Severity.HIGH, detail)
            findings.problem("path-traversal", detail, pointer("weight_map", *tensors[:1]))
            continue
        findings.refers_to(Reference(name=name, relation="shard", tensors=tuple(tensors)))
