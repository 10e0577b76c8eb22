"""An LZ4 frame, unpacked block by block: what joblib writes where it is told to compress by `lz4`.

Written here because the standard library has no LZ4, and the beginning of a file decides whether it is a pickle.
Source: lz4/lz4 doc/lz4_Frame_format.md and lz4_Block_format.md; joblib/joblib joblib/compressor.py, `LZ4CompressorWrapper`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from catalog.errors import LimitExceeded, Malformed, Truncated, Unsupported
from catalog.lazy_dataclasses import dataclass

MAGIC = b"\x04\x22\x4d\x18"
MAX_UNPACKED_BYTES = 32 * 1024 * 1024
"""Where matches are short, Python unpacks some 5 MB a second."""
WINDOW_BYTES = 64 * 1024
"""So far back a match may lie."""
SHORTEST_MATCH = 4
_IS_STORED = 0x8000_0000
_LONG = 15
_BLOCK_BYTES = {4: 64 * 1024, 5: 256 * 1024, 6: 1024 * 1024, 7: 4 * 1024 * 1024}

Take = Callable[[int, int], bytes]
"""Bytes [start, end) of the frame, fewer at its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Frame:
    """What the head of a frame says: where its blocks begin, how large one may be, and what stands behind each."""

    start: int
    block_bytes: int
    are_linked: bool
    checksum_bytes: int


def blocks(take: Take) -> Iterator[bytes]:
    """The content of the first frame, a block at a time. Raises Malformed, Truncated, Unsupported, LimitExceeded."""
    frame = _frame(take(0, 19))
    position, window, total = frame.start, b"", 0
    while (size := int.from_bytes(_exactly(take, position, 4), "little")) != 0:
        length = size & ~_IS_STORED
        if length > frame.block_bytes:
            raise Malformed(f"an LZ4 block of {length} bytes", where=f"byte {position}")
        data = _exactly(take, position + 4, length)
        block = data if size & _IS_STORED else _unpacked(data, window, frame.block_bytes)
        total += len(block)
        if total > MAX_UNPACKED_BYTES:
            raise LimitExceeded("bytes out of an LZ4 frame", limit=MAX_UNPACKED_BYTES, inflated=True)
        yield block
        window = (window + block)[-WINDOW_BYTES:] if frame.are_linked else b""
        position += 4 + length + frame.checksum_bytes


def _frame(head: bytes) -> _Frame:
    if len(head) < 7 or not head.startswith(MAGIC):
        raise Malformed("no LZ4 frame")
    flags, block_bytes = head[4], _BLOCK_BYTES.get(head[5] >> 4 & 7)
    if flags >> 6 != 1 or block_bytes is None:
        raise Malformed("an LZ4 frame of an unknown version")
    if flags & 0x01:
        raise Unsupported("an LZ4 frame that needs a dictionary")
    return _Frame(
        start=7 + 8 * bool(flags & 0x08),
        block_bytes=block_bytes,
        are_linked=not flags & 0x20,
        checksum_bytes=4 * bool(flags & 0x10),
    )


def _exactly(take: Take, position: int, length: int) -> bytes:
    data = take(position, position + length)
    if len(data) != length:
        raise Truncated("the LZ4 data end before their end mark")
    return data


def _unpacked(data: bytes, window: bytes, most: int) -> bytes:
    """One block: literals and matches in what came before, of the block itself or of the window."""
    unpacked, first, position, end = bytearray(window), len(window), 0, len(data)
    try:
        while position < end:
            token = data[position]
            length, position = _length(data, position + 1, token >> 4)
            if position + length > end:
                raise Malformed("LZ4 literals that break off")
            unpacked += data[position : position + length]
            position += length
            if position == end:
                return bytes(unpacked[first:])
            offset = data[position] | data[position + 1] << 8
            length, position = _length(data, position + 2, token & _LONG)
            if len(unpacked) - first + length > most:
                raise Malformed(f"an LZ4 block that unpacks to more than {most} bytes")
            _repeat(unpacked, offset, length + SHORTEST_MATCH)
    except IndexError:
        raise Malformed("an LZ4 block that breaks off") from None
    return bytes(unpacked[first:])


def _length(data: bytes, position: int, length: int) -> tuple[int, int]:
    """A length that goes on in further bytes, as long as they are 255; and where it ends."""
    if length == _LONG:
        while (more := data[position]) == 255:
            length, position = length + 255, position + 1
        length, position = length + more, position + 1
    return length, position


def _repeat(unpacked: bytearray, offset: int, length: int) -> None:
    start = len(unpacked) - offset
    if offset == 0 or start < 0:
        raise Malformed("an LZ4 match before the beginning")
    if length <= offset:
        unpacked += unpacked[start : start + length]
        return
    piece = bytes(unpacked[start:])  # a match that reaches into itself repeats what it is made of
    unpacked += (piece * (length // offset + 1))[:length]
