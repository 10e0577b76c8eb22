"""The header of a GGUF file: key/value pairs and tensor infos, read as a stream, long arrays skipped by their length.

Source: ggml-org/ggml docs/gguf.md; ggml-org/llama.cpp ggml/src/gguf.cpp for limits.
"""

from __future__ import annotations

import itertools
import math
import struct
from collections.abc import Iterator
from typing import Any

from catalog.errors import LimitExceeded, Malformed, Unsupported
from catalog.lazy_dataclasses import dataclass, field
from catalog.records import TensorInfo
from crawler.formats import ggml_types
from crawler.reader import RangedReader

MAGIC = b"GGUF"
OLD_MAGICS = (b"lmgg", b"fmgg", b"tjgg")
MAX_PAIRS = 65_536
MAX_TENSORS = 1_000_000
MAX_KEY_BYTES = 1024
LONGEST_KEY_BYTES = 65_535  # Source: ggml docs/gguf.md, "keys must be at most 2^16-1 bytes"
MAX_STRING_BYTES = 8 * 1024 * 1024
MAX_KEPT_STRING_BYTES = 64 * 1024
MAX_ARRAY_ELEMENTS = 16 * 1024 * 1024
MAX_DIMENSIONS = 4
MAX_ELEMENTS = 2**63 - 1
MAX_ALIGNMENT = 1024 * 1024
KEPT_ELEMENTS = 3
KEPT_GENERAL_ELEMENTS = 500  # tags, languages, data sets: these are values, not a vocabulary
DEFAULT_ALIGNMENT = 32
MIN_PAIR_BYTES = 9
MIN_TENSOR_BYTES = 20
MAX_AHEAD_BYTES = 8 * 1024 * 1024
FIRST_AHEAD_BYTES = 128 * 1024
STRING_ESTIMATE_BYTES = (
    17  # length and text of a token or merge, measured on vocabularies of 32,000 to 262,144
)
SCORE_AND_TYPE_BYTES = 8  # two arrays of four bytes per token follow the tokens
TAIL_BYTES = 64 * 1024  # what stands behind a vocabulary: a template, a few numbers, tensor infos

_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_SIZES = {kind: struct.calcsize("<" + code) for kind, code in _SCALARS.items()}
_TYPE_NAMES = {
    0: "u8",
    1: "i8",
    2: "u16",
    3: "i16",
    4: "u32",
    5: "i32",
    6: "f32",
    7: "bool",
    8: "string",
    10: "u64",
    11: "i64",
    12: "f64",
}
_STRING, _ARRAY = 8, 9
_MANGLED = b"\xef\xbf\xbd"


@dataclass(frozen=True, slots=True, kw_only=True)
class GgufArray:
    """An array value: how many elements of which type, and the first of them."""

    element_type: str
    count: int
    first: tuple[Any, ...]

    @property
    def whole(self) -> bool:
        return len(self.first) == self.count


@dataclass(slots=True, kw_only=True)
class GgufHeader:
    """What a header says. `data_end` is where the last tensor ends: more than the file has means that it is cut off."""

    version: int
    big_endian: bool
    pairs: dict[str, Any] = field(default_factory=dict)
    tensors: list[TensorInfo] = field(default_factory=list)
    unknown_types: list[str] = field(default_factory=list)
    data_end: int | None = None
    faults: list[tuple[str, str]] = field(default_factory=list)


def read_header(reader: RangedReader) -> GgufHeader:
    """The header of a GGUF file of version 1, 2 or 3, of either byte order.

    Bounds: the constants of this module. Raises Malformed, LimitExceeded, Unsupported.
    """
    return _HeaderReader(reader).read()


