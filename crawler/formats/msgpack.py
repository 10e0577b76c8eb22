"""The tree of a MessagePack document by ranges: small values are read, payloads of arrays are stepped over.

Source: MessagePack specification, https://github.com/msgpack/msgpack/blob/master/spec.md ; google/flax
flax/serialization.py for extension types 1 (ndarray), 2 (complex), 3 (scalar) and `__msgpack_chunked_array__`.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from typing import Any

from catalog.errors import LimitExceeded, Malformed
from catalog.lazy_dataclasses import dataclass
from crawler.reader import RangedReader

MAX_NODES = 1_000_000
MAX_DEPTH = 64
MAX_KEY_BYTES = 4096
MAX_KEPT_TEXT_BYTES = 64 * 1024
MAX_DIMENSIONS = 32
MAX_DIMENSION = 2**53
WINDOW_BYTES = 512  # header of an array: extension, shape, dtype name and the length of its bytes

NDARRAY, COMPLEX, SCALAR = 1, 2, 3
_FIXED = {
    0xCA: ">f",
    0xCB: ">d",
    0xCC: ">B",
    0xCD: ">H",
    0xCE: ">I",
    0xCF: ">Q",
    0xD0: ">b",
    0xD1: ">h",
    0xD2: ">i",
    0xD3: ">q",
}
_LENGTHS = {1: ">B", 2: ">H", 4: ">I"}
_STRINGS = {0xD9: 1, 0xDA: 2, 0xDB: 4}
_BINARIES = {0xC4: 1, 0xC5: 2, 0xC6: 4}
_ARRAYS = {0xDC: 2, 0xDD: 4}
_MAPS = {0xDE: 2, 0xDF: 4}
_EXTENSIONS = {0xC7: 1, 0xC8: 2, 0xC9: 4}
_FIXED_EXTENSIONS = {0xD4: 1, 0xD5: 2, 0xD6: 4, 0xD7: 8, 0xD8: 16}


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedArray:
    """An array inside the document: its dtype by NumPy's name, its shape, the bytes it takes."""

    dtype: str
    shape: tuple[int, ...]
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """One value with its path of keys. `value` is a scalar, text, PackedArray, or None for what is stepped over."""

    path: tuple[str, ...]
    value: Any


@dataclass(slots=True)
class _Open:
    path: tuple[str, ...]
    left: int
    is_map: bool
    index: int = 0


_SIZES_OF_MAPS = {**dict.fromkeys(range(0x81, 0x90), 1), 0xDE: 3, 0xDF: 5}
"""By the first byte of a map that holds something, after how many its first key begins. Source: msgpack/msgpack spec.md."""
BEGINNINGS = tuple(bytes([first]) for first in _SIZES_OF_MAPS)


def claims_head(head: bytes) -> bool:
    """Whether the document begins with a map whose first key is text."""
    if len(head) < 3:
        return False
    skip = _SIZES_OF_MAPS.get(head[0], 0)
    return bool(skip) and len(head) > skip and (head[skip] & 0xE0 == 0xA0 or head[skip] in _STRINGS)


def walk(reader: RangedReader) -> Iterator[Leaf]:
    """Every value of the document, in order. Raises Malformed, LimitExceeded."""
    return _Walker(reader).leaves()


