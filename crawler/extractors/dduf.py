"""DDUF: a whole diffusers pipeline in one zip of stored members."""

from __future__ import annotations

import re
from dataclasses import replace

from catalog.errors import ExtractError, LimitExceeded, Malformed
from catalog.records import Extraction, FileStatus, Origin, Role, Severity, TensorInfo
from crawler.candidates import Signs
from crawler.extractor import Claim, Findings
from crawler.formats import diffusers_index, jsons, safetensors_format, tensors
from crawler.formats.zips import Member, ZipDirectory, is_zip, open_zip
from crawler.reader import RangedReader

ALLOWED = (".json", ".model", ".safetensors", ".txt")
MAX_INDEX_BYTES = 1024 * 1024
MAX_WEIGHTS = 200
VARIANT = re.compile(r"\.(?:fp16|bf16|fp32|fp8|non_ema|ema)\.safetensors$")


class DdufExtractor:
    """Reads the directory, the index and the header of every safetensors member in place.

    Source: huggingface/huggingface_hub docs/source/en/package_reference/serialization.md (DDUF), src/huggingface_hub/serialization/_dduf.py.
    """

    name = "dduf"
    version = 4
    description = "DDUF files (a diffusers pipeline in one file)"
    reads = "model_index.json and the headers of all safetensors members"
    limits = "100,000 members, 200 files of weights, index 1 MB; members must be stored, not deflated"
    signs = Signs(suffixes=(".dduf",))

    def claims(self, key: str, head: bytes) -> Claim | None:
        if not key.lower().endswith(".dduf"):
            return None
        return Claim(format="dduf", role=Role.WEIGHTS, confidence=100 if is_zip(head) else 40)

    def extract(self, reader: RangedReader) -> Extraction:
        findings = Findings(reader, self, format="dduf", role=Role.WEIGHTS, origin=Origin.EMBEDDED)
        directory = open_zip(reader)
        index = jsons.load(directory.read_member("model_index.json", MAX_INDEX_BYTES))
        if not isinstance(index, jsons.JsonObject):
            raise Malformed("model_index.json is not an object")
        diffusers_index.tell_pipeline(findings, index, beside=False)
        _check_members(findings, directory)
        _tell_weights(findings, directory)
        return findings.extraction()


def _check_members(findings: Findings, directory: ZipDirectory) -> None:
    for member in directory.members:
        if member.is_directory:
            continue
        if not member.name.lower().endswith(ALLOWED) or member.name.count("/") > 1:
            detail = f"{member.name[:200]!r} does not belong in a DDUF file and is not checked"
            findings.risk("unchecked", Severity.MEDIUM, detail, member=member.name[:200])
    for oddity in directory.oddities[:20]:
        detail = f"zip {oddity.code}: {oddity.detail[:200]}"
        findings.risk(
            "suspicious-structure", Severity.MEDIUM, detail, member=oddity.member and oddity.member[:200]
        )


def _tell_weights(findings: Findings, directory: ZipDirectory) -> None:
    """The sum over all components; of two variants of one file the plain one counts."""
    names = {member.name for member in directory.members}
    chosen = [
        member
        for member in directory.members
        if member.name.endswith(".safetensors")
        and not (VARIANT.search(member.name) and _plain(member.name) in names)
    ]
    infos: list[TensorInfo] = []
    unknown, complete = 0, len(chosen) <= MAX_WEIGHTS
    for member in chosen[:MAX_WEIGHTS]:
        try:
            tensor_infos, strange = _tensors(directory, member)
        except ExtractError as error:
            findings.problem(error.code, f"{member.name[:200]}: {error}", f"zip:{member.name[:200]}")
            findings.status = FileStatus.PARTIAL
            complete = False
            if isinstance(error, LimitExceeded):
                break
            continue
        infos += tensor_infos
        unknown += strange
    findings.tensors = tensors.summarise(infos, unknown=unknown, complete=complete)


def _tensors(directory: ZipDirectory, member: Member) -> tuple[list[TensorInfo], int]:
    header = safetensors_format.read_header(directory.open_stored(member.name))
    component = member.name.rpartition("/")[0]
    prefix = f"{component}/" if component else ""
    return [replace(info, name=f"{prefix}{info.name}") for info in header.tensors], header.unknown


def _plain(name: str) -> str:
    return VARIANT.sub(".safetensors", name)