class _Cursor:
    """A position in the file with a growing read-ahead: few requests for a long header, little waste for a short one."""

    def __init__(self, reader: RangedReader) -> None:
        self._reader = reader
        self._data = b""
        self._start = 0
        self._ahead = FIRST_AHEAD_BYTES
        self.position = 0

    @property
    def left(self) -> int:
        return self._reader.size_bytes - self.position

    def expect(self, length: int) -> None:
        """So many bytes will be walked: the next request fetches them at once."""
        self._ahead = min(MAX_AHEAD_BYTES, max(self._ahead, length + TAIL_BYTES))

    def take(self, length: int) -> bytes:
        offset = self.position - self._start
        if offset < 0 or offset + length > len(self._data):
            self._refill(length)
            offset = 0
        self.position += length
        return self._data[offset : offset + length]

    def skip(self, length: int) -> None:
        if length > self.left:
            raise Malformed(
                f"a value of {length:,} bytes goes beyond the file", where=f"byte {self.position}"
            )
        self.position += length

    def skip_strings(self, count: int, order: str, width: int) -> None:
        """Steps over strings, each a length of `width` bytes and so many bytes of text."""
        unpack = struct.Struct(order + ("Q" if width == 8 else "I")).unpack_from
        while count:
            if self.position - self._start + width > len(self._data) or self.position < self._start:
                self._refill(width)
            data, offset, end = self._data, self.position - self._start, len(self._data) - width
            while count and offset <= end:
                (length,) = unpack(data, offset)
                if length > MAX_STRING_BYTES:
                    raise LimitExceeded("bytes of a GGUF string", limit=MAX_STRING_BYTES, found=length)
                offset += width + length
                count -= 1
            self.position = self._start + offset
            if self.left < 0:
                raise Malformed("a string goes beyond the file")

    def _refill(self, length: int) -> None:
        if length > self.left:
            raise Malformed(
                f"the header breaks off: {length:,} bytes are missing", where=f"byte {self.position}"
            )
        self._reader.check_time()
        size = min(self.left, max(length, self._ahead))
        self._data, self._start = self._reader.take(self.position, self.position + size), self.position
        self._ahead = min(MAX_AHEAD_BYTES, self._ahead * 4)


