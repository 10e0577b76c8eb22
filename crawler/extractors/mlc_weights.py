"""Weights of MLC LLM and other programs of TVM: the list of all parameters beside their shards.

Source: mlc-ai/mlc-llm python/mlc_llm/cli/convert_weight.py; apache/tvm python/tvm/contrib/tvmjs.py
(`TensorCacheShardingManager`, before `NDArrayCacheShardingManager`); mlc-llm quantization/group_quantization.py.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from catalog.errors import LimitExceeded, Malformed
from catalog.records import Evidence, Extraction, Origin, Reference, Role, Severity, TensorInfo
from crawler.candidates import Signs
from crawler.extractor import Claim, Findings
from crawler.formats import dtypes, jsons, tensors
from crawler.formats.json_values import mapping, number, pointer, text, whole
from crawler.formats.siblings import sibling
from crawler.promises import Promise
from crawler.reader import RangedReader

NAMES = ("tensor-cache.json", "ndarray-cache.json")
MAX_SHARDS = 20_000
MAX_TENSORS = 200_000
MAX_RANK = 8
_PACKED = "q_weight"
_SCALES = "q_scale"


class MlcWeightsExtractor:
    """Reads the whole list. Weights quantised in groups are counted where a word of 32 bits holds whole weights: the scales
    prove how many.
    """

    name = "mlc-weights"
    version = 1
    description = "Weights of MLC LLM and TVM (tensor-cache.json, ndarray-cache.json with params_shard_*.bin)"
    reads = "names, shapes and types of all parameters, their shards, bits per parameter as declared"
    limits = (
        "JSON 16 MB, 200,000 parameters, 20,000 shards; 3-bit weights, which leave bits over, are not counted"
    )
    promises = Promise(configs=("mlc-chat-config.json",))
    signs = Signs(names=NAMES)

    def claims(self, key: str, head: bytes) -> Claim | None:
        if key.rsplit("/", 1)[-1] not in NAMES or b'"records"' not in head:
            return None
        return Claim(format="mlc", role=Role.WEIGHTS, confidence=85)

    def extract(self, reader: RangedReader) -> Extraction:
        findings = Findings(reader, self, format="mlc", role=Role.WEIGHTS, origin=Origin.EMBEDDED)
        cache = jsons.read_object(reader)
        findings.say("framework", "mlc-llm", "json:/records", evidence=Evidence.INFERRED)
        bits = number(mapping(cache.get("metadata")).get("BitsPerParam"))
        findings.say("extra.mlc.bits_per_parameter", bits, pointer("metadata", "BitsPerParam"))
        _tell_shards(findings, cache)
        infos = list(_parameters(cache))
        findings.tensors = tensors.summarise(_without_scales(infos))
        return findings.extraction()


def _records(value: Mapping[str, Any]) -> list[Any]:
    records = value.get("records")
    if not isinstance(records, list):
        raise Malformed("a list of parameters without records")
    return records


def _tell_shards(findings: Findings, cache: Mapping[str, Any]) -> None:
    shards = _records(cache)
    if len(shards) > MAX_SHARDS:
        raise LimitExceeded("shards of a list of parameters", limit=MAX_SHARDS, found=len(shards))
    for index, shard in enumerate(shards):
        path = text(mapping(shard).get("dataPath"))
        if path is None:
            continue
        if (name := sibling(path)) is None:
            detail = f"the list names {path[:200]!r}, which is not a file beside it"
            findings.risk("path-traversal", Severity.HIGH, detail)
            findings.problem("path-traversal", detail, pointer("records", index, "dataPath"))
            continue
        findings.refers_to(Reference(name=name, relation="data"))


def _parameters(cache: Mapping[str, Any]) -> Iterator[TensorInfo]:
    count = 0
    for shard in _records(cache):
        listed = mapping(shard).get("records") or []
        if not isinstance(listed, list):
            raise Malformed("a shard whose records are no list")
        for record in listed:
            entry = mapping(record)
            shape = entry.get("shape")
            name, dtype = text(entry.get("name")), text(entry.get("dtype"))
            if name is None or dtype is None or not isinstance(shape, list) or len(shape) > MAX_RANK:
                continue
            sizes = [whole(size) for size in shape]
            if None in sizes:
                continue
            count += 1
            if count > MAX_TENSORS:
                raise LimitExceeded("parameters of a list", limit=MAX_TENSORS, found=count)
            dimensions = tuple(size for size in sizes if size is not None)
            yield TensorInfo(
                name=name[:4096],
                dtype=dtypes.canonical(dtype),
                shape=dimensions,
                elements=math.prod(dimensions),
                bytes=whole(entry.get("nbytes")),
            )


def _without_scales(infos: list[TensorInfo]) -> Iterator[TensorInfo]:
    """The parameters; scales beside packed weights serve those and are no weights."""
    packed = {info.name.removesuffix(_PACKED) for info in infos if info.name.endswith(_PACKED)}
    for info in infos:
        is_scale = info.name.endswith(_SCALES) and info.name.removesuffix(_SCALES) in packed
        yield replace(info, part="auxiliary") if is_scale else info
