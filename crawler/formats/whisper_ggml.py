"""Models of whisper.cpp, in the format that GGML had before GGUF: sizes, mel filters, words, tensors.

Source: ggml-org/whisper.cpp src/whisper.cpp (`whisper_model_load`), models/convert-pt-to-ggml.py.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator

from catalog.errors import LimitExceeded, Malformed
from catalog.lazy_dataclasses import dataclass
from catalog.records import TensorInfo
from crawler.formats.byte_streams import ReaderStream
from crawler.formats.ggml_types import TENSOR_TYPES
from crawler.reader import RangedReader

MAGIC = b"lmgg"
MAX_WORDS = 1_000_000
MAX_WORD_BYTES = 64 * 1024
MAX_NAME_BYTES = 1024
MAX_TENSORS = 100_000
MAX_RANK = 4
MAX_ELEMENTS = 2**48
MELS = (80, 128)
FILE_TYPES_OF_ONE_VERSION = 1000
"""A file type is told with the version of its block formats before it: 2007 is 7 of version 2."""
_SIZES = struct.Struct("<11i")


@dataclass(frozen=True, slots=True)
class Sizes:
    """The numbers at the beginning, in their order."""

    words: int
    audio_context: int
    audio_width: int
    audio_heads: int
    audio_layers: int
    text_context: int
    text_width: int
    text_heads: int
    text_layers: int
    mels: int
    file_type: int


def read_sizes(head: bytes) -> Sizes | None:
    """The sizes of a model of Whisper; None where the bytes are another's."""
    if head[:4] != MAGIC or len(head) < 4 + _SIZES.size:
        return None
    sizes = Sizes(*_SIZES.unpack_from(head, 4))
    whole = 0 < sizes.words <= MAX_WORDS and sizes.mels in MELS and sizes.file_type >= 0
    return sizes if whole and min(sizes.audio_layers, sizes.text_layers, sizes.audio_width) > 0 else None


def tensors_of(reader: RangedReader) -> Iterator[TensorInfo]:
    """The tensors in file order; their values are stepped over. Raises Malformed where the file ends inside of one."""
    stream = ReaderStream(reader, start=4 + _SIZES.size)
    rows, columns = (_within(_number(stream), MAX_ELEMENTS, "sizes of mel filters") for _ in range(2))
    stream.skip(4 * _within(rows * columns, MAX_ELEMENTS, "values of mel filters"))
    for _ in range(_within(_number(stream), MAX_WORDS, "words")):
        stream.skip(_within(_number(stream), MAX_WORD_BYTES, "bytes of a word"))
    count = 0
    while not stream.at_end():
        stream.check_time()
        count = _within(count + 1, MAX_TENSORS, "tensors")
        yield _tensor(stream)
    if count == 0:
        raise Malformed("the file ends behind its words, before any tensor", where=f"byte {stream.position}")


def _tensor(stream: ReaderStream) -> TensorInfo:
    rank = _within(_number(stream), MAX_RANK, "dimensions of a tensor")
    length = _within(_number(stream), MAX_NAME_BYTES, "bytes of a tensor's name")
    kind = _number(stream)
    if kind not in TENSOR_TYPES:
        raise Malformed(f"an unknown type {kind} of a tensor", where=f"byte {stream.position}")
    sizes = tuple(_within(_number(stream), MAX_ELEMENTS, "elements of a dimension") for _ in range(rank))
    name = stream.take(length).decode("utf-8", "replace")
    dtype, block, width = TENSOR_TYPES[kind]
    elements = _within(math.prod(sizes), MAX_ELEMENTS, "elements of a tensor")
    size = -(-elements // block) * width
    stream.skip(size)
    return TensorInfo(name=name, dtype=dtype, shape=sizes[::-1], elements=elements, bytes=size)


def _within(number: int, limit: int, what: str) -> int:
    if number < 0:
        raise Malformed(f"{number} {what}")
    if number > limit:
        raise LimitExceeded(what, limit=limit, found=number)
    return number


def _number(stream: ReaderStream) -> int:
    (number,) = struct.unpack("<i", stream.take(4))
    return int(number)
