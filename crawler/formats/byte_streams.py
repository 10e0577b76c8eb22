"""Bytes one after another, from a file, from memory or out of a decompressor, with what was read counted.

A stream can skip ahead: over a file that costs no request, so a pickle with gigabytes of arrays is read by its opcodes.
"""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import Protocol

from catalog.errors import ExtractError, LimitExceeded, Malformed, Truncated, Unsupported
from crawler.formats import lz4_frames
from crawler.reader import BLOCK_BYTES, MAX_READ_BYTES, RangedReader, bytes_reader

MAX_STREAM_BYTES = 64 * 1024 * 1024  # opcodes and literals, arrays that are skipped do not count
MAX_INFLATED_BYTES = 256 * 1024 * 1024
MAX_INFLATION = 1100  # the most that deflate can do is 1,032 to 1; xz and bzip2 bombs do more
GROWTH = 4
LARGEST_STEP = 4 * 1024 * 1024


class ByteStream:
    """Sequential bytes with a window that grows as they are read; the kinds below say where bytes come from.

    `buffer[index:]` are bytes at hand: the innermost loop of a walker may take them without a call.
    """

    is_inflated = False
    """Whether the bytes come out of a decompressor, and may be more than the file has."""

    def __init__(self, position: int = 0) -> None:
        self.buffer = b""
        self.index = 0
        self._base = position
        self._seen = 0

    @property
    def position(self) -> int:
        """The offset of the next byte."""
        return self._base + self.index

    def take(self, length: int) -> bytes:
        """Exactly so many bytes. Raises Malformed at the end of the data."""
        stop = self.index + length
        if stop <= len(self.buffer):
            data = self.buffer[self.index : stop]
            self.index = stop
            return data
        data = self.take_up_to(length)
        if len(data) != length:
            raise Malformed(f"{length} bytes announced, {len(data)} are left", where=str(self.position))
        return data

    def take_up_to(self, length: int) -> bytes:
        """So many bytes, fewer at the end."""
        if length > MAX_STREAM_BYTES:
            raise LimitExceeded(
                "bytes of one value", limit=MAX_STREAM_BYTES, found=length, inflated=self.is_inflated
            )
        while len(self.buffer) - self.index < length and self._fill(length):
            pass
        data = self.buffer[self.index : self.index + length]
        self.index += len(data)
        return data

    def skip(self, length: int) -> None:
        """Moves on. Raises Malformed when the data end before."""
        at_hand = len(self.buffer) - self.index
        if length <= at_hand:
            self.index += length
            return
        self._base += len(self.buffer)
        self.buffer, self.index = b"", 0
        self._jump(length - at_hand)
        self._base += length - at_hand

    def line(self, limit: int) -> bytes:
        """Up to and without the next newline. Raises LimitExceeded, or Malformed at the end of the data."""
        while True:
            newline = self.buffer.find(b"\n", self.index, self.index + limit)
            if newline >= 0:
                data = self.buffer[self.index : newline]
                self.index = newline + 1
                return data
            at_hand = len(self.buffer) - self.index
            if at_hand >= limit:
                raise LimitExceeded("bytes of a line", limit=limit)
            if not self._fill(at_hand + 1):
                raise Malformed("a line without its end", where=str(self.position))

    def at_end(self) -> bool:
        return self.index >= len(self.buffer) and not self._fill(1)

    def check_time(self) -> None:
        """Raises LimitExceeded when the file's time is used up."""

    def _fill(self, wanted: int) -> bool:
        """More bytes behind those at hand; False at the end."""
        more = self._next(wanted - (len(self.buffer) - self.index))
        if not more:
            return False
        self._seen += len(more)
        if self._seen > self._most():
            raise LimitExceeded("bytes of a stream", limit=self._most(), found=self._seen, inflated=True)
        self._base += self.index
        self.buffer = self.buffer[self.index :] + more if self.index < len(self.buffer) else more
        self.index = 0
        return True

    def _most(self) -> int:
        return MAX_STREAM_BYTES + LARGEST_STEP

    def _next(self, wanted: int) -> bytes:
        """The bytes behind the window, at least one; b"" at the end."""
        raise NotImplementedError

    def _jump(self, length: int) -> None:
        """Leaves out bytes behind the window. Raises Malformed when there are fewer."""
        raise NotImplementedError


