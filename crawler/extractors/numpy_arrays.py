"""NumPy files: one array (`.npy`) or a zip of them (`.npz`). Arrays of objects are pickles."""

from __future__ import annotations

from dataclasses import replace

from catalog.errors import ExtractError, LimitExceeded, Malformed
from catalog.records import Evidence, Extraction, FileStatus, Origin, Role, Severity, TensorInfo
from crawler.candidates import Signs
from crawler.extractor import Claim, Findings
from crawler.formats import marian
from crawler.formats.byte_streams import BytesStream, ReaderStream
from crawler.formats.numpy_format import MAGIC, NpyHeader, header_bytes, parse_header
from crawler.formats.pickle_risks import STRUCTURE, TRUST, tell_oddities, tell_risks, tell_unchecked
from crawler.formats.pickles import read_pickles
from crawler.formats.tensors import summarise
from crawler.formats.torch_files import refuse
from crawler.formats.torch_zip import scan_member
from crawler.formats.zips import BEGINNINGS, Member, ZipDirectory, is_zip, open_zip
from crawler.reader import RangedReader

START_BYTES = 4096
MAX_OBJECT_ARRAYS = 16

_NO_NUMBERS = frozenset({"STR", "OBJECT", "BOOL"})


class NumpyExtractor:
    name = "numpy"
    version = 9
    description = "NumPy arrays: .npy and .npz"
    reads = (
        "the header of each array; pickles of object arrays, symbolically; the settings in models of Marian"
    )
    limits = "64 kB of header, 16 arrays of objects, requests of the budget: one per array beyond 1 MB"
    checks_pickles = True
    signs = Signs(beginnings=(MAGIC, *BEGINNINGS))

    def claims(self, key: str, head: bytes) -> Claim | None:
        """The magic of an array; a zip that is called .npz, or that begins with an array."""
        name = key.lower()
        if head.startswith(MAGIC):
            return Claim(format="npy", role=Role.WEIGHTS, confidence=100 if name.endswith(".npy") else 90)
        if is_zip(head):
            length = int.from_bytes(head[26:28], "little")
            if name.endswith(".npz"):
                return Claim(format="npz", role=Role.WEIGHTS, confidence=100)
            if head[30 : 30 + length].endswith(b".npy"):
                return Claim(format="npz", role=Role.WEIGHTS, confidence=60)
        return None

    def extract(self, reader: RangedReader) -> Extraction:
        zipped = is_zip(reader.head(4))
        findings = Findings(
            reader, self, format="npz" if zipped else "npy", role=Role.WEIGHTS, origin=Origin.EMBEDDED
        )
        if zipped:
            self._read_zip(findings, reader)
        else:
            findings.say("framework", "numpy", "file:", evidence=Evidence.INFERRED)
            self._read_array(findings, reader)
        return findings.extraction()

    @staticmethod
    def _read_array(findings: Findings, reader: RangedReader) -> None:
        length = header_bytes(reader.head(12))
        header = parse_header(reader.take(0, min(length, reader.size_bytes)))
        if header.has_objects:
            _tell_objects(findings)
            pickles = read_pickles(ReaderStream(reader, header.data_offset))
            tell_risks(findings, pickles)
            if isinstance(pickles[0].error, Malformed):
                findings.failed(pickles[0].error, status=FileStatus.UNREADABLE)
        elif header.size_bytes is not None and header.data_offset + header.size_bytes > reader.size_bytes:
            raise Malformed(f"an array of {header.size_bytes} bytes in a file of {reader.size_bytes}")
        findings.tensors = summarise([_info(reader.name.removesuffix(".npy"), header)])

    def _read_zip(self, findings: Findings, reader: RangedReader) -> None:
        try:
            directory = open_zip(reader)
        except ExtractError as error:
            findings.say("framework", "numpy", "file:", evidence=Evidence.INFERRED)
            refuse(findings, str(error))
            return
        _tell_framework(findings, directory)
        infos: list[TensorInfo] = []
        complete, objects, strangers = True, 0, 0
        for member in directory.members:
            if not member.name.endswith(".npy") and not directory.may_begin(member, MAGIC):
                if not member.is_directory:
                    findings.risk(
                        STRUCTURE, Severity.LOW, f"{member.name[:200]} is no array", member=member.name
                    )
                    if (strangers := strangers + 1) <= MAX_OBJECT_ARRAYS:
                        scan_member(findings, directory, member)
                continue
            try:
                header = _member_header(directory, member)
                infos.append(_info(member.name.removesuffix(".npy"), header))
                if header.has_objects:
                    objects += 1
                    self._read_objects(findings, directory, member, header, number=objects)
            except LimitExceeded as error:
                findings.failed(error)
                complete = False
                break
            except ExtractError as error:
                tell_unchecked(findings, str(error), member=member.name)
                findings.failed(error)
        tell_oddities(findings, directory)
        findings.tensors = summarise(_without_settings(infos), complete=complete)
        if not infos:
            findings.status = FileStatus.UNREADABLE if directory.members else FileStatus.EMPTY
            findings.problem("empty", "no arrays are in it")

    @staticmethod
    def _read_objects(
        findings: Findings, directory: ZipDirectory, member: Member, header: NpyHeader, *, number: int
    ) -> None:
        _tell_objects(findings, member.name)
        if number > MAX_OBJECT_ARRAYS:
            tell_unchecked(findings, "more arrays of objects than are read", member=member.name)
            return
        content = directory.read_member(member, lenient=True)[header.data_offset :]
        tell_risks(
            findings, read_pickles(BytesStream(content, tick=directory.reader.check_time)), member=member.name
        )


