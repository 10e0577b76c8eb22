"""Protocol buffer messages, field by field, without a schema and without reading the payloads one does not ask for.

Source: protobuf.dev/programming-guides/encoding (wire types, varints, packed fields, groups).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from catalog.errors import LimitExceeded, Malformed, Truncated
from crawler.reader import BLOCK_BYTES, MAX_READ_BYTES, bytes_reader

if TYPE_CHECKING:
    from crawler.reader import RangedReader

VARINT = 0
FIXED64 = 1
BYTES = 2
GROUP_START = 3
GROUP_END = 4
FIXED32 = 5

MAX_FIELDS = 5_000_000
MAX_GROUP_DEPTH = 64
MAX_VARINT_BYTES = 10
MAX_FIELD_NUMBER = 2**29 - 1
MAX_TEXT_BYTES = 64 * 1024
LONGEST_TAG_BYTES = 2 * MAX_VARINT_BYTES  # a tag and the length or value behind it
MAX_WINDOW_BLOCKS = 16  # 1 MB in one request, while fields follow each other without large payloads
FIELDS_BETWEEN_CLOCK_LOOKS = 4096


class Field(NamedTuple):
    """One field: `value` of a number, or the place [start, end) of a payload that has not been read."""

    number: int
    wire: int
    value: int
    start: int
    end: int


class ProtobufWalker:
    """The messages of one file.

    Bounds: `max_fields` over the whole file, every length at most what is left of its parent, varints of 10 bytes,
    groups 64 deep. Messages are walked one level at a time; whoever descends keeps their own stack.
    """

    def __init__(self, reader: RangedReader, *, max_fields: int = MAX_FIELDS) -> None:
        self._reader = reader
        self._max_fields = max_fields
        self._fields = 0
        self._next_look = min(FIELDS_BETWEEN_CLOCK_LOOKS, max_fields + 1)
        self._window = b""
        self._base = 0
        self._blocks = 1

    @classmethod
    def over(cls, data: bytes, *, max_fields: int = MAX_FIELDS) -> ProtobufWalker:
        """A walker over bytes in memory."""
        return cls(bytes_reader("protobuf", data), max_fields=max_fields)

    @property
    def size(self) -> int:
        return self._reader.size_bytes

    def fields(self, start: int = 0, end: int | None = None) -> Iterator[Field]:
        """The fields of the message at [start, end) in file order; fields inside groups are left out."""
        stop = self.size if end is None else end
        position, groups = start, list[int]()
        while position < stop:
            field, position = self._field(position, stop)
            if field.wire == GROUP_START:
                groups.append(field.number)
                if len(groups) > MAX_GROUP_DEPTH:
                    raise LimitExceeded("nested protobuf groups", limit=MAX_GROUP_DEPTH)
            elif field.wire == GROUP_END:
                if not groups or groups.pop() != field.number:
                    raise Malformed("a protobuf group ends that was not open", where=f"byte {field.start}")
            elif not groups:
                yield field
        if groups:
            raise Malformed("a protobuf group is still open at the end of its message", where=f"byte {stop}")

    def bytes_of(self, field: Field, *, limit: int = MAX_READ_BYTES) -> bytes:
        """The payload of a length-delimited field."""
        length = field.end - field.start
        if length > limit:
            raise LimitExceeded(f"bytes of protobuf field {field.number}", limit=limit, found=length)
        return self._payload(field.start, field.end)

    def text_of(self, field: Field, *, limit: int = MAX_TEXT_BYTES) -> str:
        """The payload as text, cut at `limit` bytes; bytes that are not UTF-8 become U+FFFD."""
        return self._payload(field.start, min(field.end, field.start + limit)).decode(
            "utf-8", errors="replace"
        )

    def _payload(self, start: int, end: int) -> bytes:
        if self._base <= start and end <= self._base + len(self._window):
            return self._window[start - self._base : end - self._base]
        return self._reader.take(start, end)

    def numbers_of(self, field: Field, *, limit: int = 4096) -> list[int]:
        """The unsigned numbers of a repeated varint field, packed or not."""
        if field.wire != BYTES:
            return [field.value]
        data, numbers, position = self.bytes_of(field, limit=limit * MAX_VARINT_BYTES), list[int](), 0
        try:
            while position < len(data):
                value, position = _varint(data, position, len(data))
                numbers.append(value)
                if len(numbers) > limit:
                    raise LimitExceeded(f"numbers in protobuf field {field.number}", limit=limit)
        except _CutOffError:
            raise Malformed("packed protobuf numbers are cut off", where=f"byte {field.start}") from None
        return numbers

    def _field(self, position: int, stop: int) -> tuple[Field, int]:
        self._fields += 1
        if self._fields >= self._next_look:
            self._look()
        window, base = self._window, self._base
        at = position - base
        if at < 0 or at + LONGEST_TAG_BYTES > len(window):
            window, base = self._at(position)
            at = position - base
        limit = min(len(window), stop - base)
        try:
            # nearly all tags and most lengths are one byte: a call each would cost more than all the rest
            tag = window[at] if at < limit else 0x80
            if tag < 0x80:
                at += 1
            else:
                tag, at = _varint(window, at, limit)
            number, wire = tag >> 3, tag & 7
            if not 0 < number <= MAX_FIELD_NUMBER:
                raise Malformed(f"protobuf field number {number}", where=f"byte {position}")
            if wire in {VARINT, BYTES}:
                value = window[at] if at < limit else 0x80
                if value < 0x80:
                    at += 1
                else:
                    value, at = _varint(window, at, limit)
                if wire == VARINT:
                    return Field(number, wire, value, base + at, base + at), base + at
                start = base + at
                if value > stop - start:
                    broken_off = start + value > self.size
                    raise (Truncated if broken_off else Malformed)(
                        f"protobuf field {number} of {value} bytes is longer than its message",
                        where=f"byte {position}",
                    )
                return Field(number, wire, 0, start, start + value), start + value
            if wire in {FIXED32, FIXED64}:
                width = 4 if wire == FIXED32 else 8
                if at + width > limit:
                    raise Malformed(f"protobuf field {number} is cut off", where=f"byte {position}")
                value = int.from_bytes(window[at : at + width], "little")
                return Field(number, wire, value, base + at, base + at + width), base + at + width
            if wire in {GROUP_START, GROUP_END}:
                return Field(number, wire, 0, base + at, base + at), base + at
        except _CutOffError:
            raise Malformed("a protobuf message is cut off", where=f"byte {position}") from None
        raise Malformed(f"protobuf wire type {wire}", where=f"byte {position}")

    def _at(self, position: int) -> tuple[bytes, int]:
        """A window that holds the whole tag at `position`, and where it begins.

        The next block is asked for only when the tag reaches into it. Reading on without hops doubles what one request
        fetches; after a hop it is one block again.
        """
        while True:
            offset, end = position - self._base, self._base + len(self._window)
            inside = offset >= 0 and position < end
            if inside and (
                position + LONGEST_TAG_BYTES <= end or end >= self.size or _ends_inside(self._window[offset:])
            ):
                return self._window, self._base
            start = position - position % BLOCK_BYTES
            goes_on = inside or start == end
            self._blocks = min(self._blocks * 2, MAX_WINDOW_BLOCKS) if goes_on else 1
            self._window, self._base = self._reader.read(start, start + self._blocks * BLOCK_BYTES), start

    def _look(self) -> None:
        """At the budget and the clock, now and then."""
        if self._fields > self._max_fields:
            raise LimitExceeded("protobuf fields of one file", limit=self._max_fields)
        self._reader.check_time()
        self._next_look = min(self._fields + FIELDS_BETWEEN_CLOCK_LOOKS, self._max_fields + 1)


def signed(value: int) -> int:
    """An int32 or int64 field's value: negative numbers travel as ten-byte varints."""
    return value - 2**64 if value >= 2**63 else value


