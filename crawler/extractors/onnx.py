"""ONNX: signature, operators, properties and weights of a graph, wherever its exporter put them.

Source: onnx/onnx docs/IR.md, docs/ExternalData.md, docs/MetadataProps.md.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from catalog.errors import ExtractError
from catalog.records import Evidence, Origin, Reference, Role, Severity, TensorInfo
from catalog.text.patterns import pattern
from crawler.extractor import Claim, Findings
from crawler.formats import properties, tensors
from crawler.formats.dtypes import FLOATS
from crawler.formats.onnx_graph import OnnxModel, read_graph, read_header
from crawler.formats.onnx_tensor import OnnxTensor
from crawler.formats.protobuf import BYTES, VARINT, ProtobufWalker, sniff
from crawler.formats.siblings import sibling
from crawler.promises import Promise
from mappings import frameworks

if TYPE_CHECKING:
    from catalog.records import Extraction
    from crawler.reader import RangedReader

MAX_PROTOBUF_BYTES = (
    2**31 - 1
)  # larger messages cannot be serialised. Source: protobuf.dev, "Total Size Limit"
FIRST_WITH_OPSETS = 3
"""The version of the representation from which on a model must import operator sets. Source: onnx/onnx docs/IR.md."""
MAX_OPERATORS_SHOWN = 200
MAX_ELEMENTS = 2**62  # of a whole model: beyond it shapes are lies, and sums no longer fit a long

_INTEGER_WEIGHTS = frozenset({"I8", "U8", "I4", "U4", "I2", "U2", "F8_E8M0"})
_KNOWN_DOMAINS = pattern(
    r"(ai\.onnx(\.ml|\.training|\.preview|\.preview\.training)?|com\.microsoft(\.\w+)*|pkg\.onnxscript(\.\w+)*|"
    r"pkg\.torch(\.\w+)*|pkg\.transformers(\.\w+)*|org\.pytorch(\.\w+)*|local|)"
)
_PYTHON_OPERATORS = frozenset({"PyOp", "PyCustomOp", "PyOpWrapper", "PythonOp", "PythonOpGrad"})
_GENERIC_NAMES = pattern(
    r"(?i)(main_?graph|torch[-_ ]?(jit|export|script).*|tf2onnx|.*onnx.*|.*graph|model(_\d+)?|main|[0-9a-f-]{16,})"
)


class OnnxExtractor:
    name = "onnx"
    version = 4
    description = "ONNX models, with external data"
    reads = "signature, opsets, operators, properties, all weights including constants of subgraphs, external files"
    limits = "5 M fields, 64 graphs deep, 500,000 tensors; weights that the model generates are unknown"
    promises = Promise(formats={".onnx": "onnx"}, endings=(".onnx.data", ".onnx_data"))

    def claims(self, key: str, head: bytes) -> Claim | None:
        named = key.lower().endswith(".onnx")
        if _looks_like_onnx(head):
            return Claim(format="onnx", role=Role.WEIGHTS, confidence=100 if named else 60)
        return Claim(format="onnx", role=Role.WEIGHTS, confidence=40) if named else None

    def extract(self, reader: RangedReader) -> Extraction:
        findings = Findings(reader, self, format="onnx", role=Role.WEIGHTS, origin=Origin.EMBEDDED)
        walker = ProtobufWalker(reader)
        model = read_header(walker)
        if reader.size_bytes > MAX_PROTOBUF_BYTES:
            findings.problem(
                "malformed", "larger than 2 GB: no ONNX library loads it; weights belong in external data"
            )
        try:
            read_graph(walker, model)
        except ExtractError as error:
            findings.failed(error)
        if model.ir_version is not None and model.ir_version >= FIRST_WITH_OPSETS and not model.opsets:
            findings.problem("truncated", "cut off behind its graph: the version of its operators is missing")
        _tell_header(findings, model)
        _tell_graph(findings, model)
        _tell_operators(findings, model)
        _tell_external_data(findings, model)
        _count(findings, model)
        return findings.extraction()


_IR_VERSION = frozenset({b"\x08", b"\x88"})
"""The first byte of the field's tag, as it should be written and as it may be."""


