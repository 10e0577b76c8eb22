"""A zip's directory within bounds, and single members of it: at most the ranges that were asked for.

The directory is believed only after it was counted: the number of entries and the size of the directory come from the end
record and meet their limits before a single entry is parsed. What readers of zip files disagree about (duplicate names,
local headers that say something else, flags of encryption, checksums, overlapping members) is an `Oddity`, because a
file that two readers understand differently cannot be called checked.

Source: PKWARE APPNOTE 6.3.10 sections 4.3 and 4.4; CPython Lib/zipfile, whose refusals these oddities name.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator

from catalog.errors import ExtractError, LimitExceeded, Malformed, Truncated, Unsupported
from catalog.lazy_dataclasses import dataclass
from crawler.reader import MAX_READ_BYTES, RangedReader

TAIL_BYTES = 64 * 1024 + 22  # the longest comment and the end record
MAX_ENTRIES = 100_000  # 200,000 entries cost 0.9 s and 145 MB with the standard library
MAX_DIRECTORY_BYTES = 16 * 1024 * 1024
MAX_NAME_BYTES = 1024
MAX_MEMBER_BYTES = 64 * 1024 * 1024
MAX_TOTAL_BYTES = 128 * 1024 * 1024
MAX_RATIO = 200  # a bomb of 200 MB packs 1,028 to 1
RATIO_FREE_BYTES = 1024 * 1024
MAX_AHEAD_BYTES = 4 * 1024 * 1024
MAX_GAP_BYTES = 128 * 1024  # fetching a gap of two blocks is cheaper than one more request

STORED, DEFLATED = 0, 8
_END = b"PK\x05\x06"
_LOCATOR = b"PK\x06\x07"
_FOLLOWED = "bytes follow the end record"
_END64 = b"PK\x06\x06"
_CENTRAL = b"PK\x01\x02"
_LOCAL = b"PK\x03\x04"
BEGINNINGS = (_LOCAL, _END)
"""A zip begins with a member, or with its end where it has none."""
_ENCRYPTED, _PATCH, _STRONG, _MASKED = 0x1, 0x20, 0x40, 0x2000
_DESCRIPTOR, _UTF8 = 0x8, 0x800
_LOCAL_EXTRA_GUESS = 256  # torch pads extra fields so that data starts at a multiple of 64
_CENTRAL_STRUCT = struct.Struct("<4s6H3L5H2L")
_LOCAL_STRUCT = struct.Struct("<4s5H3L2H")


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One entry of the central directory."""

    name: str
    method: int
    flags: int
    crc32: int
    stored_bytes: int
    size_bytes: int
    header_offset: int
    name_bytes: int

    @property
    def encrypted(self) -> bool:
        return bool(self.flags & (_ENCRYPTED | _STRONG | _MASKED))

    @property
    def is_directory(self) -> bool:
        return self.name.endswith("/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Oddity:
    """Something on which readers of zip files disagree, or which they refuse. `code` is stable."""

    code: str  # duplicate | flags | checksum | local-header | overlap | bomb | name | two-ends | prefix | count | method
    detail: str
    member: str | None = None


class ZipDirectory:
    """The members of one zip, read on demand.

    `members` is the central directory in its order. `oddities` grows when members are read.
    """

    def __init__(self, reader: RangedReader, members: tuple[Member, ...], oddities: list[Oddity]) -> None:
        self.reader = reader
        self.members = members
        self.oddities = oddities
        self._by_name: dict[str, Member] = {}
        self.duplicates: frozenset[str] = self._index()
        self._inflated_bytes = 0

    def __contains__(self, name: str) -> bool:
        return name in self._by_name

    def names(self) -> list[str]:
        return [member.name for member in self.members]

    def find(self, name: str) -> Member | None:
        """The member of this name; of duplicates the last, as the standard library has it."""
        return self._by_name.get(name)

    def read_member(
        self, member: str | Member, cap: int = MAX_MEMBER_BYTES, *, lenient: bool = False
    ) -> bytes:
        """The whole content of one member.

        `lenient` notes a wrong checksum, a lying local header and odd flags as oddities and goes on, for scanners that
        must look where a loader might; otherwise they are Malformed.

        Bounds: `cap` bytes, 128 MB over all members of one file, 200 times its stored size above 1 MB.
        Raises: Malformed, LimitExceeded, Unsupported.
        """
        entry = self._entry(member)
        if entry.size_bytes > cap:
            raise LimitExceeded(
                f"bytes of zip member {entry.name[:200]!r}", limit=cap, found=entry.size_bytes, inflated=True
            )
        self._check_ratio(entry)
        start = self._data_start(entry, lenient=lenient)
        self._spend(entry.size_bytes)
        content = self._content(entry, start, entry.size_bytes)
        if len(content) != entry.size_bytes:
            self._odd("checksum", "holds fewer bytes than its directory entry says", entry, lenient=lenient)
        elif zlib.crc32(content) != entry.crc32:
            self._odd("checksum", "has a wrong checksum", entry, lenient=lenient)
        return content

    def read_start(self, member: str | Member, length: int) -> bytes:
        """The first bytes of one member, checksum unchecked."""
        entry = self._entry(member)
        start = self._data_start(entry, lenient=True)
        wanted = min(length, entry.size_bytes)
        self._spend(wanted)
        return self._content(entry, start, wanted)

    def may_begin(self, member: Member, magic: bytes) -> bool:
        """Whether the member begins so, whatever it is called; also where that cannot be told: whoever reads it says why."""
        try:
            return self.read_start(member, len(magic)).startswith(magic)
        except ExtractError:
            return True

    def read_ahead(self, members: Iterable[Member]) -> None:
        """Fetches small members that lie close together in one request each stretch, 4 MB in all."""
        start = stop = -1
        left = MAX_AHEAD_BYTES
        for member in sorted(members, key=lambda member: member.header_offset):
            end = member.header_offset + 30 + member.name_bytes + _LOCAL_EXTRA_GUESS + member.stored_bytes
            if start >= 0 and member.header_offset - stop <= MAX_GAP_BYTES and end - start <= left:
                stop = max(stop, end)
                continue
            if start >= 0 and stop - start <= left:
                self.reader.read(start, stop)
                left -= stop - start
            start, stop = member.header_offset, end
        if start >= 0 and stop - start <= left:
            self.reader.read(start, stop)

    def open_stored(self, member: str | Member) -> RangedReader:
        """A reader over one stored (not deflated) member, for files inside the zip. Its reads count in the outer file."""
        entry = self._entry(member)
        if entry.method != STORED or entry.stored_bytes != entry.size_bytes:
            raise Unsupported(f"zip member {entry.name[:200]!r} is compressed")
        start = self._data_start(entry, lenient=False)
        if start + entry.size_bytes > self.reader.size_bytes:
            raise Malformed(f"zip member {entry.name[:200]!r} ends outside the file")
        outer = self.reader
        return RangedReader(
            f"{outer.key}!{entry.name}",
            entry.size_bytes,
            lambda first, last: outer.take(start + first, start + last),
            budget=outer.budget,
        )

    def _entry(self, member: str | Member) -> Member:
        if isinstance(member, Member):
            return member
        if member in self.duplicates:
            raise Malformed(f"the zip holds {member[:200]!r} twice, readers disagree which one counts")
        entry = self._by_name.get(member)
        if entry is None:
            raise Malformed(f"the zip has no member {member[:200]!r}")
        return entry

    def _index(self) -> frozenset[str]:
        doubles = set()
        for member in self.members:
            if member.name in self._by_name:
                doubles.add(member.name)
            self._by_name[member.name] = member
        for name in sorted(doubles)[:20]:
            self.oddities.append(Oddity(code="duplicate", detail="is there twice", member=name))
        return frozenset(doubles)

    def _odd(self, code: str, detail: str, entry: Member, *, lenient: bool) -> None:
        if not lenient:
            raise Malformed(f"zip member {entry.name[:200]!r} {detail}")
        oddity = Oddity(code=code, detail=detail, member=entry.name)
        if oddity not in self.oddities and len(self.oddities) < 200:
            self.oddities.append(oddity)

    def _check_ratio(self, entry: Member) -> None:
        if entry.size_bytes > RATIO_FREE_BYTES and entry.size_bytes > MAX_RATIO * max(1, entry.stored_bytes):
            ratio = entry.size_bytes // max(1, entry.stored_bytes)
            raise LimitExceeded(
                f"compression ratio of zip member {entry.name[:200]!r}",
                limit=MAX_RATIO,
                found=ratio,
                inflated=True,
            )

    def _spend(self, size: int) -> None:
        self._inflated_bytes += size
        if self._inflated_bytes > MAX_TOTAL_BYTES:
            raise LimitExceeded(
                "bytes of all zip members read",
                limit=MAX_TOTAL_BYTES,
                found=self._inflated_bytes,
                inflated=True,
            )

    def _data_start(self, entry: Member, *, lenient: bool) -> int:
        """Where the member's bytes begin, after its local header was compared with the directory."""
        if entry.encrypted:
            self._odd("flags", "is encrypted", entry, lenient=lenient)
        if entry.flags & _PATCH:
            self._odd("flags", "is patched data", entry, lenient=lenient)
        ahead = 30 + entry.name_bytes + _LOCAL_EXTRA_GUESS + min(entry.stored_bytes, MAX_READ_BYTES // 2)
        self.reader.read(
            entry.header_offset, entry.header_offset + ahead
        )  # header and content in one request
        raw = self.reader.take(entry.header_offset, entry.header_offset + 30)
        signature, _, flags, method, _, _, crc32, stored, size, name_bytes, extra_bytes = (
            _LOCAL_STRUCT.unpack(raw)
        )
        if signature != _LOCAL:
            raise Malformed(f"zip member {entry.name[:200]!r} has no local header where its directory says")
        offset = entry.header_offset + 30
        name = _decoded(self.reader.take(offset, offset + min(name_bytes, MAX_NAME_BYTES)), flags)
        if name != entry.name or method != entry.method or (flags ^ entry.flags) & (_ENCRYPTED | _STRONG):
            self._odd("local-header", "has a local header that says something else", entry, lenient=lenient)
        lies = (crc32, stored, size) != (entry.crc32, entry.stored_bytes, entry.size_bytes)
        if lies and not flags & _DESCRIPTOR and 0xFFFFFFFF not in {stored, size}:
            self._odd("local-header", "has a local header with other sizes", entry, lenient=lenient)
        return offset + int(name_bytes) + int(extra_bytes)

    def _content(self, entry: Member, start: int, wanted: int) -> bytes:
        if entry.method == STORED:
            return b"".join(self._stored(start, min(wanted, entry.stored_bytes)))
        if entry.method != DEFLATED:
            raise Unsupported(f"zip member {entry.name[:200]!r} is compressed by method {entry.method}")
        inflater = zlib.decompressobj(-15)
        parts: list[bytes] = []
        total = 0
        try:
            for chunk in self._stored(start, entry.stored_bytes):
                part = inflater.decompress(chunk, wanted + 1 - total)
                total += len(part)
                parts.append(part)
                if total > wanted or inflater.eof:
                    break
        except zlib.error as error:
            raise Malformed(f"zip member {entry.name[:200]!r}: {error}") from error
        content = b"".join(parts)
        if len(content) > wanted == entry.size_bytes:
            raise Malformed(f"zip member {entry.name[:200]!r} inflates to more than its directory entry says")
        return content[:wanted]

    def _stored(self, start: int, length: int) -> Iterator[bytes]:
        position, end = start, start + length
        if end > self.reader.size_bytes:
            raise Malformed("a zip member ends outside the file")
        while position < end:
            step = min(end, position + MAX_READ_BYTES // 2)
            yield self.reader.take(position, step)
            self.reader.check_time()
            position = step


def is_zip(head: bytes) -> bool:
    """Whether a file that starts so is a zip."""
    return head.startswith(BEGINNINGS)


def has_end(reader: RangedReader) -> bool:
    """Whether something in the last bytes may be the end record of a zip, with which its readers begin."""
    return _END in reader.tail(TAIL_BYTES)


def open_zip(reader: RangedReader) -> ZipDirectory:
    """The directory of a zip, at most 100,000 entries of 16 MB in all.

    Raises: Malformed when there is none or it contradicts itself, LimitExceeded, Unsupported (several disks).
    """
    end, oddities = _find_end(reader)
    directory_offset, directory_bytes, entries, base = _locate(reader, end)
    if entries > MAX_ENTRIES:
        raise LimitExceeded("entries of a zip", limit=MAX_ENTRIES, found=entries)
    if directory_bytes > MAX_DIRECTORY_BYTES:
        raise LimitExceeded("bytes of a zip's directory", limit=MAX_DIRECTORY_BYTES, found=directory_bytes)
    if directory_bytes < entries * _CENTRAL_STRUCT.size:
        raise Malformed(f"a zip directory of {directory_bytes} bytes cannot hold {entries} entries")
    if base and is_zip(reader.head(4)) and any(oddity.detail == _FOLLOWED for oddity in oddities):
        raise Truncated("a zip without its directory, which is cut off: the last one belongs to a zip inside")
    if base:
        oddities.append(Oddity(code="prefix", detail=f"{base} bytes stand before the zip"))
    data = reader.take(directory_offset + base, directory_offset + base + directory_bytes)
    members = tuple(_entries(data, base, oddities))
    if len(members) != entries:
        oddities.append(Oddity(code="count", detail=f"{entries} entries announced, {len(members)} found"))
    _check_overlaps(members, directory_offset + base, oddities)
    return ZipDirectory(reader, members, oddities)


def _find_end(reader: RangedReader) -> tuple[int, list[Oddity]]:
    """The offset of the end record. Comments may contain something that looks like another one."""
    tail = reader.tail(TAIL_BYTES)
    base = reader.size_bytes - len(tail)
    fitting: list[int] = []
    first_any, position = -1, tail.rfind(_END)
    while position >= 0 and len(fitting) < 3:
        if position + 22 <= len(tail):
            first_any = position if first_any < 0 else first_any
            (comment,) = struct.unpack_from("<H", tail, position + 20)
            if position + 22 + comment == len(tail):
                fitting.append(position)
        position = tail.rfind(_END, 0, position + 3) if position > 0 else -1
    if not fitting and first_any < 0:
        raise Malformed("a zip without its end record: cut off, or not a zip")
    oddities = []
    if len(fitting) > 1:
        oddities.append(Oddity(code="two-ends", detail="two end records, readers disagree which one counts"))
    if not fitting:
        oddities.append(Oddity(code="two-ends", detail=_FOLLOWED))
    return base + (fitting[0] if fitting else first_any), oddities


def _locate(reader: RangedReader, end: int) -> tuple[int, int, int, int]:
    """Offset, bytes and entries of the directory, and how many bytes stand before the zip itself."""
    fields = struct.unpack("<4s4H2LH", reader.take(end, end + 22))
    disk, directory_disk, here, entries, size, offset = fields[1:7]
    directory_end = end
    if end >= 20:
        locator = reader.take(end - 20, end)
        if locator[:4] == _LOCATOR:
            _, _, end64, disks = struct.unpack("<4sLQL", locator)
            if disks > 1 or end64 + 56 > end:
                raise Malformed("a zip64 locator that points outside the file")
            directory_end = _end64_offset(reader, end, end64)
            record = struct.unpack("<4sQ2H2L4Q", reader.take(directory_end, directory_end + 56))
            disk, directory_disk, here, entries, size, offset = record[4:10]
    if disk or directory_disk or here != entries:
        raise Unsupported("a zip over several disks")
    base = directory_end - size - offset
    if base < 0:
        raise Malformed("a zip directory that lies outside the file")
    return offset, size, entries, base


def _end64_offset(reader: RangedReader, end: int, announced: int) -> int:
    for position in (end - 20 - 56, announced):  # behind prepended bytes the announced place is wrong
        if position >= 0 and reader.take(position, position + 4) == _END64:
            return position
    raise Malformed("a zip64 locator without its end record")


def _decoded(name: bytes, flags: int) -> str:
    if flags & _UTF8:
        return name.decode("utf-8", errors="backslashreplace")
    try:
        return name.decode("ascii")
    except UnicodeDecodeError:
        return name.decode("cp437")


def _entries(data: bytes, base: int, oddities: list[Oddity]) -> Iterator[Member]:
    position = 0
    while position + _CENTRAL_STRUCT.size <= len(data):
        fields = _CENTRAL_STRUCT.unpack_from(data, position)
        if fields[0] != _CENTRAL:
            raise Malformed("a zip directory with something else between its entries")
        flags, method = fields[3], fields[4]
        crc32, stored, size, name_bytes, extra_bytes, comment_bytes = fields[7:13]
        offset = fields[16]
        position += _CENTRAL_STRUCT.size
        stop = position + name_bytes + extra_bytes + comment_bytes
        if stop > len(data):
            raise Malformed("a zip directory entry that ends outside the directory")
        if name_bytes > MAX_NAME_BYTES:
            raise LimitExceeded("bytes of a zip member's name", limit=MAX_NAME_BYTES, found=name_bytes)
        name = _decoded(data[position : position + name_bytes], flags)
        extra = data[position + name_bytes : position + name_bytes + extra_bytes]
        position = stop
        size, stored, offset = _zip64(extra, size, stored, offset)
        member = Member(
            name=name,
            method=method,
            flags=flags,
            crc32=crc32,
            stored_bytes=stored,
            size_bytes=size,
            header_offset=offset + base,
            name_bytes=name_bytes,
        )
        _check_member(member, extra, oddities)
        yield member
    if position != len(data):
        raise Malformed("a zip directory with a part of an entry at its end")


def _zip64(extra: bytes, size: int, stored: int, offset: int) -> tuple[int, int, int]:
    """The 64-bit values that replace fields full of ones, in their fixed order. Source: APPNOTE 4.5.3."""
    position = 0
    while position + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, position)
        if kind == 1:
            values = iter(
                struct.unpack_from(f"<{min(length, len(extra) - position - 4) // 8}Q", extra, position + 4)
            )
            try:
                size = next(values) if size == 0xFFFFFFFF else size
                stored = next(values) if stored == 0xFFFFFFFF else stored
                offset = next(values) if offset == 0xFFFFFFFF else offset
            except StopIteration:
                raise Malformed("a zip64 field that is too short") from None
            break
        position += 4 + length
    return size, stored, offset


def _check_member(member: Member, extra: bytes, oddities: list[Oddity]) -> None:
    reasons = []
    if member.encrypted or member.flags & _PATCH:
        reasons.append(("flags", "is marked encrypted or patched"))
    if "\0" in member.name or b"\x75\x70" in extra[:2]:
        reasons.append(("name", "has two names"))
    if member.method not in {STORED, DEFLATED}:
        reasons.append(("method", f"is compressed by method {member.method}"))
    if member.method == STORED and member.stored_bytes != member.size_bytes:
        reasons.append(("count", "is stored with two different sizes"))
    if member.size_bytes > RATIO_FREE_BYTES and member.size_bytes > MAX_RATIO * max(1, member.stored_bytes):
        reasons.append(("bomb", f"inflates {member.size_bytes // max(1, member.stored_bytes)} times"))
    for code, detail in reasons:
        if len(oddities) < 200:
            oddities.append(Oddity(code=code, detail=detail, member=member.name))


def _check_overlaps(members: tuple[Member, ...], directory_offset: int, oddities: list[Oddity]) -> None:
    """Members that share bytes make a small file inflate without end. Source: D. Fifield, WOOT '19."""
    previous_end = 0
    for member in sorted(members, key=lambda member: member.header_offset):
        if member.header_offset < previous_end:
            oddities.append(
                Oddity(code="overlap", detail="shares its bytes with another member", member=member.name)
            )
            return
        previous_end = member.header_offset + 30 + member.name_bytes + member.stored_bytes
        if previous_end > directory_offset:
            oddities.append(Oddity(code="overlap", detail="reaches into the directory", member=member.name))
            return