class _HeaderReader:
    def __init__(self, reader: RangedReader) -> None:
        self._reader = reader
        self._cursor = _Cursor(reader)
        self._order = "<"
        self._length_code = "Q"

    def read(self) -> GgufHeader:
        header = self._start()
        pairs, tensors = self._counts()
        for _ in range(pairs):
            self._pair(header)
        offsets = [self._tensor(header) for _ in range(tensors)]
        self._places(header, offsets)
        return header

    def _start(self) -> GgufHeader:
        if self._cursor.take(4) != MAGIC:
            raise Malformed("not a GGUF file: the magic is missing")
        (version,) = struct.unpack("<I", self._cursor.take(4))
        big_endian = version & 0xFFFF == 0 and version != 0
        if big_endian:
            self._order, version = ">", struct.unpack(">I", struct.pack("<I", version))[0]
        if _MANGLED in self._reader.head(64):
            raise Malformed("the file was copied as text: bytes were replaced by EF BF BD and are lost")
        if version not in {1, 2, 3}:
            raise Unsupported(f"GGUF version {version}")
        self._length_code = "I" if version == 1 else "Q"
        return GgufHeader(version=version, big_endian=big_endian)

    def _counts(self) -> tuple[int, int]:
        tensors, pairs = self._number(self._length_code), self._number(self._length_code)
        for what, count, limit, size in (
            ("key/value pairs of a GGUF file", pairs, MAX_PAIRS, MIN_PAIR_BYTES),
            ("tensors of a GGUF file", tensors, MAX_TENSORS, MIN_TENSOR_BYTES),
        ):
            if count > limit:
                raise LimitExceeded(what, limit=limit, found=count)
            if count * size > self._cursor.left:
                raise Malformed(f"{count:,} {what} cannot be in {self._cursor.left:,} bytes")
        return pairs, tensors

    def _number(self, code: str) -> Any:
        return struct.unpack(self._order + code, self._cursor.take(struct.calcsize("=" + code)))[0]

    def _text(self, limit: int, what: str) -> str:
        length = self._number(self._length_code)
        if length > max(limit, LONGEST_KEY_BYTES):
            where = f"byte {self._cursor.position}"
            raise Malformed(f"damaged: {length:,} bytes of {what} announced", where=where)
        if length > limit:
            raise LimitExceeded(f"bytes of {what}", limit=limit, found=length)
        kept = min(length, MAX_KEPT_STRING_BYTES)
        data: bytes = self._cursor.take(kept)
        self._cursor.skip(length - kept)
        return data.decode(errors="replace")

    def _pair(self, header: GgufHeader) -> None:
        key = self._text(MAX_KEY_BYTES, "a GGUF key")
        kind = self._number("I")
        value = self._array(key) if kind == _ARRAY else self._scalar(kind)
        if key in header.pairs:
            header.faults.append(("duplicate-key", f"the key {key[:200]!r} stands twice; the first counts"))
            return
        header.pairs[key] = value

    def _scalar(self, kind: int) -> Any:
        if kind == _STRING:
            return self._text(MAX_STRING_BYTES, "a GGUF string")
        code = _SCALARS.get(kind)
        if code is None:
            raise Malformed(f"unknown value type {kind}", where=f"byte {self._cursor.position}")
        value = self._number("B") != 0 if code == "?" else self._number(code)
        return value if not isinstance(value, float) or math.isfinite(value) else str(value)

    def _array(self, key: str) -> GgufArray:
        kind, count = self._number("I"), self._number(self._length_code)
        if kind == _ARRAY:
            raise LimitExceeded("nesting of GGUF arrays", limit=1, found=2)
        if kind not in _TYPE_NAMES:
            raise Malformed(f"unknown element type {kind}", where=f"byte {self._cursor.position}")
        if count > MAX_ARRAY_ELEMENTS:
            raise LimitExceeded("elements of a GGUF array", limit=MAX_ARRAY_ELEMENTS, found=count)
        width = _SIZES.get(kind, 4 if self._length_code == "I" else 8)
        if count * width > self._cursor.left:
            raise Malformed(f"an array of {count:,} elements goes beyond the file", where=f"key {key[:200]}")
        keep = min(count, KEPT_GENERAL_ELEMENTS if key.startswith("general.") else KEPT_ELEMENTS)
        if kind == _STRING:
            beside = SCORE_AND_TYPE_BYTES if key.endswith(".tokens") else 0
            self._cursor.expect(min(count * (STRING_ESTIMATE_BYTES + beside), self._cursor.left))
        first = tuple(self._scalar(kind) for _ in range(keep))
        if kind == _STRING:
            self._cursor.skip_strings(count - keep, self._order, width)
        else:
            self._cursor.skip((count - keep) * width)
        return GgufArray(element_type=_TYPE_NAMES[kind], count=count, first=first)

    def _tensor(self, header: GgufHeader) -> int:
        name = self._text(MAX_KEY_BYTES, "a GGUF tensor name")
        rank = self._number("I")
        if rank > MAX_DIMENSIONS:
            raise LimitExceeded("dimensions of a GGUF tensor", limit=MAX_DIMENSIONS, found=rank)
        dimensions = [self._number(self._length_code) for _ in range(rank)]
        elements = math.prod(dimensions)
        if elements > MAX_ELEMENTS:
            raise LimitExceeded("elements of a GGUF tensor", limit=MAX_ELEMENTS, found=elements)
        dtype, block, block_bytes = ggml_types.tensor_type(self._number("I"))
        offset: int = self._number("Q")
        size = None if block is None or block_bytes is None else -(-elements // block) * block_bytes
        if size is None and dtype not in header.unknown_types:
            header.unknown_types.append(dtype)
        shape = tuple(reversed(dimensions))
        header.tensors.append(TensorInfo(name=name, dtype=dtype, shape=shape, elements=elements, bytes=size))
        return offset

    def _places(self, header: GgufHeader, offsets: list[int]) -> None:
        """Checks alignment and where tensors end."""
        alignment = header.pairs.get("general.alignment", DEFAULT_ALIGNMENT)
        if type(alignment) is not int or not 0 < alignment <= MAX_ALIGNMENT or alignment & (alignment - 1):
            header.faults.append(
                ("alignment", f"general.alignment is {str(alignment)[:40]}, not a power of two up to 1 MB")
            )
            return
        start = -(-self._cursor.position // alignment) * alignment
        ends = [offset + (info.bytes or 0) for offset, info in zip(offsets, header.tensors, strict=True)]
        header.data_end = start + max(ends) if ends else None
        misplaced = sum(offset % alignment != 0 for offset in offsets)
        if misplaced:
            header.faults.append(
                ("alignment", f"{misplaced} tensors do not start at a multiple of {alignment}")
            )
        overlaps = sum(later < end for end, later in _neighbours(offsets, ends))
        if overlaps:
            header.faults.append(("offsets-overlap", f"{overlaps} tensors lie over their neighbours"))


def _neighbours(offsets: list[int], ends: list[int]) -> Iterator[tuple[int, int]]:
    """(end of a tensor, start of the next one), in the order of the file."""
    spans = sorted(zip(offsets, ends, strict=True))
    return ((first[1], second[0]) for first, second in itertools.pairwise(spans))
