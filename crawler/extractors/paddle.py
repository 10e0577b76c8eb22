"""Paddle inference programs (.pdmodel, .json) and the parameters beside them (.pdiparams).

Source: PaddlePaddle/Paddle paddle/fluid/framework/framework.proto.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from catalog.errors import ExtractError
from catalog.records import Evidence, Origin, Reference, Role, TensorInfo
from crawler.candidates import Signs
from crawler.extractor import Claim, Findings
from crawler.formats import dtypes, jsons, tensors
from crawler.formats.paddle_program import PaddleProgram, PaddleVariable, read_json_program, read_program
from crawler.formats.protobuf import BYTES, ProtobufWalker, sniff
from crawler.promises import Promise

if TYPE_CHECKING:
    from catalog.records import Extraction
    from crawler.reader import RangedReader

MAX_JSON_BYTES = 16 * 1024 * 1024
MAX_JSON_NODES = 2_000_000
MAX_ELEMENTS = 2**62

_JSON = re.compile(rb'\s*\{\s*"base_code"\s*:\s*\{[^}]{0,200}"pir"')
_SMALL_INTEGERS = frozenset({"I8", "U8", "I4", "U4"})


class PaddleExtractor:
    name = "paddle"
    version = 2
    description = "Paddle inference models (.pdmodel, .json with .pdiparams)"
    reads = "program version, inputs, outputs, operators, all parameters"
    limits = "5 M fields; JSON of 16 MB"
    promises = Promise(formats={".pdmodel": "paddle", ".pdparams": "paddle"}, endings=(".pdiparams.info",))
    signs = Signs(names=("__model__",), suffixes=(".json", ".pdiparams", ".pdmodel"))

    def claims(self, key: str, head: bytes) -> Claim | None:
        name = key.rpartition("/")[2].lower()
        if name.endswith(".pdiparams"):
            return Claim(format="paddle", role=Role.DATA, confidence=90)
        if name.endswith(".json") and _JSON.match(head):
            return Claim(format="paddle", role=Role.WEIGHTS, confidence=95)
        if name.endswith(".pdmodel") or name == "__model__":
            return Claim(
                format="paddle", role=Role.WEIGHTS, confidence=100 if _looks_like_program(head) else 40
            )
        return None

    def extract(self, reader: RangedReader) -> Extraction:
        data = reader.name.lower().endswith(".pdiparams")
        role = Role.DATA if data else Role.WEIGHTS
        findings = Findings(reader, self, format="paddle", role=role, origin=Origin.EMBEDDED)
        if data:
            return findings.extraction()
        program = PaddleProgram()
        if reader.name.lower().endswith(".json"):
            limits = jsons.JsonLimits(size_bytes=MAX_JSON_BYTES, nodes=MAX_JSON_NODES)
            read_json_program(jsons.load(reader.read(0, MAX_JSON_BYTES + 1), limits=limits), program)
        else:
            try:
                read_program(ProtobufWalker(reader), program)
            except ExtractError as error:
                if not program.operators and not program.parameters:
                    raise
                findings.failed(error)
        _tell(findings, program)
        _count(findings, program)
        stem = reader.name.rpartition(".")[0]
        if stem:
            findings.refers_to(Reference(name=f"{stem}.pdiparams", relation="data"))
        return findings.extraction()


def _looks_like_program(head: bytes) -> bool:
    fields = sniff(head)
    return bool(fields) and all(field.number in {1, 4, 5} and field.wire == BYTES for field in fields)


def _tell(findings: Findings, program: PaddleProgram) -> None:
    findings.say("framework", "paddle", "proto:", evidence=Evidence.INFERRED)
    findings.say("framework_version", program.version, "proto:/version")
    findings.say("extra.program", program.generation, "proto:")
    if program.inputs:
        findings.say("inputs", program.inputs, "proto:/blocks/0/ops/feed")
    if program.outputs:
        findings.say("outputs", program.outputs, "proto:/blocks/0/ops/fetch")
    findings.say(
        "extra.nodes", program.operators.total() or None, "proto:/blocks/ops", evidence=Evidence.COUNTED
    )
    names = sorted(name for name, _ in program.operators.most_common(200) if name)
    if names:
        findings.say("extra.operators", names, "proto:/blocks/ops")


def _count(findings: Findings, program: PaddleProgram) -> None:
    known, unknown, total = list[TensorInfo](), 0, 0
    for variable in program.parameters:
        total += variable.elements or 0
        if variable.elements is None or total >= MAX_ELEMENTS:
            unknown += 1
        else:
            known.append(_info(variable, variable.elements))
    weights = any(tensor.part == "model" for tensor in known)
    findings.tensors = tensors.summarise(
        known, unknown=unknown, complete=program.complete, counts_are_parameters=weights and not unknown
    )


def _info(variable: PaddleVariable, elements: int) -> TensorInfo:
    weight = variable.dtype in dtypes.FLOATS or variable.dtype in _SMALL_INTEGERS
    return TensorInfo(
        name=variable.name,
        dtype=variable.dtype,
        shape=tuple(size or 0 for size in variable.shape),
        elements=elements,
        bytes=dtypes.size_bytes(variable.dtype, elements),
        part="model" if weight else "auxiliary" if variable.dtype in {"I16", "U16"} else "constant",
    )