def as_float(field: Field) -> float:
    """The value of a `float` or `double` field."""
    if field.wire == FIXED32:
        number: float = struct.unpack("<f", field.value.to_bytes(4, "little"))[0]
        return number
    if field.wire == FIXED64:
        wide: float = struct.unpack("<d", field.value.to_bytes(8, "little"))[0]
        return wide
    raise Malformed(f"protobuf field {field.number} is not a floating number")


def sniff(head: bytes, *, limit: int = 64) -> list[Field]:
    """The first fields of a file from its first bytes alone: none when they are not protobuf.

    The last field may reach beyond `head`; its place is given as the file has it.
    """
    fields, position = list[Field](), 0
    while position < len(head) and len(fields) < limit:
        try:
            tag, at = _varint(head, position, len(head))
            number, wire = tag >> 3, tag & 7
            if not 0 < number <= MAX_FIELD_NUMBER or wire not in {VARINT, BYTES, FIXED32, FIXED64}:
                return []
            value, end = 0, at
            if wire == VARINT:
                value, end = _varint(head, at, len(head))
                at = end
            elif wire == BYTES:
                length, at = _varint(head, at, len(head))
                end = at + length
            else:
                end = at + (4 if wire == FIXED32 else 8)
        except _CutOffError:
            break
        except Malformed:
            return []
        fields.append(Field(number, wire, value, at, end))
        position = end
    return fields


class _CutOffError(Exception):
    """The bytes end within a varint."""


def _varint(data: bytes, position: int, limit: int) -> tuple[int, int]:
    value = shift = 0
    for at in range(position, min(limit, position + MAX_VARINT_BYTES)):
        byte = data[at]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            if value >= 2**64:
                raise Malformed("a protobuf varint is wider than 64 bits")
            return value, at + 1
        shift += 7
    if limit - position >= MAX_VARINT_BYTES:
        raise Malformed(f"a protobuf varint is longer than {MAX_VARINT_BYTES} bytes")
    raise _CutOffError


def _ends_inside(data: bytes) -> bool:
    """Whether a tag and the varint behind it are complete; fixed values need up to 8 bytes more."""
    try:
        tag, at = _varint(data, 0, len(data))
        if tag & 7 in {VARINT, BYTES}:
            _varint(data, at, len(data))
            return True
    except _CutOffError:
        return False
    except Malformed:
        return True
    needed = {FIXED32: 4, FIXED64: 8}.get(tag & 7, 0)
    return at + needed <= len(data)
