"""The members of an archive one after another, whatever packs them: tar (plain, gzip, bzip2, xz), zip, and names in 7z.

Nothing is unpacked to a disk, and no link is followed. A member gives a reader over its bytes, or over its beginning where
the archive is compressed: whoever reads further meets a limit.
"""

from __future__ import annotations

import lzma
import re
from collections.abc import Callable, Iterator

from catalog.errors import LimitExceeded, Malformed, Unsupported
from catalog.lazy_dataclasses import dataclass, replace
from crawler.formats import tars
from crawler.formats.byte_streams import (
    ByteStream,
    InflatedStream,
    ReaderStream,
    compression_of,
    unpacked_beginning,
)
from crawler.formats.zips import ZipDirectory, is_zip
from crawler.reader import RangedReader

MAX_MEMBERS = 10_000
MAX_MEMBER_HEAD_BYTES = 16 * 1024 * 1024
"""What of a member in a compressed archive is kept in memory: all of most files, the header of large weights."""
COMPRESSIONS = frozenset({"gzip", "bzip2", "xz", "zstd"})
"""What packs one file."""
ZIPPED = (".zip", ".whl", ".egg")
"""A zip may have a program in front of it; its directory is at its end."""
SEVEN_ZIP_MAGIC = b"7z\xbc\xaf\x27\x1c"
RAR_MAGIC = b"Rar!\x1a\x07"
MAX_7Z_HEADER_BYTES = 4 * 1024 * 1024

FILE, LINK, DIRECTORY, OTHER = "file", "link", "directory", "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveMember:
    """One member. `target` is where a link leads; `open` makes a reader over a file, once and before the next member."""

    name: str
    size_bytes: int
    kind: str
    target: str = ""
    encrypted: bool = False
    open: Callable[[], RangedReader]


_APPLE_DOUBLE = b"\x00\x05\x16\x07"


def is_apple_double(name: str, head: bytes) -> bool:
    """Whether a member is what macOS packs beside each file: its attributes, under the file's name behind `._`.

    Source: RFC 1740 (AppleSingle and AppleDouble).
    """
    return name.rsplit("/", 1)[-1].startswith("._") and head.startswith(_APPLE_DOUBLE)


def packing_of(key: str, head: bytes) -> str | None:
    """tar, tar.gz, zip, 7z and so on: what packs the file, by its first bytes and, where they say too little, by its name."""
    name = key.lower()
    if tars.begins_tar(head):
        return "tar"
    if head.startswith(SEVEN_ZIP_MAGIC):
        return "7z"
    if head.startswith(RAR_MAGIC):
        return "rar"
    if is_zip(head):
        return "zip"
    compression = compression_of(head)
    if compression is not None and tars.begins_tar(unpacked_beginning(head, tars.BLOCK_BYTES)):
        return f"tar.{compression}"
    if compression is not None and re.search(r"\.(?:tar\.\w+|t[gbxz][z2]2?|tzst)$", name):
        return f"tar.{compression}"
    if compression in COMPRESSIONS:
        return compression
    return "zip" if name.endswith(ZIPPED) else None


def tar_members(reader: RangedReader, compression: str | None) -> Iterator[ArchiveMember]:
    """The members of a tar in one pass. Raises Malformed, LimitExceeded, Unsupported."""
    stream: ByteStream = ReaderStream(reader) if compression is None else InflatedStream(reader, compression)
    for header in tars.headers(stream):
        start = stream.position
        yield ArchiveMember(
            name=header.name,
            size_bytes=header.size_bytes,
            kind=_KINDS.get(header.kind, OTHER),
            target=header.target,
            open=_Opening(reader, stream, header),
        )
        stream.skip(start + header.padded_bytes - stream.position)


_KINDS = {b"0": FILE, b"\0": FILE, b"7": FILE, b"1": LINK, b"2": LINK, b"5": DIRECTORY}


