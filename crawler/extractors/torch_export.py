"""torch.export programs (`.pt2`): the archive of torch 2.8 and later, and the older single-program zip."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from catalog.errors import ExtractError
from catalog.records import Evidence, Extraction, Origin, Role, Severity, TensorInfo
from catalog.text.patterns import pattern
from crawler.candidates import Signs
from crawler.extractor import Claim, Findings
from crawler.formats import jsons
from crawler.formats.pickle_risks import CODE_EXECUTION, tell_oddities, tell_risks, tell_unchecked
from crawler.formats.pickles import looks_like_pickle
from crawler.formats.tensors import summarise
from crawler.formats.torch_files import refuse
from crawler.formats.torch_schema import (
    QuantisedGraph,
    ports,
    program_of,
    quantised_graph,
    signature_tensors,
    weights_of,
)
from crawler.formats.torch_zip import find_object, scan_member
from crawler.formats.zips import BEGINNINGS, Member, ZipDirectory, is_zip, open_zip
from crawler.promises import Promise
from crawler.reader import RangedReader

_FIRST_MEMBER = re.compile(
    rb"^(?:[^/]{1,200}/)?(?:archive_format|archive_version|data/weights/|data/constants/|data/sample_inputs/|models/[^/]+\.json"
    rb"|serialized_exported_program\.json|serialized_state_dict)"
)
_WEIGHTS = pattern(r"^(?:[^/]+/)?data/weights/.*_?weights_config\.json$")
_CONSTANTS = pattern(r"^(?:[^/]+/)?data/constants/.*_?constants_config\.json$")
_PROGRAM = pattern(r"^(?:[^/]+/)?(?:models/[^/]+\.json|serialized_exported_program\.json)$")
_TORCH_FILE = pattern(r"\.(?:pt|pkl|pth)$")
MAX_JSON_BYTES = 16 * 1024 * 1024
MAX_INNER_FILES = 16
_COMPILED = pattern(r"\.(?:so|dylib|dll|pyd)(?:\.\d+)*$", re.IGNORECASE)


class TorchExportExtractor:
    name = "torch-export"
    version = 7
    description = "torch.export programs (.pt2)"
    reads = "weights configuration, graph signature, inputs and outputs, versions; pickles inside are checked, compiled code is named"
    limits = "16 MB of JSON, 16 torch files inside; nothing is unpickled"
    promises = Promise(formats={".pt2": "pytorch"})
    signs = Signs(beginnings=BEGINNINGS)

    def claims(self, key: str, head: bytes) -> Claim | None:
        """A zip that begins with a member of an exported program, or is called .pt2."""
        if not is_zip(head):
            return None
        length = int.from_bytes(head[26:28], "little")
        if _FIRST_MEMBER.match(head[30 : 30 + length]):
            return Claim(format="pt2", role=Role.WEIGHTS, confidence=95)
        return Claim(format="pt2", role=Role.WEIGHTS, confidence=91) if key.lower().endswith(".pt2") else None

    def extract(self, reader: RangedReader) -> Extraction:
        findings = Findings(reader, self, format="pt2", role=Role.WEIGHTS, origin=Origin.EMBEDDED)
        try:
            directory = open_zip(reader)
        except ExtractError as error:
            refuse(findings, str(error))
            return findings.extraction()
        findings.say("framework", "pytorch", "zip:", evidence=Evidence.INFERRED)
        directory.read_ahead(
            m for m in directory.members if m.name.endswith((".json", ".pt", "_version", "_format"))
        )
        try:
            self._read(findings, directory)
        except ExtractError as error:
            findings.failed(error)
        self._scan(findings, directory)
        tell_oddities(findings, directory)
        return findings.extraction()

    def _read(self, findings: Findings, directory: ZipDirectory) -> None:
        weights: list[TensorInfo | None] = []
        for member in directory.members:
            if _WEIGHTS.match(member.name):
                weights.extend(weights_of(_json(directory, member), "model"))
            elif _CONSTANTS.match(member.name):
                weights.extend(weights_of(_json(directory, member), "auxiliary"))
        programs = [member for member in directory.members if _PROGRAM.match(member.name)]
        for number, member in enumerate(programs[:4]):
            program = program_of(_json(directory, member))
            if not weights and number == 0:
                weights.extend(signature_tensors(program))
            if number == 0:
                self._tell_program(findings, program, f"json:{member.name}#")
                quantised = quantised_graph(program)
                weights = _without_leftovers(weights, quantised)
                if quantised is not None:
                    place = f"json:{member.name}#/graph_module/graph/nodes"
                    findings.say("quantization.method", "pt2e", place, evidence=Evidence.DERIVED)
                    findings.say("quantization.bits", quantised.bits, place, evidence=Evidence.DERIVED)
        infos = list({info.name: info for info in weights if info is not None}.values())
        findings.tensors = summarise(infos, unknown=sum(info is None for info in weights))

    @staticmethod
    def _tell_program(findings: Findings, program: Any, pointer: str) -> None:
        say = findings.say
        say("inputs", ports(program, "user_input"), f"{pointer}/graph_module/signature/input_specs")
        say("outputs", ports(program, "user_output"), f"{pointer}/graph_module/signature/output_specs")
        version = program.get("torch_version")
        if isinstance(version, str) and version[:1].isdigit():
            say("framework_version", version, f"{pointer}/torch_version")
        for name in ("opset_version", "schema_version"):
            value = program.get(name)
            say(f"extra.{name}", value if isinstance(value, dict | int) else None, f"{pointer}/{name}")

    @staticmethod
    def _scan(findings: Findings, directory: ZipDirectory) -> None:
        """Sample inputs and pickled weights are torch files of their own: loading the program may unpickle them."""
        inner = [member for member in directory.members if _TORCH_FILE.search(member.name)]
        for member in inner[:MAX_INNER_FILES]:
            try:
                head = directory.read_start(member, 64)
                if is_zip(head):
                    inside = find_object(open_zip(directory.open_stored(member)))
                    tell_risks(
                        findings, inside.read_pickle(inside.data), member=f"{member.name}!{inside.data.name}"
                    )
                elif looks_like_pickle(head):
                    scan_member(findings, directory, member)
            except ExtractError as error:
                tell_unchecked(findings, str(error), member=member.name)
        if len(inner) > MAX_INNER_FILES:
            tell_unchecked(findings, f"{len(inner)} torch files inside one program")
        compiled = [member.name for member in directory.members if _COMPILED.search(member.name)]
        if compiled:
            # Source: pytorch/pytorch torch/_inductor/package/package.py, `load_package`
            detail = f"Loading it runs compiled code of the file: {compiled[0].rsplit('/', 1)[-1][:200]}"
            findings.risk(CODE_EXECUTION, Severity.MEDIUM, detail, member=compiled[0])


def _without_leftovers(
    weights: list[TensorInfo | None], quantised: QuantisedGraph | None
) -> list[TensorInfo | None]:
    """The weights of a quantised program: neither their scales, nor what they were before."""
    if quantised is None:
        return weights
    apart = quantised.scales | quantised.unused
    return [
        replace(info, part="auxiliary")
        if info is not None and info.name in apart
        else info and replace(info, part="model" if info.dtype in {"I8", "U8"} else info.part)
        for info in weights
    ]


def _json(directory: ZipDirectory, member: Member) -> Any:
    limits = jsons.JsonLimits(size_bytes=MAX_JSON_BYTES, nodes=2_000_000)
    return jsons.load(directory.read_member(member, MAX_JSON_BYTES), limits=limits)
