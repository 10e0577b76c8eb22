"""Keras 3 archives (.keras): metadata, configuration and weights in one zip.

Source: keras-team/keras keras/src/saving/saving_lib.py.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from catalog.errors import ExtractError
from catalog.records import Evidence, FileStatus, Origin, Role, Severity
from crawler.candidates import Signs
from crawler.extractor import Claim, Findings
from crawler.formats import jsons, zips
from crawler.formats.checkpoint_names import tell_name
from crawler.formats.hdf5 import read_outline
from crawler.formats.keras_config import tell_architecture, tell_quantization, tell_training
from crawler.formats.keras_weights import summarise_outline
from crawler.formats.zip_settings import CONFIG, MAX_CONFIG_BYTES, METADATA
from crawler.promises import Promise
from crawler.reader import bytes_reader

if TYPE_CHECKING:
    from catalog.records import Extraction
    from crawler.reader import RangedReader

WEIGHTS, SHARDS = "model.weights.h5", "model.weights.json"

_SAVED_AT = re.compile(r"(\d{4}-\d{2}-\d{2})@(\d{2}:\d{2}:\d{2})")
_EXPECTED = re.compile(
    r"metadata\.json|config\.json|model\.weights(?:_\d+)?\.(?:h5|npz|json)|assets/.*|_?assets"
)


class KerasZipExtractor:
    name = "keras-zip"
    version = 5
    description = "Keras 3 archives (.keras)"
    reads = "Keras version, date, architecture, layers, optimizer, learning rate, loss, all weights, Lambda layers"
    limits = "weights need h5py; configuration of 16 MB"
    promises = Promise(formats={".keras": "keras"}, endings=(".weights.h5",))
    signs = Signs(beginnings=zips.BEGINNINGS)

    def claims(self, key: str, head: bytes) -> Claim | None:
        if not zips.is_zip(head):
            return None
        if key.lower().endswith(".keras"):
            return Claim(format="keras", role=Role.WEIGHTS, confidence=100)
        written_by_keras = head[30:43] == METADATA.encode() and b"keras_version" in head[:512]
        return Claim(format="keras", role=Role.WEIGHTS, confidence=95) if written_by_keras else None

    def extract(self, reader: RangedReader) -> Extraction:
        findings = Findings(reader, self, format="keras", role=Role.WEIGHTS, origin=Origin.EMBEDDED)
        archive = zips.open_zip(reader)
        findings.say("framework", "keras", "zip:", evidence=Evidence.INFERRED)
        _tell_metadata(findings, _object(findings, archive, METADATA))
        modes = _tell_config(findings, _object(findings, archive, CONFIG))
        _tell_members(findings, archive)
        if WEIGHTS in archive:
            try:
                _count(findings, archive, modes)
            except ExtractError as error:
                findings.failed(error)
        tell_name(findings)
        return findings.extraction()


def _object(findings: Findings, archive: zips.ZipDirectory, name: str) -> dict[str, Any]:
    """The object of a JSON member; an empty one where there is none, or it cannot be read, which is told."""
    try:
        value: Any = jsons.load(archive.read_member(name, MAX_CONFIG_BYTES))
    except ExtractError as error:
        findings.failed(error)
        return {}
    return value if isinstance(value, dict) else {}


def _tell_metadata(findings: Findings, metadata: dict[str, Any]) -> None:
    version, saved = metadata.get("keras_version"), metadata.get("date_saved")
    findings.say(
        "framework_version", version if isinstance(version, str) else None, f"zip:{METADATA}/keras_version"
    )
    match = _SAVED_AT.fullmatch(saved) if isinstance(saved, str) else None
    if match is not None:  # the local time of whoever saved it, without a zone
        findings.say("created_at", f"{match[1]}T{match[2]}", f"zip:{METADATA}/date_saved")
    for name, value in metadata.items():
        if name not in {"keras_version", "date_saved"} and isinstance(value, (str, int, float, bool)):
            findings.say(f"extra.{name[:100]}" if name else "extra.unnamed", value, f"zip:{METADATA}/{name}")


def _tell_config(findings: Findings, config: dict[str, Any]) -> frozenset[str]:
    tell_architecture(findings, config, f"zip:{CONFIG}")
    compiled = config.get("compile_config")
    if isinstance(compiled, dict):
        tell_training(findings, compiled, f"zip:{CONFIG}/compile_config")
    return tell_quantization(findings, config, f"zip:{CONFIG}")


def _tell_members(findings: Findings, archive: zips.ZipDirectory) -> None:
    for oddity in archive.oddities:
        name = None if oddity.member is None else oddity.member[:200]
        findings.risk(
            "suspicious-structure", Severity.MEDIUM, f"the zip {oddity.code}: {oddity.detail}", member=name
        )
    for member in archive.members:
        if ".." in member.name.split("/") or member.name.startswith("/"):
            findings.risk(
                "path-traversal",
                Severity.HIGH,
                "a member that leaves the directory",
                member=member.name[:200],
            )
        elif not _EXPECTED.fullmatch(member.name) and not member.is_directory:
            findings.risk(
                "suspicious-structure",
                Severity.LOW,
                "a member that Keras does not write",
                member=member.name[:200],
            )


def _count(findings: Findings, archive: zips.ZipDirectory, modes: frozenset[str]) -> None:
    member = archive.find(WEIGHTS)
    if member is not None and member.method == zips.STORED:
        weights = archive.open_stored(WEIGHTS)
    else:
        weights = bytes_reader(WEIGHTS, archive.read_member(WEIGHTS))
    outline = read_outline(weights)
    findings.tensors = summarise_outline(findings, outline, member=WEIGHTS, modes=modes)
    if not outline.complete:
        findings.status = FileStatus.PARTIAL