def _looks_like_onnx(head: bytes) -> bool:
    """Writers begin with ir_version and soon say who they are, the opset or the graph."""
    if head[:1] not in _IR_VERSION:
        return False
    fields = sniff(head)
    if not fields or (fields[0].number, fields[0].wire) != (1, VARINT) or not 1 <= fields[0].value <= 1000:
        return False
    wires = {1: VARINT, 5: VARINT}
    numbers = {field.number for field in fields}
    return (
        all(wires.get(field.number, BYTES) == field.wire and field.number <= 26 for field in fields)
        and bool(numbers & {7, 8})
        and numbers <= {1, 2, 3, 4, 5, 6, 7, 8, 14, 20, 25, 26}
    )


def _tell_header(findings: Findings, model: OnnxModel) -> None:
    findings.say("framework", "onnx", "proto:", evidence=Evidence.INFERRED)
    findings.say("extra.ir_version", model.ir_version, "proto:/ir_version")
    findings.say("extra.opset", _main_opset(model), "proto:/opset_import")
    for domain, version in model.opsets.items():
        if domain not in {"", "ai.onnx"}:
            findings.say(f"extra.opsets.{domain}", version, "proto:/opset_import")
    findings.say("extra.producer", model.producer, "proto:/producer_name")
    findings.say("extra.producer_version", model.producer_version, "proto:/producer_version")
    findings.say("extra.domain", model.domain, "proto:/domain")
    origin = frameworks.origin(model.producer, of="onnx")
    findings.say("origin_framework", origin, "proto:/producer_name", evidence=Evidence.INFERRED)
    if model.model_version:
        findings.say("version", str(model.model_version), "proto:/model_version")
    findings.say("description", model.description.strip(), "proto:/doc_string")
    properties.tell_properties(findings, model.properties, "meta:props", block="metadata_props")
    if model.has_training_info:
        findings.say("extra.training_info", "yes", "proto:/training_info")


def _main_opset(model: OnnxModel) -> int | None:
    return model.opsets.get("", model.opsets.get("ai.onnx"))


def _tell_graph(findings: Findings, model: OnnxModel) -> None:
    inputs = [value for value in model.inputs if value["name"] not in model.initializers]
    if inputs:
        findings.say("inputs", inputs, "proto:/graph/input")
    if model.outputs:
        findings.say("outputs", model.outputs, "proto:/graph/output")
    findings.say("extra.graph_name", model.graph_name, "proto:/graph/name")
    if re.fullmatch(r"[A-Za-z][\w.-]{2,60}", model.graph_name) and not _GENERIC_NAMES.fullmatch(
        model.graph_name
    ):
        findings.say("architecture", model.graph_name, "proto:/graph/name", evidence=Evidence.INFERRED)
    if not model.description.strip():
        findings.say("description", model.graph_description.strip(), "proto:/graph/doc_string")


def _tell_operators(findings: Findings, model: OnnxModel) -> None:
    findings.say(
        "extra.nodes", model.operators.total() or None, "proto:/graph/node", evidence=Evidence.COUNTED
    )
    names = [operator for (_, operator), _ in model.operators.most_common(MAX_OPERATORS_SHOWN)]
    if names:
        findings.say("extra.operators", sorted(set(names)), "proto:/graph/node")
    if model.functions:
        findings.say("extra.functions", len(model.functions), "proto:/functions", evidence=Evidence.COUNTED)
    if model.trees:
        findings.say("trees", model.trees, "proto:/graph/node", evidence=Evidence.COUNTED)
    own = {domain for domain, _ in model.functions}
    custom = sorted({domain for domain, _ in model.operators if not _KNOWN_DOMAINS.fullmatch(domain)} - own)
    if custom:
        findings.say("extra.custom_domains", custom[:50], "proto:/graph/node")
    for domain in custom[:50]:
        findings.risk(
            "remote-code", Severity.INFO, f"operators of the domain {domain!r} need a library of their own"
        )
    for _, operator in sorted(model.operators):
        if operator in _PYTHON_OPERATORS:
            findings.risk(
                "code-execution", Severity.HIGH, f"the operator {operator} runs Python code", member=operator
            )


def _tell_external_data(findings: Findings, model: OnnxModel) -> None:
    needed: dict[str, int] = {}
    users: dict[str, list[str]] = {}
    for tensor in model.tensors:
        if tensor.external is None:
            continue
        location = tensor.external.get("location", "")
        name = sibling(location)
        if name is None:
            findings.risk(
                "path-traversal",
                Severity.HIGH,
                f"external data outside the model's directory: {location!r}",
                member=tensor.name,
            )
            continue
        end = _number(tensor.external.get("offset")) + tensor.bytes
        needed[name] = max(needed.get(name, 0), end)
        users.setdefault(name, []).append(tensor.name)
    for name, size in needed.items():
        findings.refers_to(
            Reference(name=name, relation="data", size_bytes=size, tensors=tuple(users[name][:1000]))
        )
    if needed:
        findings.say("extra.external_data", sorted(needed)[:100], "proto:/graph/initializer/external_data")


