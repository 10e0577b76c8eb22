"""FlatBuffers by hand: what a table holds, and offsets that point where they should not."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import ExtractError, LimitExceeded, Malformed
from crawler.formats.flatbuffer import Flatbuffer
from crawler.reader import bytes_reader


def table(*, text_offset=16):
    """Root offset, a vtable of two fields, a table {u32 7, offset to the text}, the text."""
    vtable = struct.pack("<HHHH", 8, 12, 4, 8)
    body = struct.pack("<iII", 8, 7, text_offset)
    return struct.pack("<I", 12) + vtable + body + bytes(12) + struct.pack("<I", 5) + b"hello\0"


def test_fields_are_read_by_number():
    root = Flatbuffer.over(table()).root()
    assert root.integer(0, "I") == 7
    assert root.text(1) == "hello"
    assert root.integer(2, "I", 42) == 42
    assert root.table(5) is None
    assert list(root.tables(5, 10)) == []


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0\0\0\0\0\0\0\0",
        struct.pack("<I", 2**31),
        struct.pack("<Ii", 4, 2**30) + bytes(8),
        struct.pack("<Ii", 4, -4) + struct.pack("<H", 3) + bytes(8),
        table(text_offset=2**30),
        table(text_offset=0),
    ],
)
def test_offsets_outside_are_malformed(data):
    with pytest.raises(Malformed):
        Flatbuffer.over(data).root().text(1)


def test_vector_longer_than_the_file_is_malformed():
    data = bytearray(table())
    data[36:40] = struct.pack("<I", 2**32 - 1)
    with pytest.raises(Malformed, match="does not fit"):
        Flatbuffer.over(bytes(data)).root().text(1)


def test_reads_in_one_buffer_are_bounded():
    buffer = Flatbuffer(bytes_reader("x", table()), max_reads=50)
    with pytest.raises(LimitExceeded, match="reads in one flatbuffer"):
        [buffer.root().text(1) for _ in range(100)]


@given(st.binary(max_size=200))
def test_any_bytes_are_a_table_or_a_typed_error(data):
    try:
        root = Flatbuffer.over(data).root()
        for field in range(6):
            root.text(field)
            for inner in root.tables(field, 5):
                inner.integer(0, "q")
    except ExtractError:
        pass
