"""Records of TensorFlow one after the other: length, its checksum, content, the content's checksum.

Source: tensorflow/tensorflow tensorflow/core/lib/io/record_writer.cc (`RecordWriter::WriteRecord`), core/lib/hash/crc32c.h
(`Mask`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from catalog.errors import Malformed

HEADER_BYTES = 12
FOOTER_BYTES = 4
_POLYNOMIAL = 0x82F63B78
_MASK = 0xA282EAD8


def records(data: bytes, *, begin: int = 0) -> Iterator[tuple[int, int]]:
    """The place [start, end) of the content of each record; one that is cut off at the end is left out. Raises Malformed at a
    length that has another checksum.
    """
    position = begin
    while position + HEADER_BYTES <= len(data):
        if not is_header(data, position):
            raise Malformed("the length of a record has another checksum", where=f"byte {position}")
        start = position + HEADER_BYTES
        end = start + int.from_bytes(data[position : position + 8], "little")
        position = end + FOOTER_BYTES
        if position > len(data):
            return
        yield start, end


def first_record(data: bytes, content: bytes) -> int | None:
    """Where the first whole record begins in bytes from the middle of a file, if its content begins with `content`."""
    for match in re.finditer(rb"(?=[\s\S]{4}\0{4}[\s\S]{4}" + re.escape(content) + rb")", data):
        if is_header(data, match.start()):
            return match.start()
    return None


def is_header(data: bytes, position: int) -> bool:
    """Whether the eight bytes at the position are followed by their own checksum."""
    checksum = int.from_bytes(data[position + 8 : position + HEADER_BYTES], "little")
    return masked_checksum(data[position : position + 8]) == checksum


@lru_cache(maxsize=4096)  # lengths of records repeat
def masked_checksum(data: bytes) -> int:
    """CRC-32C, turned and shifted as TensorFlow writes it."""
    checksum = 0xFFFFFFFF
    for byte in data:
        checksum = _TABLE[(checksum ^ byte) & 0xFF] ^ (checksum >> 8)
    checksum ^= 0xFFFFFFFF
    return ((checksum >> 15 | checksum << 17) + _MASK) & 0xFFFFFFFF


def _entry(byte: int) -> int:
    for _ in range(8):
        byte = (byte >> 1) ^ (_POLYNOMIAL if byte & 1 else 0)
    return byte


_TABLE = tuple(map(_entry, range(256)))
