"""FlatBuffers without a schema compiler: tables, vectors and strings by field number, every offset checked.

The Python library has no verifier, so a file that points outside itself, or at itself, has to be caught here.

Source: flatbuffers.dev/internals (tables, vtables, vectors, strings, file identifiers).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING

from catalog.errors import LimitExceeded, Malformed
from crawler.reader import bytes_reader

if TYPE_CHECKING:
    from crawler.reader import RangedReader

MAX_READS = 2_000_000
MAX_TEXT_BYTES = 64 * 1024
MAX_FIELDS_OF_A_TABLE = 4096
READS_BETWEEN_CLOCK_LOOKS = 4096

_U16 = struct.Struct("<H")
_I32 = struct.Struct("<i")
_U32 = struct.Struct("<I")
_SCALARS = {code: struct.Struct("<" + code) for code in "bBhHiIqQfd?"}


class Flatbuffer:
    """The buffer that begins at `base` of a file and ends at `end`.

    Bounds: `max_reads` over the whole buffer, every offset inside it, every vector no longer than what is left.
    """

    def __init__(
        self, reader: RangedReader, *, base: int = 0, end: int | None = None, max_reads: int = MAX_READS
    ) -> None:
        self._reader = reader
        self._base = base
        self._max_reads = max_reads
        self._reads = 0
        self.size = (reader.size_bytes if end is None else end) - base

    @classmethod
    def over(cls, data: bytes) -> Flatbuffer:
        """A buffer in memory."""
        return cls(bytes_reader("flatbuffer", data))

    def identifier(self) -> bytes:
        """The four bytes behind the root offset, by which a schema marks its files."""
        return self.take(4, 8) if self.size >= 8 else b""

    def root(self) -> Table:
        """The root table."""
        return Table(self, self.follow(0))

    def take(self, start: int, end: int) -> bytes:
        """Bytes [start, end) of the buffer."""
        self._reads += 1
        if self._reads > self._max_reads:
            raise LimitExceeded("reads in one flatbuffer", limit=self._max_reads)
        if self._reads % READS_BETWEEN_CLOCK_LOOKS == 0:
            self._reader.check_time()
        if start < 0 or end > self.size or end < start:
            raise Malformed("a flatbuffer points outside itself", where=f"byte {start}")
        return self._reader.take(self._base + start, self._base + end)

    def u32(self, at: int) -> int:
        value: int = _U32.unpack(self.take(at, at + 4))[0]
        return value

    def follow(self, at: int) -> int:
        """Where the offset at `at` points."""
        offset = self.u32(at)
        if offset == 0:
            raise Malformed("a flatbuffer offset is zero", where=f"byte {at}")
        return at + offset


class Table:
    """One table. A field that is absent has its schema's default."""

    __slots__ = ("_buffer", "_position", "_vtable")

    def __init__(self, buffer: Flatbuffer, position: int) -> None:
        self._buffer = buffer
        self._position = position
        start = position - int(_I32.unpack(buffer.take(position, position + 4))[0])
        size = int(_U16.unpack(buffer.take(start, start + 2))[0])
        if size < 4 or size % 2 or size > 4 + 2 * MAX_FIELDS_OF_A_TABLE:
            raise Malformed(f"a flatbuffer vtable of {size} bytes", where=f"byte {start}")
        self._vtable = buffer.take(start, start + size)

    @property
    def position(self) -> int:
        return self._position

    def at(self, field: int) -> int | None:
        """Where the field's inline data are, None when it is absent."""
        slot = 4 + 2 * field
        if slot + 2 > len(self._vtable):
            return None
        offset = int(_U16.unpack_from(self._vtable, slot)[0])
        return self._position + offset if offset else None

    def number(self, field: int, code: str, default: float = 0) -> int | float:
        """A scalar by its `struct` code."""
        at = self.at(field)
        if at is None:
            return default
        scalar = _SCALARS[code]
        value: int | float = scalar.unpack(self._buffer.take(at, at + scalar.size))[0]
        return value

    def integer(self, field: int, code: str, default: int = 0) -> int:
        return int(self.number(field, code, default))

    def table(self, field: int) -> Table | None:
        at = self.at(field)
        return None if at is None else Table(self._buffer, self._buffer.follow(at))

    def vector(self, field: int, width: int = 4) -> Vector | None:
        """A vector of elements `width` bytes wide; tables and strings are four-byte offsets."""
        at = self.at(field)
        return None if at is None else Vector(self._buffer, self._buffer.follow(at), width)

    def tables(self, field: int, limit: int) -> Iterator[Table]:
        """The tables of a vector of tables; none when it is absent."""
        vector = self.vector(field)
        if vector is None:
            return
        if len(vector) > limit:
            raise LimitExceeded("tables of one flatbuffer vector", limit=limit, found=len(vector))
        for index in range(len(vector)):
            yield vector.table(index)

    def text(self, field: int, *, limit: int = MAX_TEXT_BYTES) -> str:
        """A string cut at `limit` bytes, empty when it is absent."""
        vector = self.vector(field, width=1)
        return "" if vector is None else vector.bytes(limit=limit).decode("utf-8", errors="replace")


class Vector:
    """One vector."""

    __slots__ = ("_buffer", "_length", "_start", "_width")

    def __init__(self, buffer: Flatbuffer, position: int, width: int) -> None:
        self._buffer = buffer
        self._length = buffer.u32(position)
        self._start = position + 4
        self._width = width
        if self._length * width > buffer.size - self._start:
            raise Malformed(
                f"a flatbuffer vector of {self._length} elements does not fit", where=f"byte {position}"
            )

    def __len__(self) -> int:
        return self._length

    @property
    def size_bytes(self) -> int:
        return self._length * self._width

    def table(self, index: int) -> Table:
        return Table(self._buffer, self._buffer.follow(self._start + 4 * index))

    def bytes(self, *, limit: int) -> bytes:
        """The raw bytes, cut at `limit`."""
        return self._buffer.take(self._start, self._start + min(self.size_bytes, limit))

    def numbers(self, code: str, *, limit: int) -> tuple[int, ...]:
        """The elements as integers by their `struct` code. Raises LimitExceeded beyond `limit`."""
        if self._length > limit:
            raise LimitExceeded("numbers in one flatbuffer vector", limit=limit, found=self._length)
        return struct.unpack(
            f"<{self._length}{code}", self._buffer.take(self._start, self._start + self.size_bytes)
        )
