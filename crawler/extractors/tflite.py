"""TensorFlow Lite (LiteRT) flatbuffers.

Source: tensorflow/tensorflow tensorflow/compiler/mlir/lite/schema/schema.fbs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from catalog.errors import ExtractError
from catalog.records import Evidence, Origin, Role, Severity, TensorInfo
from crawler.extractor import Claim, Findings
from crawler.formats import tensors
from crawler.formats.dtypes import FLOATS
from crawler.formats.flatbuffer import Flatbuffer
from crawler.formats.tflite_model import Dense, LiteModel, LiteTensor, converted, described, read_model
from crawler.promises import Promise

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from catalog.records import Extraction
    from crawler.reader import RangedReader

_SMALL_INTEGERS = frozenset({"I8", "U8", "I4", "U4", "I2"})
_BITS = {"I8": 8, "U8": 8, "I16": 16, "I4": 4, "U4": 4, "I2": 2}
_FIELDS = {
    "name": "name",
    "description": "description",
    "version": "version",
    "author": "owner",
    "license": "license",
    "min_parser_version": "extra.min_parser_version",
}


class TfliteExtractor:
    name = "tflite"
    version = 2
    description = "TensorFlow Lite (LiteRT) models"
    reads = "signature, custom operators, constants, the metadata buffer, converter and runtime version"
    limits = "2 M reads, 500,000 tensors"
    promises = Promise(formats={".tflite": "tflite"})

    def claims(self, key: str, head: bytes) -> Claim | None:
        named = key.lower().endswith((".tflite", ".lite", ".litert"))
        if head[4:8] == b"TFL3":
            return Claim(format="tflite", role=Role.WEIGHTS, confidence=100 if named else 90)
        return Claim(format="tflite", role=Role.WEIGHTS, confidence=40) if named else None

    def extract(self, reader: RangedReader) -> Extraction:
        findings = Findings(reader, self, format="tflite", role=Role.WEIGHTS, origin=Origin.EMBEDDED)
        model, failure = LiteModel(), None
        try:
            read_model(Flatbuffer(reader), model)
        except ExtractError as error:
            if not model.buffers:
                raise
            failure = error
        _tell(findings, model)
        _tell_metadata(findings, model)
        _count(findings, model)
        if failure is not None:
            findings.failed(failure)
        return findings.extraction()


def _tell(findings: Findings, model: LiteModel) -> None:
    findings.say("framework", "tflite", "flatbuffer:", evidence=Evidence.INFERRED)
    findings.say("extra.schema_version", model.version, "flatbuffer:/version")
    findings.say("extra.converter", model.description.strip(), "flatbuffer:/description")
    if model.inputs:
        findings.say("inputs", model.inputs, "flatbuffer:/signature_defs/inputs")
    if model.outputs:
        findings.say("outputs", model.outputs, "flatbuffer:/signature_defs/outputs")
    if any(model.signatures):
        findings.say(
            "extra.signatures", [name for name in model.signatures if name], "flatbuffer:/signature_defs"
        )
    custom = sorted(set(model.custom_operators))[:50]
    if custom:
        findings.say("extra.custom_operators", custom, "flatbuffer:/operator_codes")
    for name in custom:
        if name.startswith("Flex"):
            continue  # TensorFlow's own operators, run by its delegate
        findings.risk(
            "remote-code",
            Severity.INFO,
            f"the custom operator {name!r} needs a library of its own",
            member=name,
        )


def _tell_metadata(findings: Findings, model: LiteModel) -> None:
    for name, data in model.metadata.items():
        try:
            if name == "TFLITE_METADATA":
                for key, text in described(data).items():
                    findings.say(_FIELDS[key], text, f"meta:TFLITE_METADATA/{key}")
            elif name == "CONVERSION_METADATA":
                conversion = converted(data)
                findings.say(
                    "framework_version",
                    conversion.get("tensorflow_version"),
                    "meta:CONVERSION_METADATA/environment",
                )
                findings.say(
                    "extra.converted_from",
                    conversion.get("converted_from"),
                    "meta:CONVERSION_METADATA/environment",
                )
            elif name == "min_runtime_version":
                text = data[:64].rstrip(b"\0").decode("utf-8", errors="replace")
                findings.say("extra.min_runtime_version", text, "meta:min_runtime_version")
        except ExtractError as error:
            findings.problem(error.code, f"{name}: {error}", f"meta:{name}")


def _zero_biases(model: LiteModel) -> list[TensorInfo]:
    """Biases that the converter left out of a Keras network because they are all zero.

    A Dense layer has a bias unless told otherwise, so a Keras network in which no fully connected operator has one
    was converted with biases that are still zero: they are the network's parameters, though no byte holds them.
    """
    made_of = model.metadata.get("CONVERSION_METADATA", b"")
    dense = model.fully_connected
    if not dense or any(layer.has_bias for layer in dense):
        return []
    try:
        if converted(made_of).get("converted_from") != "keras":
            return []
    except ExtractError:
        return []
    unique = {layer.weight: layer for layer in dense}
    return [_bias_of(layer) for layer in unique.values()]


def _bias_of(layer: Dense) -> TensorInfo:
    name = f"{layer.weight}/zero_bias"
    return TensorInfo(name=name, dtype="F32", shape=(layer.units,), elements=layer.units, bytes=0)


def _count(findings: Findings, model: LiteModel) -> None:
    unknown = [tensor for tensor in model.constants if not tensor.known]
    known = [_info(tensor, model.made_up_biases) for tensor in model.constants if tensor.known]
    left_out = [*_zero_biases(model), *(_bias_of(layer) for layer in model.shared_biases)]
    if left_out:
        missing = sum(tensor.elements for tensor in left_out)
        findings.say("extra.zero_biases", missing, "flatbuffer:/subgraphs", evidence=Evidence.DERIVED)
    weights = [tensor for tensor in known if tensor.part == "model"]
    if unknown:
        message = f"{len(unknown)} tensors do not fit their buffers, first {unknown[0].name!r}"
        findings.problem("tensor-mismatch", message)
    findings.tensors = tensors.summarise(
        [*known, *left_out],
        unknown=len(unknown),
        complete=model.complete,
        counts_are_parameters=bool(weights),
    )
    scaled = [tensor for tensor in model.constants if tensor.scaled and tensor.dtype in _BITS]
    if scaled:
        narrowest = min(_BITS[tensor.dtype] for tensor in scaled)
        findings.say("quantization.method", "tflite", "flatbuffer:/subgraphs", evidence=Evidence.DERIVED)
        findings.say("quantization.bits", narrowest, "flatbuffer:/subgraphs", evidence=Evidence.COUNTED)


def _info(tensor: LiteTensor, made_up: AbstractSet[str]) -> TensorInfo:
    weight = (
        tensor.dtype in FLOATS
        or tensor.dtype in _SMALL_INTEGERS
        or tensor.dtype in {"C64", "C128"}
        or (tensor.scaled and tensor.dtype in {"I32", "I16", "U16", "I64"})  # a quantised bias has scales too
    )
    part = "model" if weight else "auxiliary" if tensor.dtype in {"I16", "U16"} else "constant"
    return TensorInfo(
        name=tensor.name,
        dtype=tensor.dtype,
        shape=tensor.shape,
        elements=tensor.elements,
        bytes=tensor.bytes,
        part="auxiliary" if tensor.name in made_up else part,
    )