def _tell_framework(findings: Findings, directory: ZipDirectory) -> None:
    """Whose arrays they are: Marian's have settings among them."""
    settings = next((member for member in directory.members if member.name == f"{marian.SETTINGS}.npy"), None)
    if settings is None:
        findings.say("framework", "numpy", "file:", evidence=Evidence.INFERRED)
        return
    try:
        header = _member_header(directory, settings)
        content = directory.read_member(settings, marian.MAX_SETTINGS_BYTES, lenient=True)
    except ExtractError as error:
        findings.say("framework", "marian", "file:", evidence=Evidence.INFERRED)
        findings.failed(error)
        return
    marian.tell_marian(findings, content[header.data_offset :])


def _tell_objects(findings: Findings, member: str | None = None) -> None:
    findings.risk(TRUST, Severity.LOW, "An array of objects: loading it unpickles", member=member)


def _member_header(directory: ZipDirectory, member: Member) -> NpyHeader:
    start = directory.read_start(member, START_BYTES)
    length = header_bytes(start)
    return parse_header(start if length <= len(start) else directory.read_start(member, length))


def _without_settings(infos: list[TensorInfo]) -> list[TensorInfo]:
    """The arrays, those set apart that hold one setting each beside arrays of another type: switches, counts, a rate."""
    arrays = [info for info in infos if info.shape and info.part == "model"]
    if not arrays:
        return infos
    dtype = max(arrays, key=lambda info: info.elements).dtype
    return [
        replace(info, part="auxiliary") if not info.shape and info.dtype != dtype else info for info in infos
    ]


def _part(name: str, header: NpyHeader) -> str:
    """Locks say how fast gensim lets vectors change. Source: piskvorky/gensim gensim/models/word2vec.py."""
    is_aside = header.dtype in _NO_NUMBERS or name.endswith("_lockf") or name == marian.SETTINGS
    return "auxiliary" if is_aside else "model"


def _info(name: str, header: NpyHeader) -> TensorInfo:
    return TensorInfo(
        part=_part(name, header),
        name=name[:512],
        dtype=header.dtype,
        shape=header.shape,
        elements=header.elements,
        bytes=header.size_bytes,
    )
