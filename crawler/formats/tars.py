"""Tar archives by their 512-byte headers: names, sizes and places, no extraction.

Links, devices and sparse members are listed as what they are and never followed.
Source: POSIX.1-2001 pax, section "ustar Interchange Format".
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping

from catalog.errors import LimitExceeded, Malformed, Unsupported
from catalog.lazy_dataclasses import dataclass
from crawler.formats.byte_streams import ByteStream
from crawler.reader import RangedReader

BLOCK_BYTES = 512
MAX_MEMBERS = 10_000
MAX_PADDING_BLOCKS = 2_048
MAX_PAX_BYTES = 64 * 1024
MAX_GZIP_INPUT_BYTES = 64 * 1024 * 1024
MAX_GZIP_OUTPUT_BYTES = 256 * 1024 * 1024
GZIP_MAGIC = b"\x1f\x8b"
_CHUNK_BYTES = 256 * 1024
_REGULAR = {b"0", b"\0", b"7"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TarMember:
    """One member. [start, end) is its data inside the archive; `regular` is False for links, devices and directories."""

    name: str
    start: int
    end: int
    regular: bool


def begins_tar(head: bytes) -> bool:
    """Whether readers of tars take these first bytes, of POSIX or before: the checksum alone decides for them."""
    return len(head) >= BLOCK_BYTES and _checksum_is_right(head[:BLOCK_BYTES])


@dataclass(frozen=True, slots=True, kw_only=True)
class TarHeader:
    """One member's header; `kind` is the type flag, `target` where a link leads."""

    name: str
    kind: bytes
    size_bytes: int
    target: str

    @property
    def padded_bytes(self) -> int:
        return -(-self.size_bytes // BLOCK_BYTES) * BLOCK_BYTES


def headers(stream: ByteStream) -> Iterator[TarHeader]:
    """The headers of an archive that is read in one pass; the reader moves the stream behind each member's data.

    Raises Malformed (also where the archive ends without its end mark), LimitExceeded.
    """
    name, target, size_given = None, None, None
    for _ in range(MAX_MEMBERS):
        block = stream.take_up_to(BLOCK_BYTES)
        if len(block) == BLOCK_BYTES and not block.strip(b"\0"):
            _check_end(stream)
            return
        if len(block) < BLOCK_BYTES:
            raise Malformed("a tar that breaks off", where=f"byte {stream.position}")
        stream.check_time()
        size, kind = _header_size(block, stream.position - BLOCK_BYTES), block[156:157]
        if kind in {b"L", b"K", b"x", b"g"}:
            if size > MAX_PAX_BYTES:
                raise LimitExceeded("bytes of a tar's extended header", limit=MAX_PAX_BYTES, found=size)
            data = stream.take(size)
            stream.skip(-size % BLOCK_BYTES)
            if kind == b"K":
                target = data.rstrip(b"\0").decode("utf-8", errors="replace")
            elif kind == b"L":
                name = data.rstrip(b"\0").decode("utf-8", errors="replace")
            elif kind == b"x":
                name = _pax_value(data, b"path") or name
                target = _pax_value(data, b"linkpath") or target
                given = _pax_value(data, b"size")
                size_given = int(given) if given is not None and given.isdecimal() else None
            continue
        has_data = kind not in {b"1", b"2", b"3", b"4", b"5", b"6"}
        yield TarHeader(
            name=name or _name(block),
            kind=kind,
            size_bytes=(size if size_given is None else size_given) if has_data else 0,
            target=target or block[157:257].split(b"\0")[0].decode("utf-8", errors="replace"),
        )
        name, target, size_given = None, None, None
    raise LimitExceeded("members of a tar archive", limit=MAX_MEMBERS)


def _check_end(stream: ByteStream) -> None:
    """Raises Unsupported where something follows the end mark: some readers stop there, and some go on."""
    for _ in range(MAX_PADDING_BLOCKS):
        block = stream.take_up_to(BLOCK_BYTES)
        if not block:
            return
        if block.strip(b"\0"):
            raise Unsupported(f"something follows the end of the tar, before byte {stream.position}")


def _pax_value(data: bytes, key: bytes) -> str | None:
    for line in data.split(b"\n"):
        _, _, record = line.partition(b" ")
        if record.startswith(key + b"="):
            return record[len(key) + 1 :].decode("utf-8", errors="replace")
    return None


def members(reader: RangedReader) -> Iterator[TarMember]:
    """The members of an uncompressed archive, one header read each. Raises Malformed, LimitExceeded."""
    position, long_name = 0, None
    for _ in range(MAX_MEMBERS):
        block = reader.read(position, position + BLOCK_BYTES)
        if len(block) < BLOCK_BYTES or not block.strip(b"\0"):
            return
        size = _header_size(block, position)
        start, kind = position + BLOCK_BYTES, block[156:157]
        if start + size > reader.size_bytes:
            raise Malformed("a tar member larger than its archive", where=f"byte {position}")
        if kind in {b"L", b"x"}:
            if size > MAX_PAX_BYTES:
                raise LimitExceeded("bytes of a tar's extended header", limit=MAX_PAX_BYTES, found=size)
            long_name = _long_name(kind, reader.take(start, start + size)) or long_name
        elif kind != b"g":
            yield TarMember(
                name=long_name or _name(block), start=start, end=start + size, regular=kind in _REGULAR
            )
            long_name = None
        position = start + -(-size // BLOCK_BYTES) * BLOCK_BYTES
    raise LimitExceeded("members of a tar archive", limit=MAX_MEMBERS)


def member_reader(reader: RangedReader, member: TarMember) -> RangedReader:
    """A reader over one member, whose requests count against the archive's own budget."""

    def fetch(start: int, end: int) -> bytes:
        return reader.take(member.start + start, member.start + end)

    return RangedReader(reader.key, member.end - member.start, fetch, budget=reader.budget)


def gzip_members(reader: RangedReader, suffixes: Mapping[str, int]) -> Iterator[tuple[str, bytes]]:
    """Name and data of the members whose names end so, in one pass over a gzip stream; `suffixes` says the most bytes
    that one of each may have. Raises Malformed, and LimitExceeded after the others if one was too large.
    """
    stream = _Inflated(reader)
    too_large: LimitExceeded | None = None
    for _ in range(MAX_MEMBERS):
        block = stream.take(BLOCK_BYTES)
        if len(block) < BLOCK_BYTES or not block.strip(b"\0"):
            break
        size = _header_size(block, stream.position)
        name = _name(block)
        limit = next((most for suffix, most in suffixes.items() if name.endswith(suffix)), None)
        padding = -size % BLOCK_BYTES
        if limit is None or block[156:157] not in _REGULAR:
            stream.skip(size + padding)
            continue
        if size > limit:
            too_large = LimitExceeded(
                "bytes of a member of a compressed tar", limit=limit, found=size, inflated=True
            )
            stream.skip(size + padding)
            continue
        yield name, stream.take(size)
        stream.skip(padding)
    if too_large is not None:
        raise too_large


class _Inflated:
    """The plain bytes of a gzip stream, forward only."""

    def __init__(self, reader: RangedReader) -> None:
        self._reader = reader
        self._inflate = zlib.decompressobj(wbits=31)
        self._read_to = self._made = self.position = 0
        self._ready = bytearray()

    def take(self, count: int) -> bytes:
        while len(self._ready) < count and self._more():
            pass
        data = bytes(memoryview(self._ready)[:count])
        del self._ready[:count]
        self.position += len(data)
        return data

    def skip(self, count: int) -> None:
        while count > 0:
            step = len(self.take(min(count, _CHUNK_BYTES)))
            if step == 0:
                return
            count -= step

    def _more(self) -> bool:
        self._reader.check_time()
        data = self._inflate.unconsumed_tail
        if not data:
            if self._read_to >= MAX_GZIP_INPUT_BYTES:
                raise LimitExceeded("bytes read of a gzip stream", limit=MAX_GZIP_INPUT_BYTES)
            data = self._reader.read(self._read_to, self._read_to + _CHUNK_BYTES)
            self._read_to += len(data)
        if not data or self._inflate.eof:
            return False
        try:
            piece = self._inflate.decompress(data, _CHUNK_BYTES)
        except zlib.error as error:
            raise Malformed(f"a broken gzip stream: {error}") from None
        self._made += len(piece)
        if self._made > MAX_GZIP_OUTPUT_BYTES:
            raise LimitExceeded("bytes inflated of a gzip stream", limit=MAX_GZIP_OUTPUT_BYTES)
        self._ready += piece
        return True


def _header_size(block: bytes, position: int) -> int:
    if not _checksum_is_right(block):
        raise Malformed("a tar header with a wrong checksum", where=f"byte {position}")
    field = block[124:136]
    if field[0] & 0x80:  # base-256, for members over 8 GB
        return int.from_bytes(field[1:], "big")
    try:
        return int(field.strip(b" \0") or b"0", 8)
    except ValueError:
        raise Malformed("a tar member without a size", where=f"byte {position}") from None


def _checksum_is_right(block: bytes) -> bool:
    try:
        checksum = int(block[148:156].strip(b" \0") or b"-1", 8)
    except ValueError:
        return False
    return checksum == sum(block[:148]) + 8 * 0x20 + sum(block[156:])


def _name(block: bytes) -> str:
    name, prefix = block[:100].split(b"\0")[0], b""
    if block[257:263] == b"ustar\0":
        prefix = block[345:500].split(b"\0")[0]
    joined = prefix + b"/" + name if prefix else name
    return joined.decode("utf-8", errors="replace")


def _long_name(kind: bytes, data: bytes) -> str | None:
    if kind == b"L":
        return data.rstrip(b"\0").decode("utf-8", errors="replace")
    return _pax_value(data, b"path")
