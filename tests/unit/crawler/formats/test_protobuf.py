"""The protobuf walker on hand-made bytes: what a message holds, and every way it can lie."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import ExtractError, LimitExceeded, Malformed
from crawler.formats.protobuf import BYTES, VARINT, ProtobufWalker, as_float, signed, sniff
from crawler.reader import BLOCK_BYTES, RangedReader


def varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def tag(number, wire):
    return varint(number << 3 | wire)


def message(number, payload):
    return tag(number, 2) + varint(len(payload)) + payload


def test_fields_come_in_file_order_with_their_places():
    data = tag(1, 0) + varint(300) + message(2, b"name") + tag(3, 5) + b"\0\0\x80\x3f"
    walker = ProtobufWalker.over(data)
    number, text, float32 = walker.fields()
    assert (number.number, number.value) == (1, 300)
    assert walker.text_of(text) == "name"
    assert as_float(float32) == 1.0


def test_negative_numbers_are_ten_byte_varints():
    (field,) = ProtobufWalker.over(tag(1, 0) + varint(2**64 - 1)).fields()
    assert signed(field.value) == -1


def test_packed_numbers_are_read_like_repeated_ones():
    walker = ProtobufWalker.over(message(1, varint(1) + varint(300)) + tag(1, 0) + varint(5))
    assert [walker.numbers_of(field) for field in walker.fields()] == [[1, 300], [5]]


def test_packed_numbers_that_are_cut_off_are_malformed():
    walker = ProtobufWalker.over(message(1, b"\x01\x80"))
    with pytest.raises(Malformed, match="packed"):
        walker.numbers_of(next(iter(walker.fields())))


def test_groups_are_skipped_with_all_they_hold():
    data = tag(4, 3) + tag(1, 0) + b"\1" + tag(5, 3) + tag(5, 4) + tag(4, 4) + tag(2, 0) + b"\7"
    assert [(f.number, f.value) for f in ProtobufWalker.over(data).fields()] == [(2, 7)]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (tag(2, 2) + varint(2**62) + b"x", "longer than its message"),
        (b"\x80" * 12, "longer than 10 bytes"),
        (b"\xff" * 9 + b"\x7f", "wider than 64 bits"),
        (b"\x0f", "wire type 7"),
        (b"\x00\x00", "field number 0"),
        (tag(1, 0) + b"\x80", "cut off"),
        (tag(1, 5) + b"\0", "cut off"),
        (tag(1, 3), "still open"),
        (tag(1, 4), "was not open"),
        (tag(1, 3) + tag(2, 4), "was not open"),
    ],
)
def test_lies_of_a_message_are_malformed(data, says):
    with pytest.raises(Malformed, match=says):
        list(ProtobufWalker.over(data).fields())


def test_length_is_held_to_the_parent_and_not_to_the_file():
    inner = tag(1, 2) + varint(50)
    walker = ProtobufWalker.over(message(1, inner) + bytes(100))
    outer = next(iter(walker.fields()))
    with pytest.raises(Malformed, match="longer than its message"):
        list(walker.fields(outer.start, outer.end))


def test_number_of_fields_is_bounded():
    with pytest.raises(LimitExceeded, match="protobuf fields"):
        list(ProtobufWalker.over((tag(1, 0) + b"\1") * 11, max_fields=10).fields())


def test_groups_inside_groups_are_bounded():
    with pytest.raises(LimitExceeded, match="nested protobuf groups"):
        list(ProtobufWalker.over(tag(1, 3) * 100).fields())


def test_payloads_are_hopped_over_without_being_read():
    payload = bytes(40 * BLOCK_BYTES)
    data = message(1, b"head") + message(9, payload) + message(2, b"tail")
    ranges = []

    def fetch(start, end):
        ranges.append((start, end))
        return data[start:end]

    walker = ProtobufWalker(RangedReader("big", len(data), fetch))
    assert [walker.text_of(f) for f in walker.fields() if f.number != 9] == ["head", "tail"]
    assert len(ranges) == 2
    assert sum(end - start for start, end in ranges) <= 4 * BLOCK_BYTES


@pytest.mark.parametrize("shift", range(-24, 4))
def test_tags_at_the_border_of_two_blocks(shift):
    padding = BLOCK_BYTES + shift - len(message(1, bytes(BLOCK_BYTES))) + BLOCK_BYTES
    data = (
        message(1, bytes(padding)) + message(2, b"x" * 300) + tag(3, 1) + bytes(8) + tag(4, 0) + varint(2**60)
    )
    fields = list(ProtobufWalker.over(data).fields())
    assert [(f.number, f.value) for f in fields] == [(1, 0), (2, 0), (3, 0), (4, 2**60)]


@given(st.binary(max_size=300))
def test_any_bytes_are_fields_or_a_typed_error(data):
    walker = ProtobufWalker.over(data)
    try:
        for field in walker.fields():
            assert 0 <= field.start <= field.end <= len(data)
    except ExtractError:
        pass


@given(st.binary(max_size=300))
def test_sniffing_is_total_on_any_bytes(data):
    fields = sniff(data)
    assert all(field.wire in {VARINT, BYTES, 1, 5} for field in fields)
