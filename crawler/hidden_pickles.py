"""What a loader would run although the file belongs to another format, or only stands beside a model.

`torch.load`, `joblib.load`, `numpy.load` and `pickle.load` look at bytes and not at names: a file that an extractor reads as
an array, a data shard or a settings file may be a pickle to them, bare, packed, or in an array, a zip or a tar. Where nothing
of the kind was said by the file's own extractor, its bytes are looked at once more.
"""

from __future__ import annotations

import re
from contextlib import suppress
from itertools import islice

from catalog.errors import ExtractError, LimitExceeded
from catalog.lazy_dataclasses import dataclass, replace
from catalog.records import Extraction, Origin, Risk, Role, Severity
from crawler.extractor import HEAD_BYTES, Extractor, Findings, Named
from crawler.formats import gguf_format, hdf5, numpy_format, tars, torch_zip
from crawler.formats.archives import FILE, RAR_MAGIC, SEVEN_ZIP_MAGIC, tar_members, whole_file
from crawler.formats.byte_streams import (
    MAX_INFLATED_BYTES,
    ByteStream,
    InflatedStream,
    ReaderStream,
    compression_of,
)
from crawler.formats.numpy_format import header_bytes, parse_header
from crawler.formats.pickle_risks import CODE_EXECUTION, UNCHECKED, tell_risks, tell_unchecked
from crawler.formats.pickle_stack import MAX_OPCODES
from crawler.formats.pickled_file import calls_something
from crawler.formats.pickles import Pickle, may_begin, read_pickle, read_pickles
from crawler.formats.zips import ZipDirectory, has_end, is_zip, open_zip
from crawler.inner_files import best_for
from crawler.reader import WHOLE_FILE_BYTES, RangedReader
from crawler.sniffing import Nobody

MAX_MEMBERS_LOOKED_AT = 64
MAX_PACKED_LAYERS = 2
"""A compressed file in a compressed file, and no deeper."""
_OPENED_BY_MAGIC = (SEVEN_ZIP_MAGIC, RAR_MAGIC, hdf5.MAGIC, gguf_format.MAGIC)
"""What programs open by its first bytes alone, and what other readers here look into: a model may carry code or a template."""
_UNPICKLED = re.compile(
    r"(?:^|[/.])(?:schema\.json|metadata\.json|pkl|pickle|joblib|dill|npy|pth?|ckpt)$", re.IGNORECASE
)
"""Names of members that loaders of zips unpickle, import by or look for."""


def with_hidden_pickles(extraction: Extraction, extractor: Extractor, reader: RangedReader) -> Extraction:
    """The extraction with the risks of a pickle that its own extractor did not look for."""
    if getattr(extractor, "checks_pickles", False):
        return extraction  # it has looked at every pickle of the file, and at what its own loader would call
    if extraction.role is Role.POINTER or any(
        risk.kind in {CODE_EXECUTION, UNCHECKED} for risk in extraction.risks
    ):
        return extraction
    hidden = hidden_risks(reader, extractor, role=extraction.role)
    return replace(extraction, risks=(*extraction.risks, *hidden)) if hidden else extraction


def hidden_risks(reader: RangedReader, by: Named, *, role: Role = Role.AUXILIARY) -> tuple[Risk, ...]:
    """The risks of what a loader would see in these bytes, if one of them is serious; none else. `by` says them."""
    findings = Findings(reader, by, format=None, role=role, origin=Origin.EMBEDDED)
    with suppress(ExtractError):  # its own extractor says what is wrong with it, and a loader meets it, too
        _scan(findings, reader, Allowance())
    risks = _serious(findings.risks)
    if not risks and reader.head(16).startswith(_OPENED_BY_MAGIC):
        with suppress(ExtractError):
            risks = _serious(_risks_without_a_name(reader, by))
    return risks


def _serious(risks: tuple[Risk, ...]) -> tuple[Risk, ...]:
    return risks if any(risk.severity >= Severity.MEDIUM for risk in risks) else ()


def _risks_without_a_name(reader: RangedReader, by: Named) -> tuple[Risk, ...]:
    """What another extractor says of the bytes, where the name alone gave the file to this one."""
    nameless = RangedReader("disguised", reader.size_bytes, reader.read, budget=reader.budget)
    choice = best_for(nameless, without=frozenset())
    if choice is None or choice[0].name == by.name or choice[0].claims(reader.key, reader.head()) is None:
        return ()  # the name of data of another kind keeps its file from models' readers
    return choice[0].extract(reader).risks


@dataclass(slots=True)
class Allowance:
    """What files of one archive may cost together; each of them takes its part."""

    inflated_bytes: int = MAX_INFLATED_BYTES
    opcodes: int = 2 * MAX_OPCODES

    @property
    def is_used_up(self) -> bool:
        return self.inflated_bytes <= 0 or self.opcodes <= 0