class _Opening:
    """Opens the member at the stream's position."""

    def __init__(self, reader: RangedReader, stream: ByteStream, header: tars.TarHeader) -> None:
        self._reader = reader
        self._stream = stream
        self._name = header.name
        self._size_bytes = header.size_bytes

    def __call__(self) -> RangedReader:
        start, outer = self._stream.position, self._reader
        if not self._stream.is_inflated:
            return RangedReader(
                self._name,
                self._size_bytes,
                lambda first, last: outer.take(start + first, start + last),
                budget=outer.budget,
            )
        data = self._stream.take(min(self._size_bytes, MAX_MEMBER_HEAD_BYTES))
        return reader_of_beginning(outer, self._name, data, self._size_bytes)


def reader_of_beginning(outer: RangedReader, name: str, data: bytes, size_bytes: int) -> RangedReader:
    """A reader over a file of which only the beginning is at hand; what asks for more meets a limit."""

    def fetch(start: int, end: int) -> bytes:
        if end > len(data):
            what = "bytes of a member of a compressed archive"
            raise LimitExceeded(what, limit=len(data), found=size_bytes, inflated=True)
        return data[start:end]

    return RangedReader(name, size_bytes, fetch, budget=replace(outer.budget, bytes=MAX_MEMBER_HEAD_BYTES))


def whole_file(reader: RangedReader, compression: str, name: str) -> Iterator[ArchiveMember]:
    """A compressed file as an archive with one member, whose size nobody knows before it is unpacked."""

    def opened() -> RangedReader:
        stream = InflatedStream(reader, compression)
        data = stream.take_up_to(MAX_MEMBER_HEAD_BYTES)
        if not stream.at_end():
            raise Unsupported(
                f"{name[:200]!r} is larger than {MAX_MEMBER_HEAD_BYTES:,} bytes and compressed by {compression}"
            )
        return reader_of_beginning(reader, name, data, len(data))

    yield ArchiveMember(name=name, size_bytes=0, kind=FILE, open=opened)


def zip_members(directory: ZipDirectory) -> Iterator[ArchiveMember]:
    """The members of a zip. Raises LimitExceeded."""
    outer = directory.reader
    for number, member in enumerate(directory.members):
        if number >= MAX_MEMBERS:
            raise LimitExceeded("members of an archive", limit=MAX_MEMBERS, found=len(directory.members))

        def opened(member=member) -> RangedReader:  # type: ignore[no-untyped-def]  # noqa: ANN001 - bound to this turn
            if member.method == 0 and member.stored_bytes == member.size_bytes and not member.encrypted:
                inner = directory.open_stored(member)
                return RangedReader(member.name, inner.size_bytes, inner.take, budget=outer.budget)
            data = directory.read_start(member, MAX_MEMBER_HEAD_BYTES)
            return reader_of_beginning(outer, member.name, data, member.size_bytes)

        yield ArchiveMember(
            name=member.name,
            size_bytes=member.size_bytes,
            kind=DIRECTORY if member.is_directory else FILE,
            encrypted=member.encrypted,
            open=opened,
        )


def names_in_7z(reader: RangedReader) -> list[str]:
    """Names that the header of a 7z archive holds. Raises Malformed, LimitExceeded, Unsupported (encrypted headers).

    The header is a compressed stream of its own at the end of the file. Its names are the one property whose size fits
    what is in it, found without walking all properties before it.
    Source: 7-Zip DOC/7zFormat.txt.
    """
    start = reader.take(0, 32)
    offset, size = int.from_bytes(start[12:20], "little"), int.from_bytes(start[20:28], "little")
    if size > MAX_7Z_HEADER_BYTES:
        raise LimitExceeded("bytes of a 7z header", limit=MAX_7Z_HEADER_BYTES, found=size)
    header = reader.take(32 + offset, 32 + offset + size)
    if header[:1] == b"\x17":
        header = _decoded_7z_header(reader, header)
    place = header.find(_NAMES)
    while place >= 0:
        if names := _names_at(header, place + 1):
            return names[:MAX_MEMBERS]
        place = header.find(_NAMES, place + 1)
    return []


