"""LZ4 frames, beside what the lz4 library wrote."""

from __future__ import annotations

from contextlib import suppress

import pytest
from fixtures.hostile_pickles import SYSTEM
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import ExtractError, LimitExceeded, Malformed
from crawler.formats import lz4_frames

CONTENT = SYSTEM + b"abcd" * 40
_BLOCK = (
    "47000000ff2d8002636f730a73797374656d0a285822000000746f756368202f746d702f6d6f64656c6465782d686f7374696c652d63616e61727974522e"
    "61626364040084506461626364"
)
WRITTEN = {
    "as joblib writes it": f"04224d186840d8000000000000005b{_BLOCK}00000000",
    "blocks for themselves, checksums": f"04224d187c40d8000000000000000a{_BLOCK}1b6e9ae100000000a653b4b3",
    "no size": f"04224d18604082{_BLOCK}00000000",
}
HEAD = bytes.fromhex("04224d1860408200000000")[:7]


def unpacked(frame):
    return b"".join(lz4_frames.blocks(lambda start, end: frame[start:end]))


@pytest.mark.parametrize("frame", WRITTEN.values(), ids=WRITTEN.keys())
def test_frames_of_the_library_unpack_to_what_was_packed(frame):
    assert unpacked(bytes.fromhex(frame)) == CONTENT


def block(data):
    return len(data).to_bytes(4, "little") + data


def test_a_match_reaches_into_the_block_before_where_blocks_are_linked():
    linked = bytes([0x40]) + HEAD[5:]
    frame = HEAD[:4] + linked + block(b"\x40abcd") + block(b"\x00\x04\x00\x10!") + bytes(4)
    assert unpacked(frame) == b"abcdabcd!"


@pytest.mark.parametrize(
    ("rest", "error"),
    [
        (block(b"\xf0" + b"\xff" * 60_000), Malformed),
        (block(b"\x1fa\x01\x00" + b"\xff" * 60_000 + b"\0"), Malformed),
        (block(b"\x10a\x05\x00"), Malformed),
        (block(b"\x10a\x00\x00"), Malformed),
        (block(b"\x10a\x01"), Malformed),
        ((1 << 30).to_bytes(4, "little"), Malformed),
        ((50).to_bytes(4, "little") + b"abc", Malformed),
        (b"", Malformed),
        (block(b"\x1fa\x01\x00" + b"\xff" * 250 + b"\0\0") * 1000, LimitExceeded),
    ],
)  # fmt: skip
def test_frames_that_lie_end_within_bounds(rest, error):
    with pytest.raises(error):
        unpacked(HEAD + rest)


@given(st.integers(0, len(bytes.fromhex(WRITTEN["no size"])) - 1), st.integers(0, 255))
def test_a_changed_byte_gives_bytes_or_an_error_of_the_file(place, value):
    frame = bytearray.fromhex(WRITTEN["no size"])
    frame[place] = value
    with suppress(ExtractError):
        assert len(unpacked(bytes(frame))) <= lz4_frames.MAX_UNPACKED_BYTES
