"""How long an object of a repository says that it is, before anything of it is unpacked: a pack of a megabyte may hold gigabytes.

Source: https://git-scm.com/docs/gitformat-pack (headers and deltas), git-scm.com/book, "Git Objects" (loose ones).
"""

from __future__ import annotations

import re
import zlib
from pathlib import Path
from typing import BinaryIO, NamedTuple

from catalog.errors import Malformed

HEAD_BYTES = 4096
"""Of compressed data; the lengths stand at its beginning."""
MAX_DELTAS = 60
"""Git makes chains of 50 at most unless it is told otherwise."""
OFFSET_DELTA, REFERENCE_DELTA = 6, 7
_LOOSE = re.compile(rb"(?:blob|tree|commit|tag) (\d{1,18})\0")


class Declared(NamedTuple):
    """What an object says of its length, and the greatest length of all that is unpacked to get it. Units: bytes."""

    size: int
    greatest: int


def loose_size(path: Path) -> Declared:
    """Of a loose object. Raises Malformed, OSError."""
    with path.open("rb") as file:
        match = _LOOSE.match(_inflated(file.read(HEAD_BYTES)))
    if match is None:
        raise Malformed("a loose object without a head")
    return Declared(int(match[1]), int(match[1]))


def packed_size(pack: Path, offset: int) -> Declared:
    """Of a packed object, and of all those in this pack that it is a delta of. Raises Malformed, OSError."""
    sizes: list[int] = []
    own: int | None = None
    with pack.open("rb") as file:
        for _ in range(MAX_DELTAS):
            kind, size, base = object_head(file, offset)
            sizes.append(size)
            if kind not in {OFFSET_DELTA, REFERENCE_DELTA}:
                return Declared(size if own is None else own, max(sizes))
            delta = _inflated(file.read(HEAD_BYTES))
            source, position = number_at(delta, 0)
            result, _ = number_at(delta, position)
            sizes += [source, result]
            own = result if own is None else own
            if base is None:  # it is named by its hash, and the delta says how long it is
                return Declared(own, max(sizes))
            offset -= base
            if offset <= 0:
                raise Malformed("a delta of what lies before its pack")
    raise Malformed(f"a chain of more than {MAX_DELTAS} deltas")


def object_head(file: BinaryIO, offset: int) -> tuple[int, int, int | None]:
    """Kind, length, and how far before it the base of a delta lies; what is read next is compressed."""
    file.seek(offset)
    first = _byte(file)
    kind, size, shift = (first >> 4) & 7, first & 15, 4
    while first & 0x80:
        first = _byte(file)
        size |= (first & 0x7F) << shift
        shift += 7
        if shift > 63:
            raise Malformed("a length of more than 63 bits")
    if kind == REFERENCE_DELTA:
        file.seek(20, 1)
    if kind != OFFSET_DELTA:
        return kind, size, None
    first = _byte(file)
    base = first & 0x7F
    while first & 0x80:
        first = _byte(file)
        base = ((base + 1) << 7) | (first & 0x7F)
        if base >= 1 << 62:
            raise Malformed("an offset of more than 62 bits")
    return kind, size, base


def _byte(file: BinaryIO) -> int:
    data = file.read(1)
    if not data:
        raise Malformed("a pack that ends in an object")
    return data[0]


def _inflated(data: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(data, 64)
    except zlib.error as error:
        raise Malformed(f"an object that does not unpack: {error}") from None


def number_at(data: bytes, position: int) -> tuple[int, int]:
    """A number of a delta, and where the next thing stands. Raises Malformed."""
    number = shift = 0
    while position < len(data) and shift < 63:
        byte = data[position]
        number |= (byte & 0x7F) << shift
        position, shift = position + 1, shift + 7
        if not byte & 0x80:
            return number, position
    raise Malformed("a delta without its lengths")