_NAMES = b"\x11"


def _names_at(header: bytes, place: int) -> list[str]:
    """The names of a property that stands here; none if something else does."""
    try:
        numbers = _Numbers(header, place)
        size = numbers.number()
        if size < 4 or size % 2 == 0 or numbers.byte() != 0:
            return []
        text = numbers.take(size - 1).decode("utf-16-le")
    except (Malformed, UnicodeDecodeError):
        return []
    return text[:-1].split("\0") if text.endswith("\0") else []


_LZMA, _LZMA2 = b"\x03\x01\x01", b"\x21"


def _decoded_7z_header(reader: RangedReader, encoded: bytes) -> bytes:
    """The header out of its own packed stream: one folder of one coder, as every writer makes it."""
    numbers = _Numbers(encoded, 1)
    if numbers.byte() != 0x06:
        raise Malformed("a 7z header without its place")
    position, streams = numbers.number(), numbers.number()
    if streams != 1 or numbers.byte() != 0x09:
        raise Unsupported("a 7z header in several streams")
    packed = numbers.number()
    numbers.skip_past(b"\x07\x0b\x01\x00")
    if numbers.byte() != 1:
        raise Unsupported("a 7z header behind several coders")
    flags = numbers.byte()
    coder = numbers.take(flags & 0x0F)
    properties = numbers.take(numbers.number()) if flags & 0x20 else b""
    if numbers.byte() != 0x0C:
        raise Malformed("a 7z header without its size")
    size = numbers.number()
    if max(size, packed) > MAX_7Z_HEADER_BYTES:
        raise LimitExceeded("bytes of a 7z header", limit=MAX_7Z_HEADER_BYTES, found=size, inflated=True)
    data = reader.take(32 + position, 32 + position + packed)
    if coder not in {_LZMA, _LZMA2} or not properties:
        raise Unsupported("a 7z archive whose names are encrypted or packed in an unusual way")
    try:
        filters = [_lzma_filter(coder, properties)]
        return lzma.LZMADecompressor(format=lzma.FORMAT_RAW, filters=filters).decompress(data, size)
    except (lzma.LZMAError, ValueError, EOFError) as error:
        raise Malformed(f"the header of the 7z archive is damaged: {error}") from None


def _lzma_filter(coder: bytes, properties: bytes) -> dict[str, int]:
    if coder == _LZMA2:
        bits = properties[0]
        return {
            "id": lzma.FILTER_LZMA2,
            "dict_size": min((2 | bits & 1) << (bits // 2 + 11), MAX_7Z_HEADER_BYTES),
        }
    literal, rest = properties[0] % 9, properties[0] // 9
    size = int.from_bytes(properties[1:5], "little")
    return {
        "id": lzma.FILTER_LZMA1, "lc": literal, "lp": rest % 5, "pb": rest // 5,
        "dict_size": max(4096, min(size, MAX_7Z_HEADER_BYTES)),
    }  # fmt: skip


class _Numbers:
    """7z's numbers: the leading ones of the first byte say how many bytes follow."""

    def __init__(self, data: bytes, position: int) -> None:
        self._data = data
        self._position = position

    def byte(self) -> int:
        return self.take(1)[0]

    def take(self, length: int) -> bytes:
        data = self._data[self._position : self._position + length]
        if len(data) != length:
            raise Malformed("a 7z header that breaks off")
        self._position += length
        return data

    def number(self) -> int:
        first, mask, value = self.byte(), 0x80, 0
        for shift in range(8):
            if not first & mask:
                return value | (first & (mask - 1)) << (8 * shift)
            value |= self.byte() << (8 * shift)
            mask >>= 1
        return value

    def skip_past(self, mark: bytes) -> None:
        place = self._data.find(mark, self._position)
        if place < 0:
            raise Unsupported("a 7z header of several folders")
        self._position = place + len(mark)
