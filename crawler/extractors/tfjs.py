"""TensorFlow.js models: model.json with its topology and the manifest of its weights, or a manifest alone.

Source: tensorflow/tfjs tfjs-core/src/io/types.ts (`ModelJSON`, `WeightsManifestConfig`, `WeightsManifestEntry`).
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from catalog.errors import LimitExceeded, Malformed
from catalog.records import Evidence, Origin, Reference, Role, Severity, TensorInfo
from catalog.text.patterns import pattern
from crawler.candidates import Signs
from crawler.extractor import Claim, Findings
from crawler.formats import jsons, tensors
from crawler.formats.dtypes import FLOATS, canonical, size_bytes
from crawler.formats.json_values import mapping, pointer, text
from crawler.formats.keras_config import tell_architecture, tell_training
from crawler.formats.siblings import sibling
from crawler.promises import Promise

if TYPE_CHECKING:
    from collections.abc import Iterator

    from catalog.records import Extraction
    from crawler.reader import RangedReader

MAX_JSON_BYTES = 16 * 1024 * 1024
MAX_JSON_NODES = 2_000_000
MAX_TENSORS = 100_000
MAX_SHARDS = 2_000

_OBJECT = re.compile(rb"\s*\{")
_WORDS = (b"-model", b"modelTopology", b"weightsManifest")
_MODEL = re.compile(rb'"format"\s*:\s*"(layers|graph)-model"|"(modelTopology|weightsManifest)"\s*:')
_MANIFEST = re.compile(rb'\s*\[\s*\{\s*"(weights|paths)"\s*:\s*\[')
_VERSION = pattern(r"(?i)converter v?(\d+\.\d+[\w.]*)")
_KERAS = pattern(r"(?i)keras(?:\.js)? (?:tfjs-layers )?v?(\d[\w.]*)")


class TfjsExtractor:
    name = "tfjs"
    version = 1
    description = "TensorFlow.js models (model.json, *weights_manifest.json)"
    reads = "signature, Keras topology, names, shapes and dtypes of all weights, the files that hold them"
    limits = "JSON 16 MB, 100,000 weights, 2,000 files of weights"
    promises = Promise(
        endings=("-weights_manifest.json",),
        shards=(r"(?P<stem>.+?)-shard(?P<number>\d{1,5})of(?P<total>\d{1,5})(?:\.bin)?",),
    )
    signs = Signs(suffixes=(".json",))

    def claims(self, key: str, head: bytes) -> Claim | None:
        if not key.lower().endswith(".json"):
            return None
        manifest = key.lower().endswith("weights_manifest.json") and _MANIFEST.match(head)
        if manifest or _is_model(head):
            return Claim(format="tfjs", role=Role.WEIGHTS, confidence=92)
        return None

    def extract(self, reader: RangedReader) -> Extraction:
        if reader.size_bytes > MAX_JSON_BYTES:
            raise LimitExceeded(
                "bytes of a TensorFlow.js model", limit=MAX_JSON_BYTES, found=reader.size_bytes
            )
        limits = jsons.JsonLimits(size_bytes=MAX_JSON_BYTES, nodes=MAX_JSON_NODES)
        document: Any = jsons.load(reader.take(0, reader.size_bytes), limits=limits)
        manifest = document if isinstance(document, list) else mapping(document).get("weightsManifest")
        if not isinstance(manifest, list):
            raise Malformed("a TensorFlow.js model without a manifest of its weights")
        findings = Findings(reader, self, format="tfjs", role=Role.WEIGHTS, origin=Origin.EMBEDDED)
        findings.say("framework", "tensorflow.js", "json:", evidence=Evidence.INFERRED)
        _tell(findings, mapping(document))
        _tell_files(findings, manifest)
        known = list(_weights(manifest))
        findings.tensors = tensors.summarise(
            known, counts_are_parameters=any(tensor.part == "model" for tensor in known)
        )
        return findings.extraction()


def _is_model(head: bytes) -> bool:
    """Whether an object says what it is, as far as its first bytes go; few of all JSON hold any of these words."""
    start = _OBJECT.match(head)
    if start is None or not any(word in head for word in _WORDS):
        return False
    return _MODEL.search(head, start.end()) is not None


def _tell(findings: Findings, document: Any) -> None:
    converter, origin = text(document.get("convertedBy")), text(document.get("generatedBy"))
    if converter is not None and (version := _VERSION.search(converter)) is not None:
        findings.say("framework_version", version[1], pointer("convertedBy"))
    findings.say("extra.converter", converter, pointer("convertedBy"))
    findings.say("extra.generated_by", origin, pointer("generatedBy"))
    findings.say("extra.tfjs_format", text(document.get("format")), pointer("format"))
    if origin is not None and _KERAS.match(origin):
        findings.say("origin_framework", "keras", pointer("generatedBy"), evidence=Evidence.INFERRED)
    signature = mapping(document.get("signature")) or mapping(
        mapping(document.get("userDefinedMetadata")).get("signature")
    )
    for field in ("inputs", "outputs"):
        ports = [_port(name, mapping(entry)) for name, entry in mapping(signature.get(field)).items()]
        if ports:
            findings.say(field, ports[:1000], pointer("signature", field))
    topology = mapping(document.get("modelTopology"))
    config = mapping(topology.get("model_config")) or topology
    if isinstance(config.get("class_name"), str):
        tell_architecture(findings, config, pointer("modelTopology"))
        tell_training(
            findings, mapping(topology.get("training_config")), pointer("modelTopology", "training_config")
        )


def _port(name: str, entry: Any) -> dict[str, object]:
    sizes = mapping(entry.get("tensorShape")).get("dim")
    shape = [_size(mapping(size).get("size")) for size in sizes[:16]] if isinstance(sizes, list) else []
    dtype = (text(entry.get("dtype")) or "").removeprefix("DT_").lower()
    return {"name": name[:512], "dtype": canonical(dtype), "shape": shape}


def _size(value: Any) -> int | None:
    """A size as the JSON of protobuf writes it: a text; -1 is a free dimension."""
    number = str(value)
    return int(number) if number.isascii() and number.isdigit() and len(number) < 16 else None


def _tell_files(findings: Findings, manifest: list[Any]) -> None:
    paths = [
        path for group in manifest for path in _list(mapping(group).get("paths")) if isinstance(path, str)
    ]
    for path in dict.fromkeys(paths[:MAX_SHARDS]):
        name = sibling(path)
        if name is not None:
            findings.refers_to(Reference(name=name, relation="data"))
        elif "://" not in path:
            detail = f"the manifest names {path[:200]!r}, which is not a file beside it"
            findings.risk("path-traversal", Severity.HIGH, detail)


def _weights(manifest: list[Any]) -> Iterator[TensorInfo]:
    entries = [mapping(entry) for group in manifest for entry in _list(mapping(group).get("weights"))]
    for entry in entries[:MAX_TENSORS]:
        shape = [size for size in _list(entry.get("shape")) if isinstance(size, int) and 0 <= size < 2**40]
        packed = text(mapping(entry.get("quantization")).get("dtype"))
        original = canonical(text(entry.get("dtype")) or "")
        dtype = canonical(packed) if packed is not None else original
        elements = math.prod(shape[:16])
        if elements >= 2**53:
            continue
        yield TensorInfo(
            name=(text(entry.get("name")) or "")[:512],
            dtype=dtype,
            shape=tuple(shape[:16]),
            elements=elements,
            bytes=size_bytes(dtype, elements),
            part="model" if original in FLOATS else "constant",
        )


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