class _Walker:
    def __init__(self, reader: RangedReader) -> None:
        self._reader = reader
        self._position = 0
        self._window = b""
        self._start = 0

    def leaves(self) -> Iterator[Leaf]:
        stack = [_Open((), 1, is_map=False)]
        nodes = 0
        while stack:
            parent = stack[-1]
            if not parent.left:
                stack.pop()
                continue
            nodes += 1
            if nodes > MAX_NODES:
                raise LimitExceeded("values of a MessagePack document", limit=MAX_NODES)
            if nodes % 1024 == 0:
                self._reader.check_time()
            parent.left -= 1
            path = (*parent.path, self._key()) if parent.is_map else self._item_path(parent, len(stack))
            opened = self._container(path)
            if opened is None:
                yield Leaf(path=path, value=self._value())
                continue
            if len(stack) > MAX_DEPTH:
                raise LimitExceeded("depth of a MessagePack document", limit=MAX_DEPTH)
            stack.append(opened)

    def _item_path(self, parent: _Open, depth: int) -> tuple[str, ...]:
        if depth == 1:
            return ()
        parent.index += 1
        return (*parent.path, str(parent.index - 1))

    def _key(self) -> str:
        marker = self._peek()
        length = self._string_length()
        if length is None:
            raise Malformed(f"a key that is not text (0x{marker:02x})", where=f"byte {self._position}")
        if length > MAX_KEY_BYTES:
            raise LimitExceeded("bytes of a MessagePack key", limit=MAX_KEY_BYTES, found=length)
        return self._take(length).decode(errors="replace")

    def _container(self, path: tuple[str, ...]) -> _Open | None:
        marker = self._peek()
        if marker & 0xF0 == 0x80 or marker in _MAPS:
            count = self._count(marker, marker & 0x0F, _MAPS)
            return _Open(path, self._believed(count, 2), is_map=True)
        if marker & 0xF0 == 0x90 or marker in _ARRAYS:
            count = self._count(marker, marker & 0x0F, _ARRAYS)
            return _Open(path, self._believed(count, 1), is_map=False)
        return None

    def _count(self, marker: int, short: int, lengths: dict[int, int]) -> int:
        self._take(1)
        return self._length(lengths[marker]) if marker in lengths else short

    def _believed(self, count: int, size: int) -> int:
        left = self._reader.size_bytes - self._position
        if count * size > left:
            raise Malformed(f"{count:,} entries cannot be in {left:,} bytes", where=f"byte {self._position}")
        return count

    def _value(self) -> Any:
        marker = self._peek()
        length = self._string_length()
        if length is not None:
            kept = min(length, MAX_KEPT_TEXT_BYTES)
            text = self._take(kept).decode(errors="replace")
            self._skip(length - kept)
            return text
        self._take(1)
        if marker <= 0x7F or marker >= 0xE0:
            return marker if marker <= 0x7F else marker - 256
        if marker in {0xC2, 0xC3}:
            return marker == 0xC3
        if marker in _FIXED:
            code = _FIXED[marker]
            number = struct.unpack(code, self._take(struct.calcsize(code)))[0]
            return number if not isinstance(number, float) or math.isfinite(number) else str(number)
        if marker in _BINARIES:
            self._skip(self._length(_BINARIES[marker]))
        elif marker in _EXTENSIONS or marker in _FIXED_EXTENSIONS:
            return self._extension(marker)
        elif marker != 0xC0:
            raise Malformed(f"unknown MessagePack marker 0x{marker:02x}", where=f"byte {self._position - 1}")
        return None

    def _extension(self, marker: int) -> PackedArray | None:
        length = _FIXED_EXTENSIONS.get(marker) or self._length(_EXTENSIONS[marker])
        kind = self._take(1)[0]
        end = self._position + length
        if end > self._reader.size_bytes:
            raise Malformed(
                f"an extension of {length:,} bytes goes beyond the file", where=f"byte {self._position}"
            )
        array = self._array(end) if kind in {NDARRAY, SCALAR} else None
        self._position = end
        return array

    def _array(self, end: int) -> PackedArray:
        """[shape, dtype name, bytes], each packed on its own inside the extension."""
        if self._take(1)[0] != 0x93:
            raise Malformed("an array without shape, dtype and bytes", where=f"byte {self._position}")
        marker = self._peek()
        if marker & 0xF0 != 0x90 and marker not in _ARRAYS:
            raise Malformed("an array whose shape is no list", where=f"byte {self._position}")
        rank = self._count(marker, marker & 0x0F, _ARRAYS)
        if rank > MAX_DIMENSIONS:
            raise LimitExceeded("dimensions of an array", limit=MAX_DIMENSIONS, found=rank)
        shape = tuple(self._dimension() for _ in range(rank))
        dtype = self._value()
        marker = self._peek()
        self._take(1)
        if not isinstance(dtype, str) or marker not in _BINARIES:
            raise Malformed("an array without dtype or bytes", where=f"byte {self._position}")
        size = self._length(_BINARIES[marker])
        if self._position + size > end:
            raise Malformed("an array larger than its extension", where=f"byte {self._position}")
        return PackedArray(dtype=dtype[:100], shape=shape, size_bytes=size)

    def _dimension(self) -> int:
        size = self._value()
        if type(size) is not int or not 0 <= size <= MAX_DIMENSION:
            raise Malformed("a dimension that is no size", where=f"byte {self._position}")
        return size

    def _string_length(self) -> int | None:
        """The length of the text that begins here, its marker taken; None when no text begins here."""
        marker = self._peek()
        if marker & 0xE0 == 0xA0:
            self._take(1)
            return marker & 0x1F
        if marker in _STRINGS:
            self._take(1)
            return self._length(_STRINGS[marker])
        return None

    def _length(self, width: int) -> int:
        length: int = struct.unpack(_LENGTHS[width], self._take(width))[0]
        return length

    def _peek(self) -> int:
        byte = self._take(1)[0]
        self._position -= 1
        return byte

    def _skip(self, length: int) -> None:
        if self._position + length > self._reader.size_bytes:
            raise Malformed(
                f"a value of {length:,} bytes goes beyond the file", where=f"byte {self._position}"
            )
        self._position += length

    def _take(self, length: int) -> bytes:
        offset = self._position - self._start
        if offset < 0 or offset + length > len(self._window):
            end = min(self._reader.size_bytes, self._position + max(length, WINDOW_BYTES))
            if self._position + length > end:
                raise Malformed("the document breaks off", where=f"byte {self._position}")
            self._window, self._start, offset = self._reader.take(self._position, end), self._position, 0
        self._position += length
        return self._window[offset : offset + length]