def _scan(
    findings: Findings,
    reader: RangedReader,
    allowance: Allowance,
    *,
    member: str | None = None,
    layers: int = 0,
) -> None:
    """The risks of a file, or of a member of an archive, by its bytes. Raises ExtractError."""
    head = reader.head(HEAD_BYTES)
    if is_zip(head):
        _scan_zip(findings, open_zip(reader))
    elif head.startswith(numpy_format.MAGIC):
        _scan_array(findings, reader, member)
    elif tars.begins_tar(head):
        if member is None:
            _scan_tar(findings, reader, None, allowance)
    elif (pickle := hidden_pickle(reader, allowance)) is not None:
        tell_risks(findings, [pickle], member=member)
    elif (compression := compression_of(head)) is not None and layers < MAX_PACKED_LAYERS:
        _scan_packed(findings, reader, compression, allowance, member=member, layers=layers)
    elif reader.size_bytes <= WHOLE_FILE_BYTES and has_end(reader):
        _scan_zip(findings, open_zip(reader))  # behind something else: what reads zips begins at their end


def _scan_zip(findings: Findings, directory: ZipDirectory) -> None:
    names = directory.names()
    roots = [name.removesuffix("data.pkl") for name in names if f"/{name}".endswith("/data.pkl")]
    if roots:
        # Of a scripted model the classes are code of the file itself, which only its own loader runs.
        scripted = all(any(name.startswith(f"{root}code/") for name in names) for root in roots)
        torch_zip.scan_all_pickles(findings, directory, torchscript=scripted)
    else:
        torch_zip.scan_unread_members(findings, directory)


def _scan_array(findings: Findings, reader: RangedReader, member: str | None) -> None:
    """An array of objects is a pickle behind a header; `numpy.load` looks for its magic, whatever the name."""
    try:
        length = header_bytes(reader.head(12))
        header = parse_header(reader.take(0, min(length, reader.size_bytes)))
    except LimitExceeded as error:
        tell_unchecked(findings, str(error), member=member)
        return
    if header.has_objects:
        tell_risks(findings, read_pickles(ReaderStream(reader, header.data_offset)), member=member)


def _scan_packed(
    findings: Findings,
    reader: RangedReader,
    compression: str,
    allowance: Allowance,
    *,
    member: str | None,
    layers: int,
) -> None:
    """What is packed and no pickle itself: an archive or an array."""
    stream = InflatedStream(reader, compression, most=allowance.inflated_bytes)
    beginning = stream.take_up_to(tars.BLOCK_BYTES)
    allowance.inflated_bytes -= stream.inflated_bytes
    if tars.begins_tar(beginning):
        if member is None:
            _scan_tar(findings, reader, compression, allowance)
    elif (
        is_zip(beginning) or beginning.startswith(numpy_format.MAGIC) or compression_of(beginning) is not None
    ):
        for packed in whole_file(reader, compression, reader.name):
            _scan(findings, packed.open(), allowance, member=member, layers=layers + 1)


def _scan_tar(
    findings: Findings, reader: RangedReader, compression: str | None, allowance: Allowance
) -> None:
    for member in islice(tar_members(reader, compression), MAX_MEMBERS_LOOKED_AT):
        if member.kind == FILE:
            with suppress(ExtractError):  # one member that cannot be read hides no other
                _scan(findings, member.open(), allowance, member=member.name)
        if allowance.is_used_up:
            detail = "Not checkable: its members hold more opcodes or unpack to more bytes than are looked at together"
            findings.risk(UNCHECKED, Severity.MEDIUM, detail, member=member.name)
            return


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


def may_be_loaded(head: bytes, reader: RangedReader) -> bool:
    """Whether a loader that asks the bytes alone might take what nothing reads by its name, and run something of it.
    `reader` is asked only where the first bytes do not tell.
    """
    if head.startswith(_OPENED_BY_MAGIC) or tars.begins_tar(head):
        return True
    if head.startswith(numpy_format.MAGIC):
        return _may_hold_objects(head)
    if is_zip(head[:4]):
        with suppress(ExtractError):
            return _is_opened_by_content(open_zip(reader))
        return False
    if compression_of(head[:16]) is None and not may_begin(head):
        return False
    return bool(hidden_risks(reader, Nobody()))


def _may_hold_objects(head: bytes) -> bool:
    try:
        return parse_header(head).has_objects
    except ExtractError:
        return True  # whoever reads all of the header says why


def _is_opened_by_content(directory: ZipDirectory) -> bool:
    """Whether the zip is one of a loader, and not an office document or a program of Java: by its names, and by the first
    bytes of members that have no suffix, as NumPy reads them.
    """
    files = [member for member in directory.members if not member.is_directory]
    if any(_UNPICKLED.search(member.name) for member in files):
        return True
    plain = [member for member in files if "." not in member.name.rpartition("/")[2]][:MAX_MEMBERS_LOOKED_AT]
    directory.read_ahead(plain)
    return any(directory.may_begin(member, numpy_format.MAGIC) for member in plain)
