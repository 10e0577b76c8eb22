"""CTranslate2 models (faster-whisper, Argos Translate, OPUS-MT): the one binary file of weights.

Source: OpenNMT/CTranslate2 python/ctranslate2/specs/model_spec.py (`LayerSpec._serialize`), src/models/model.cc
(`Model::load`): version, name and revision of the specification, then each variable with its shape, type and bytes, last
the aliases of variables that share their values.
"""

from __future__ import annotations

import math
import struct

from catalog.errors import ExtractError, LimitExceeded, Malformed
from catalog.lazy_dataclasses import dataclass, field
from catalog.records import Evidence, Extraction, Origin, Role, TensorInfo
from crawler.candidates import Signs
from crawler.extractor import Claim, Findings
from crawler.formats import tensors
from crawler.formats.byte_streams import ReaderStream
from crawler.reader import RangedReader

OLDEST_VERSION = 2
NEWEST_VERSION = 20
TYPED_SINCE = 4
"""Files before it tell the size of an element and not its type."""
MAX_NAME_BYTES = 4096
MAX_VARIABLES = 200_000
MAX_RANK = 8
MAX_ELEMENTS = 2**48
_TYPES = {0: ("F32", 4), 1: ("I8", 1), 2: ("I16", 2), 3: ("I32", 4), 4: ("F16", 2), 5: ("BF16", 2)}
_OF_WIDTH = {4: "F32", 2: "I16", 1: "I8"}
_FRAME = struct.Struct("<IH")
_TASKS = {"whisper": "automatic-speech-recognition", "wav2vec2": "automatic-speech-recognition"}


@dataclass(slots=True)
class _Variables:
    """What was read before the end, or before a limit."""

    infos: list[TensorInfo] = field(default_factory=list)
    counts_are_parameters: bool = True


class Ctranslate2Extractor:
    """Walks from variable to variable; their values are stepped over."""

    name = "ctranslate2"
    version = 1
    description = "CTranslate2 models (model.bin), as faster-whisper and Argos Translate use them"
    reads = "specification and its revision, names, shapes, types and counts of all variables"
    limits = "200,000 variables, 512 requests; beyond them the count is incomplete; weights packed by AWQ are not counted"
    signs = Signs(suffixes=(".bin",))

    def claims(self, key: str, head: bytes) -> Claim | None:
        return (
            Claim(format="ctranslate2", role=Role.WEIGHTS, confidence=90)
            if key.endswith(".bin") and _specification(head) is not None
            else None
        )

    def extract(self, reader: RangedReader) -> Extraction:
        findings = Findings(reader, self, format="ctranslate2", role=Role.WEIGHTS, origin=Origin.EMBEDDED)
        specification = _specification(reader.head())
        if specification is None:
            raise Malformed("no name of a CTranslate2 specification at the beginning")
        findings.say("framework", "ctranslate2", "header:", evidence=Evidence.INFERRED)
        findings.say("architecture", specification, "header:specification")
        task = _TASKS.get(specification.removesuffix("Spec").lower())
        findings.say("task", task, "header:specification", evidence=Evidence.INFERRED)
        stream = ReaderStream(reader)
        version = _number(stream, "<I")
        _text(stream)
        findings.say("extra.ctranslate2.binary_version", version, "header:version")
        findings.say("extra.ctranslate2.revision", _number(stream, "<I"), "header:revision")
        variables = _Variables()
        complete = True
        try:
            _read_variables(stream, variables, typed=version >= TYPED_SINCE)
        except ExtractError as error:
            if not variables.infos:
                raise
            findings.failed(error)
            complete = False
        findings.tensors = tensors.summarise(
            variables.infos, complete=complete, counts_are_parameters=variables.counts_are_parameters
        )
        return findings.extraction()


def _specification(head: bytes) -> str | None:
    """`WhisperSpec` at the beginning of a file; None where it is another's."""
    if len(head) < _FRAME.size:
        return None
    version, length = _FRAME.unpack_from(head)
    name = head[_FRAME.size : _FRAME.size + length]
    if not OLDEST_VERSION <= version <= NEWEST_VERSION or not name.endswith(b"Spec\0") or len(name) != length:
        return None
    word = name[:-1]
    return word.decode("ascii") if word.isalnum() and word.isascii() else None


def _read_variables(stream: ReaderStream, variables: _Variables, *, typed: bool) -> None:
    count = _number(stream, "<I")
    if count > MAX_VARIABLES:
        raise LimitExceeded("variables of a CTranslate2 model", limit=MAX_VARIABLES, found=count)
    for _ in range(count):
        stream.check_time()
        name = _text(stream)
        rank = _number(stream, "<B")
        if rank > MAX_RANK:
            raise LimitExceeded("dimensions of a variable", limit=MAX_RANK, found=rank)
        shape = tuple(_number(stream, "<I") for _ in range(rank))
        elements = math.prod(shape)
        if elements > MAX_ELEMENTS:
            raise LimitExceeded("elements of a variable", limit=MAX_ELEMENTS, found=elements)
        dtype, size = _type_and_bytes(stream, elements, typed=typed)
        stream.skip(size)
        if dtype == "I32" and rank > 1:  # AWQ packs eight weights into one
            variables.counts_are_parameters = False
        part = "model" if rank and not name.endswith("/weight_zero") else "auxiliary"
        variables.infos.append(
            TensorInfo(name=name, dtype=dtype, shape=shape, elements=elements, bytes=size, part=part)
        )


def _type_and_bytes(stream: ReaderStream, elements: int, *, typed: bool) -> tuple[str, int]:
    if typed:
        number, size = _number(stream, "<B"), _number(stream, "<I")
        if number not in _TYPES:
            raise Malformed(f"an unknown type {number} of a variable", where=f"byte {stream.position}")
        dtype, width = _TYPES[number]
        if size != (width * elements) % 2**32:
            raise Malformed(f"{size} bytes for {elements} values of {dtype}", where=f"byte {stream.position}")
        return dtype, width * elements
    width, count = _number(stream, "<B"), _number(stream, "<I")
    if width not in _OF_WIDTH or count != elements:
        raise Malformed(f"{count} values of {width} bytes for {elements}", where=f"byte {stream.position}")
    return _OF_WIDTH[width], width * elements


def _text(stream: ReaderStream) -> str:
    """A text with its length in front and a zero at its end."""
    length = _number(stream, "<H")
    if length > MAX_NAME_BYTES:
        raise LimitExceeded("bytes of a variable's name", limit=MAX_NAME_BYTES, found=length)
    return stream.take(length).rstrip(b"\0").decode("utf-8", "replace")


def _number(stream: ReaderStream, form: str) -> int:
    (number,) = struct.unpack(form, stream.take(struct.calcsize(form)))
    return int(number)
