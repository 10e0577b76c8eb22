"""What a loader would run although the file belongs to another format, or only stands beside a model.

`torch.load`, `joblib.load` and `pickle.load` look at bytes and not at names: a file that an extractor reads as an array, a
data shard or a settings file may be a pickle to them. Where nothing of the kind was said by the file's own extractor, its
bytes are looked at once more.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice

from catalog.errors import ExtractError
from catalog.records import Extraction, Origin, Role, Severity
from crawler.extractor import Extractor, Findings
from crawler.formats import torch_zip
from crawler.formats.archives import FILE, packing_of, tar_members
from crawler.formats.byte_streams import (
    MAX_INFLATED_BYTES,
    ByteStream,
    InflatedStream,
    ReaderStream,
    compression_of,
)
from crawler.formats.pickle_machine import MAX_OPCODES
from crawler.formats.pickle_risks import CODE_EXECUTION, UNCHECKED, tell_risks
from crawler.formats.pickled_file import calls_something
from crawler.formats.pickles import Pickle, may_begin, read_pickle
from crawler.formats.zips import is_zip, open_zip
from crawler.reader import RangedReader

MAX_MEMBERS_LOOKED_AT = 64


def with_hidden_pickles(extraction: Extraction, extractor: Extractor, reader: RangedReader) -> Extraction:
    """The extraction with the risks of a pickle that its own extractor did not look for."""
    if getattr(extractor, "checks_pickles", False):
        return extraction  # it has looked at every pickle of the file, and at what its own loader would call
    if extraction.role is Role.POINTER or any(
        risk.kind in {CODE_EXECUTION, UNCHECKED} for risk in extraction.risks
    ):
        return extraction
    findings = Findings(reader, extractor, format=None, role=extraction.role, origin=Origin.EMBEDDED)
    _scan(findings, reader)
    hidden = findings.extraction().risks
    is_serious = any(risk.severity >= Severity.MEDIUM for risk in hidden)
    return replace(extraction, risks=(*extraction.risks, *hidden)) if is_serious else extraction


def _scan(findings: Findings, reader: RangedReader) -> None:
    try:
        if is_zip(reader.head(4)):
            directory = open_zip(reader)
            names = [member.name for member in directory.members]
            roots = [name.removesuffix("data.pkl") for name in names if f"/{name}".endswith("/data.pkl")]
            if roots:
                # Of a scripted model the classes are code of the file itself, which only its own loader runs.
                scripted = all(any(name.startswith(f"{root}code/") for name in names) for root in roots)
                torch_zip.scan_all_pickles(findings, directory, torchscript=scripted)
            else:
                torch_zip.scan_unread_members(findings, directory)
            return
        packing = packing_of(reader.key, reader.head())
        if packing is not None and packing.startswith("tar"):
            _scan_tar(findings, reader, packing.partition(".")[2] or None)
            return
        pickle = hidden_pickle(reader)
    except ExtractError:
        return
    if pickle is not None:
        tell_risks(findings, [pickle])


@dataclass(slots=True)
class Allowance:
    """What files of one archive may cost together; each of them takes its part."""

    inflated_bytes: int = MAX_INFLATED_BYTES
    opcodes: int = 2 * MAX_OPCODES

    @property
    def is_used_up(self) -> bool:
        return self.inflated_bytes <= 0 or self.opcodes <= 0


def hidden_pickle(reader: RangedReader, allowance: Allowance | None = None) -> Pickle | None:
    """The pickle that a loader would see in this file, compressed or not, if it would call something."""
    allowance = allowance or Allowance()
    head = reader.head(16)
    compression = compression_of(head)
    if compression is None and not may_begin(head):
        return None
    stream: ByteStream = ReaderStream(reader)
    with suppress(ExtractError):
        if compression is not None:
            stream = InflatedStream(reader, compression, most=allowance.inflated_bytes)
        pickle = read_pickle(stream)
        allowance.opcodes -= pickle.opcodes + sum(inner.opcodes for inner in pickle.nested)
        if isinstance(stream, InflatedStream):
            allowance.inflated_bytes -= stream.inflated_bytes
        return pickle if calls_something(pickle) else None
    return None


def may_hide_pickle(head: bytes, reader: RangedReader) -> bool:
    """Whether a loader would see a pickle that calls something, or a file of torch, in what nothing reads by its name.
    `reader` is asked only where the first bytes do not tell.
    """
    if is_zip(head[:4]):
        with suppress(ExtractError):
            return any(f"/{member.name}".endswith("/data.pkl") for member in open_zip(reader).members)
        return False
    if compression_of(head[:16]) is None and not may_begin(head):
        return False
    return hidden_pickle(reader) is not None


def _scan_tar(findings: Findings, reader: RangedReader, compression: str | None) -> None:
    allowance = Allowance()
    for member in islice(tar_members(reader, compression), MAX_MEMBERS_LOOKED_AT):
        if member.kind == FILE and (pickle := hidden_pickle(member.open(), allowance)) is not None:
            tell_risks(findings, [pickle], member=member.name)
        if allowance.is_used_up:
            detail = "Not checkable: its members hold more opcodes or unpack to more bytes than are looked at together"
            findings.risk(UNCHECKED, Severity.MEDIUM, detail, member=member.name)
            return