class ReaderStream(ByteStream):
    """The bytes [start, end) of a RangedReader, read ahead in growing steps. Skipping costs nothing.

    Bounds: 64 MB read.
    """

    def __init__(self, reader: RangedReader, start: int = 0, end: int | None = None) -> None:
        super().__init__(start)
        self._reader = reader
        self._here = start
        self._end = reader.size_bytes if end is None else min(end, reader.size_bytes)
        self._step = BLOCK_BYTES

    def check_time(self) -> None:
        self._reader.check_time()

    def _next(self, wanted: int) -> bytes:
        step = min(max(wanted, self._step), MAX_READ_BYTES)
        stop = min(self._here + step, self._end)
        stop = min(self._end, -(-stop // BLOCK_BYTES) * BLOCK_BYTES)  # what the reader fetches anyway
        stop = min(stop, self._here + MAX_READ_BYTES)
        data = self._reader.read(self._here, stop)
        self._here += len(data)
        self._step = min(self._step * GROWTH, LARGEST_STEP)
        return data

    def _jump(self, length: int) -> None:
        if length > self._end - self._here:
            raise Malformed(
                f"{length} bytes announced, {self._end - self._here} are left", where=str(self._here)
            )
        self._here += length
        self._step = BLOCK_BYTES  # behind an array there are usually few opcodes


class BytesStream(ByteStream):
    """Bytes in memory."""

    def __init__(self, data: bytes, *, tick: Callable[[], None] | None = None) -> None:
        super().__init__()
        self.buffer = data
        self._tick = tick

    def check_time(self) -> None:
        if self._tick is not None:
            self._tick()

    def _next(self, wanted: int) -> bytes:  # noqa: ARG002 - everything is at hand
        return b""

    def _jump(self, length: int) -> None:
        raise Malformed(f"{length} more bytes announced than there are", where=str(self.position))


class InflatedStream(ByteStream):
    """The content of a compressed file, decompressed piece by piece.

    Bounds: 256 MB of content, 1,100 times the compressed size.
    """

    is_inflated = True

    def __init__(self, reader: RangedReader, method: str, *, most: int | None = None) -> None:
        """`most` is a lower bound of the content's bytes than the usual one."""
        super().__init__()
        self._bound = most
        self.fault: Malformed | None = None
        """What is wrong with the compressed data, once it was met."""
        self._reader = reader
        self._pieces = _inflate(reader, method)

    def check_time(self) -> None:
        self._reader.check_time()

    @property
    def inflated_bytes(self) -> int:
        """What came out of the decompressor so far."""
        return self._seen

    def _most(self) -> int:
        return MAX_INFLATED_BYTES if self._bound is None else min(self._bound, MAX_INFLATED_BYTES)

    def _next(self, wanted: int) -> bytes:  # noqa: ARG002 - the decompressor's pieces have their own size
        self._reader.check_time()
        try:
            return next(self._pieces, b"")
        except Malformed as fault:
            self.fault = fault
            raise

    def _jump(self, length: int) -> None:
        while length > 0:
            piece = self._next(length)
            if not piece:
                raise Malformed(f"{length} more bytes announced than there are", where=str(self.position))
            self._seen += len(piece)
            if self._seen > self._most():
                raise LimitExceeded("bytes of a stream", limit=self._most(), found=self._seen, inflated=True)
            if len(piece) > length:
                self.buffer = piece[length:]
                return
            length -= len(piece)


MAGICS = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"\x5d\x00\x00": "lzma",
    b"\x78\x01": "zlib",
    b"\x78\x5e": "zlib",
    b"\x78\x9c": "zlib",
    b"\x78\xda": "zlib",
    lz4_frames.MAGIC: "lz4",
    b"\x28\xb5\x2f\xfd": "zstd",
}
_ANY_MAGIC = tuple(MAGICS)


def compression_of(head: bytes) -> str | None:
    """The compression whose magic these first bytes are."""
    if not head.startswith(_ANY_MAGIC):
        return None
    for magic, method in MAGICS.items():
        if head.startswith(magic):
            return method
    return None


def unpacked_beginning(data: bytes, length: int) -> bytes:
    """Up to so many first bytes of what these compress, which may break off; none if they are not compressed, or damaged."""
    method = compression_of(data)
    if method is None:
        return b""
    pieces, total = [], 0
    try:
        for piece in _inflate(bytes_reader("beginning", data), method):
            pieces.append(piece)
            total += len(piece)
            if total >= length:
                break
    except ExtractError:
        pass  # what came out before is what a loader would see, too
    return b"".join(pieces)[:length]


def first_lz4_literal(head: bytes) -> bytes:
    """The bytes that an LZ4 frame stores plainly at its start: the beginning of what was compressed.

    Source: lz4/lz4 doc/lz4_Frame_format.md and lz4_Block_format.md.
    """
    if compression_of(head) != "lz4" or len(head) < 24:
        return b""
    flags = head[4]
    block = 7 + 8 * bool(flags & 0x08) + 4 * bool(flags & 0x01) + 4
    if head[block - 1] & 0x80:  # the block is stored as it is
        return head[block:]
    length, start = head[block] >> 4, block + 1
    while length >= 15 and start < len(head):
        length += head[start]
        start += 1
        if head[start - 1] != 255:
            break
    return head[start : start + length]


def _inflate(reader: RangedReader, method: str) -> Iterator[bytes]:
    if method == "zlib":
        return _pieces(reader, _Zlib(zlib.decompressobj()))
    if method == "gzip":
        return _pieces(reader, _Zlib(zlib.decompressobj(31)))
    if method == "bzip2":
        return _pieces(reader, bz2.BZ2Decompressor())
    if method in {"xz", "lzma"}:
        return _pieces(reader, lzma.LZMADecompressor(memlimit=256 * 1024 * 1024))
    if method == "lz4":
        return lz4_frames.blocks(reader.read)
    raise Unsupported(f"compressed by {method}, which is not unpacked")


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class _Zlib:
    """zlib's object with the interface of the other two."""

    def __init__(self, inflater: zlib._Decompress) -> None:
        self._inflater = inflater

    @property
    def eof(self) -> bool:
        return self._inflater.eof

    @property
    def needs_input(self) -> bool:
        return not self._inflater.unconsumed_tail

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._inflater.decompress(self._inflater.unconsumed_tail + data, max_length)


def _pieces(reader: RangedReader, inflater: _Decompressor) -> Iterator[bytes]:
    position, inflated = 0, 0
    step = BLOCK_BYTES * 2
    try:
        while not inflater.eof:
            data = b""
            if inflater.needs_input:
                data = reader.read(position, position + step)
                position += len(data)
                step = min(step * 2, LARGEST_STEP)
                if not data:
                    raise Truncated("the compressed data end before their end mark")
            piece = inflater.decompress(data, 1024 * 1024)
            inflated += len(piece)
            if inflated > MAX_INFLATION * (position + BLOCK_BYTES):
                raise LimitExceeded("ratio of decompressed to compressed bytes", limit=MAX_INFLATION)
            if piece:
                yield piece
    except (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError) as error:
        raise Malformed(f"the compressed data are damaged: {error}") from error
