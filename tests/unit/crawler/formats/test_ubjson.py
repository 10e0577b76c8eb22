"""UBJSON: values, optimised containers, and every way it can lie."""

from __future__ import annotations

import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import ExtractError, LimitExceeded, Malformed
from crawler.formats.ubjson import KEPT_ELEMENTS, Skipped, load


def length(number):
    return b"L" + struct.pack(">q", number)


def key(name):
    return length(len(name)) + name.encode()


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"i\xff", -1),
        (b"U\xff", 255),
        (b"I\x01\x00", 256),
        (b"l\x00\x00\x00\x07", 7),
        (b"d" + struct.pack(">f", 0.5), 0.5),
        (b"T", True),
        (b"Z", None),
        (b"S" + key("text"), "text"),
        (b"[i\x01i\x02]", [1, 2]),
        (b"[#i\x02i\x01i\x02", [1, 2]),
        (b"[$i#i\x03\x01\x02\x03", [1, 2, 3]),
        (b"{" + key("a") + b"i\x01" + key("b") + b"[]" + b"}", {"a": 1, "b": []}),
        (b"{#i\x01" + key("a") + b"i\x01", {"a": 1}),
        (b"[{" + key("a") + b"T}i\x05]", [{"a": True}, 5]),
    ],
)
def test_every_kind_of_value_is_read(data, value):
    assert load(data) == value


def test_long_typed_arrays_are_counted_and_not_built():
    count = KEPT_ELEMENTS + 1
    assert load(b"[$U#" + length(count) + bytes(count)) == Skipped(count)


def test_truncated_document_gives_what_it_holds():
    data = b"{" + key("a") + b"i\x01" + key("trees") + b"[$d#" + length(10**12) + b"\0\0"
    assert load(data, truncated=True) == {"a": 1}
    with pytest.raises(Malformed, match="cut off"):
        load(data)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"[" * 100, LimitExceeded),
        (b"{" + length(2**62), LimitExceeded),
        (b"[$i#" + length(-1), Malformed),
        (b"[$d#" + length(2**62), Malformed),
        (b"[$i]", Malformed),
        (b"x", Malformed),
        (b"", Malformed),
        (b"[#" + length(2**60) + b"Z" * 10, Malformed),
    ],
)
def test_lies_are_typed_errors(data, error):
    with pytest.raises(error):
        load(data)


@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_are_a_value_or_a_typed_error(data, truncated):
    with contextlib.suppress(ExtractError):
        load(b"{" + data, truncated=truncated)
