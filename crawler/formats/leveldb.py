"""The table of keys and values at the end of which LevelDB puts its magic number: TensorFlow's checkpoint index.

Source: google/leveldb doc/table_format.md; tensorflow/tensorflow tensorflow/core/lib/io/format.h.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from catalog.errors import LimitExceeded, Malformed, Unsupported

if TYPE_CHECKING:
    from crawler.reader import RangedReader

MAGIC = bytes.fromhex("57fb808b247547db")
FOOTER_BYTES = 48
MAX_BLOCK_BYTES = 8 * 1024 * 1024  # written with 256 kB
MAX_BLOCKS = 100_000
MAX_ENTRIES = 1_000_000
MAX_KEY_BYTES = 8 * 1024
TRAILER_BYTES = 5  # one byte of compression, four of checksum

_COMPRESSIONS = {1: "snappy", 2: "zlib", 4: "zstd"}


def is_table(reader: RangedReader) -> bool:
    """Whether the file ends as a table does."""
    return reader.size_bytes >= FOOTER_BYTES and reader.tail(len(MAGIC)) == MAGIC


def entries(reader: RangedReader) -> Iterator[tuple[bytes, bytes]]:
    """All keys with their values, in order. Raises Malformed, LimitExceeded, Unsupported (compressed blocks)."""
    if not is_table(reader):
        raise Malformed("not a LevelDB table: the magic number at its end is missing")
    footer = reader.tail(FOOTER_BYTES)
    at = 0
    numbers = []
    for _ in range(4):
        number, at = _varint(footer, at)
        numbers.append(number)
    index = _block(reader, numbers[2], numbers[3])
    count = 0
    for number, (_, handle) in enumerate(_pairs(index)):
        if number >= MAX_BLOCKS:
            raise LimitExceeded("blocks of a LevelDB table", limit=MAX_BLOCKS)
        offset, place = _varint(handle, 0)
        size, _ = _varint(handle, place)
        for pair in _pairs(_block(reader, offset, size)):
            count += 1
            if count > MAX_ENTRIES:
                raise LimitExceeded("entries of a LevelDB table", limit=MAX_ENTRIES)
            yield pair


def _block(reader: RangedReader, offset: int, size: int) -> bytes:
    if size > MAX_BLOCK_BYTES:
        raise LimitExceeded("bytes of a LevelDB block", limit=MAX_BLOCK_BYTES, found=size)
    data = reader.take(offset, offset + size + TRAILER_BYTES)
    kind = data[size]
    if kind:
        raise Unsupported(f"a LevelDB block compressed with {_COMPRESSIONS.get(kind, f'method {kind}')}")
    return data[:size]


def _pairs(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The entries of a block: keys share their beginnings; a list of restart points ends it."""
    if len(block) < 4:
        raise Malformed("a LevelDB block is cut off")
    end = len(block) - 4 - 4 * int.from_bytes(block[-4:], "little")
    if end < 0:
        raise Malformed("a LevelDB block whose restart points do not fit")
    at, key = 0, b""
    while at < end:
        shared, at = _varint(block, at)
        added, at = _varint(block, at)
        length, at = _varint(block, at)
        if shared > len(key) or at + added + length > end:
            raise Malformed("a LevelDB entry is longer than its block")
        if shared + added > MAX_KEY_BYTES:
            raise LimitExceeded("bytes of a LevelDB key", limit=MAX_KEY_BYTES, found=shared + added)
        key = key[:shared] + block[at : at + added]
        at += added
        yield key, block[at : at + length]
        at += length


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            break
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise Malformed("a LevelDB number is cut off")