def _number(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 20 else 0


def _count(findings: Findings, model: OnnxModel) -> None:
    known, unknown, total = list[TensorInfo](), list[OnnxTensor](), 0
    names = {tensor.name for tensor in model.tensors}
    # ONNX Runtime multiplies the scales of dynamic quantisation before they reach what they belong to
    model.scales.update(
        name
        for name in names
        if f"{name.removesuffix('_scale')}_quantized" in names and name.endswith("_scale")
    )
    for tensor in model.tensors:
        total += tensor.elements
        if tensor.known and total < MAX_ELEMENTS:
            known.append(_info(model, tensor))
        else:
            unknown.append(tensor)
    weights = [tensor for tensor in known if tensor.part == "model"]
    generated = model.generated_weights()
    if unknown:
        message = (
            f"{len(unknown)} tensors have not the data that their shape asks for, first {unknown[0].name!r}"
        )
        findings.problem("tensor-mismatch", message)
    if generated:
        message = f"{generated} weights are made while the model runs and cannot be counted"
        findings.problem("weights-generated", message)
    findings.tensors = tensors.summarise(
        known,
        unknown=len(unknown) + generated,
        complete=model.complete,
        counts_are_parameters=bool(weights) and not generated,
    )
    _tell_quantization(findings, model, weights)


def _info(model: OnnxModel, tensor: OnnxTensor) -> TensorInfo:
    elements, dtype = tensor.elements, tensor.dtype
    logical = model.packed.get(tensor.name)
    if logical is not None and 0 < tensor.bytes <= logical * 2:
        bits = max(1, round(tensor.bytes * 8 / logical))
        elements, dtype = logical, {2: "U2", 4: "U4", 8: "U8"}.get(bits, dtype)
    return TensorInfo(
        name=tensor.name,
        dtype=dtype,
        shape=tensor.shape,
        elements=elements,
        bytes=tensor.bytes,
        part=_part(model, tensor),
    )


def _part(model: OnnxModel, tensor: OnnxTensor) -> str:
    """Floats and small integers are weights, wide integers only where they are quantised; scales are neither."""
    if tensor.name in model.scales:
        return "auxiliary"
    if tensor.dtype in FLOATS or tensor.dtype in _INTEGER_WEIGHTS or tensor.dtype in {"C64", "C128"}:
        return "model"
    if tensor.dtype in {"I32", "I16", "U16"} and tensor.name in model.integer_weights:
        return "model"
    return "auxiliary" if tensor.dtype in {"I16", "U16"} else "constant"


def _tell_quantization(findings: Findings, model: OnnxModel, weights: list[TensorInfo]) -> None:
    operators = {operator for _, operator in model.operators}
    narrow = [tensor for tensor in weights if tensor.dtype in _INTEGER_WEIGHTS]
    scheme = _scheme(operators)
    if not narrow or scheme is None:
        return
    packed = max(narrow, key=lambda tensor: tensor.elements).dtype
    bits = {"I8": 8, "U8": 8, "I4": 4, "U4": 4, "I2": 2, "U2": 2}.get(packed)
    findings.say("quantization.method", "onnx", "proto:/graph/node", evidence=Evidence.DERIVED)
    findings.say("quantization.scheme", scheme, "proto:/graph/node", evidence=Evidence.DERIVED)
    findings.say("quantization.bits", bits, "proto:/graph/initializer", evidence=Evidence.COUNTED)


def _scheme(operators: set[str]) -> str | None:
    """The name ONNX Runtime's documentation gives to each way of quantising."""
    if operators & {"MatMulNBits", "GatherBlockQuantized"}:
        return "block-wise"
    if operators & {"MatMulInteger", "ConvInteger", "DynamicQuantizeMatMul", "DynamicQuantizeLSTM"}:
        return "dynamic"
    if any(operator.startswith(("QLinear", "QGemm", "QAttention")) for operator in operators):
        return "QOperator"
    return "QDQ" if "DequantizeLinear" in operators else None
