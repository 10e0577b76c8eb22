"""Core ML models: the specification (.mlmodel) and the manifest of a package (.mlpackage).

Source: apple/coremltools mlmodel/format/Model.proto, modelpackage/src/ModelPackage.cpp.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from catalog.errors import ExtractError
from catalog.records import Evidence, Origin, Reference, Role, Severity, TensorInfo
from crawler.candidates import Signs
from crawler.extractor import Claim, Findings
from crawler.formats import jsons, properties, tensors
from crawler.formats.coreml_model import CoreModel, read_header, read_weights
from crawler.formats.coreml_program import CoreTensor
from crawler.formats.dtypes import FLOATS
from crawler.formats.protobuf import VARINT, ProtobufWalker, sniff
from crawler.formats.siblings import sibling
from crawler.promises import Container, Promise
from mappings import frameworks

if TYPE_CHECKING:
    from catalog.records import Extraction
    from crawler.reader import RangedReader

MANIFEST_BYTES = 1024 * 1024
MAX_ITEMS = 1_000
MODEL_PATH = "@model_path/"
CATBOOST_AUTHOR = "Mr. Catboost Dumper"
"""Source: catboost/catboost catboost/libs/model/model_export/coreml_helpers.cpp."""
TOOLS = "com.github.apple.coremltools."

_SMALL_INTEGERS = frozenset({"I8", "U8", "I4", "U4", "U2", "U1", "U3", "U6"})
_BITS = {"I8": 8, "U8": 8, "I4": 4, "U4": 4, "U2": 2, "U1": 1, "U3": 3, "U6": 6}
_CLASSICAL = {
    "glmRegressor": "tabular-regression",
    "supportVectorRegressor": "tabular-regression",
    "treeEnsembleRegressor": "tabular-regression",
    "glmClassifier": "tabular-classification",
    "supportVectorClassifier": "tabular-classification",
    "treeEnsembleClassifier": "tabular-classification",
    "textClassifier": "text-classification",
    "wordTagger": "token-classification",
}


class CoremlExtractor:
    name = "coreml"
    version = 2
    description = "Core ML models (.mlmodel) and packages (.mlpackage)"
    reads = "signature, author, license, version, properties, origin, weights of programs and networks, trees"
    limits = "5 M fields, 64 blocks deep"
    promises = Promise(
        formats={".mlmodel": "coreml"},
        containers=(
            Container(suffix=".mlpackage"),
            Container(suffix=".mlmodelc"),
            Container(
                files=("coremldata.bin",)
            ),  # what is crawled may be such a directory, and its files do not say its name
        ),
    )
    signs = Signs(names=("Manifest.json",), suffixes=(".mlmodel",))

    def claims(self, key: str, head: bytes) -> Claim | None:
        name = key.rpartition("/")[2]
        if name == "Manifest.json" and b"rootModelIdentifier" in head:
            return Claim(format="coreml", role=Role.CONFIG, confidence=95)
        if not name.lower().endswith(".mlmodel"):
            return None
        return Claim(format="coreml", role=Role.WEIGHTS, confidence=100 if _looks_like_coreml(head) else 40)

    def extract(self, reader: RangedReader) -> Extraction:
        if reader.name == "Manifest.json":
            return self._extract_manifest(reader)
        findings = Findings(reader, self, format="coreml", role=Role.WEIGHTS, origin=Origin.EMBEDDED)
        walker, model = ProtobufWalker(reader), CoreModel()
        body = read_header(walker, model)
        try:
            if body is not None:
                read_weights(walker, body, model)
        except ExtractError as error:
            findings.failed(error)
        _tell(findings, model)
        _count(findings, model)
        return findings.extraction()

    def _extract_manifest(self, reader: RangedReader) -> Extraction:
        """The files of a package; a path that leaves it is a risk and is not followed."""
        findings = Findings(reader, self, format="coreml", role=Role.CONFIG, origin=Origin.CONFIG)
        manifest: Any = jsons.load(reader.take(0, min(reader.size_bytes, MANIFEST_BYTES)))
        entries = manifest.get("itemInfoEntries") if isinstance(manifest, dict) else None
        items = list(entries.values())[:MAX_ITEMS] if isinstance(entries, dict) else []
        for item in items:
            path = item.get("path") if isinstance(item, dict) else None
            if not isinstance(path, str):
                continue
            name = sibling(path)
            if name is None:
                detail = f"the manifest names a file outside the package: {path!r}"
                findings.risk("path-traversal", Severity.HIGH, detail)
            elif "." in name.rpartition("/")[2]:
                findings.refers_to(Reference(name=f"Data/{name}", relation="component"))
        return findings.extraction()


def _looks_like_coreml(head: bytes) -> bool:
    fields = sniff(head)
    return bool(fields) and (fields[0].number, fields[0].wire) == (1, VARINT) and fields[0].value < 1000


def _tell(findings: Findings, model: CoreModel) -> None:
    findings.say("framework", "coreml", "proto:", evidence=Evidence.INFERRED)
    findings.say("extra.specification_version", model.specification_version, "proto:/specificationVersion")
    findings.say("model_type", model.kind, "proto:/Type")
    last = model.kinds_inside[-1] if model.kinds_inside else model.kind
    findings.say("task", _CLASSICAL.get(last), "proto:/Type", evidence=Evidence.INFERRED)
    if model.kinds_inside:
        findings.say("extra.pipeline", model.kinds_inside, "proto:/pipeline/models")
    is_by_catboost = model.metadata.get("owner", "").strip() == CATBOOST_AUTHOR
    for field, value in model.metadata.items():
        if is_by_catboost and field in {"owner", "version", "description"}:
            continue  # the same in every model that CatBoost exports
        findings.say(field, value.strip(), f"proto:/description/metadata/{field}")
    if model.inputs:
        findings.say("inputs", model.inputs, "proto:/description/input")
    if model.outputs:
        findings.say("outputs", model.outputs, "proto:/description/output")
    findings.say("extra.operations", model.operations or None, "proto:/", evidence=Evidence.COUNTED)
    findings.say("trees", len(model.trees) or None, "proto:/treeEnsemble", evidence=Evidence.COUNTED)
    own = [(name, value) for name, value in model.properties if name.startswith("com.github.apple.")]
    for name, value in own:
        _tell_tool(findings, name, value)
    others = [pair for pair in model.properties if pair not in own]
    properties.tell_properties(findings, others, "meta:userDefined", block="userDefined")
    for name in sorted(set(model.custom))[:50]:
        findings.risk(
            "remote-code", Severity.INFO, f"the custom layer {name!r} needs code of the app", member=name
        )
    _tell_files(findings, model)


def _tell_tool(findings: Findings, name: str, value: str) -> None:
    """What the converter says of itself."""
    pointer = f"meta:userDefined/{name}"
    if name == f"{TOOLS}source":
        origin = frameworks.origin(value.partition("==")[0], of="coreml")
        findings.say("origin_framework", origin, pointer)
        findings.say("extra.source", value, pointer)
    elif name == f"{TOOLS}version":
        findings.say("framework_version", value, pointer)
    elif name == f"{TOOLS}conversion_date":
        findings.say("created_at", value, pointer)
    else:
        findings.say(f"extra.{name.rpartition('.')[2] or 'coremltools'}", value, pointer)


def _tell_files(findings: Findings, model: CoreModel) -> None:
    for name in sorted(model.blob_files):
        inside = sibling(name.removeprefix(MODEL_PATH)) if name.startswith(MODEL_PATH) else None
        if inside is None:
            findings.risk("path-traversal", Severity.HIGH, f"weights outside the package: {name!r}")
        else:
            findings.refers_to(Reference(name=inside, relation="data"))


def _count(findings: Findings, model: CoreModel) -> None:
    total, kept, unknown = 0, list[TensorInfo](), 0
    for tensor in model.tensors:
        total += tensor.elements
        if total >= 2**62:
            unknown += 1
        else:
            kept.append(_info(tensor))
    weights = [tensor for tensor in kept if tensor.part == "model"]
    if kept or unknown:
        findings.tensors = tensors.summarise(
            kept, unknown=unknown, complete=model.complete, counts_are_parameters=bool(weights)
        )
    packed = [
        _BITS[tensor.dtype] for tensor in model.tensors if tensor.dtype in _BITS and tensor.elements > 64
    ]
    packed += [_BITS[dtype] for _, dtype in model.compressions if dtype in _BITS]
    if packed or model.compressions:
        findings.say("quantization.method", "coreml", "proto:", evidence=Evidence.DERIVED)
        findings.say("quantization.bits", min(packed, default=None), "proto:", evidence=Evidence.COUNTED)
    schemes = sorted({scheme for scheme, _ in model.compressions})
    findings.say("quantization.scheme", ", ".join(schemes), "proto:", evidence=Evidence.DERIVED)


def _info(tensor: CoreTensor) -> TensorInfo:
    if tensor.compressed:
        part = "auxiliary"  # the operator that unpacks it has the weight's own shape
    elif tensor.dtype in FLOATS or tensor.dtype in _SMALL_INTEGERS:
        part = "model"
    else:
        part = "auxiliary" if tensor.dtype in {"I16", "U16"} else "constant"
    return TensorInfo(
        name=tensor.name,
        dtype=tensor.dtype,
        shape=tensor.shape,
        elements=tensor.elements,
        bytes=tensor.bytes,
        part=part,
    )
