"""GGUF files whose numbers cannot be true, and one that went through a text-mode copy."""

import struct
from pathlib import Path

import pytest

from catalog.errors import ExtractError, LimitExceeded, Malformed
from catalog.testing.extractors import Storage
from crawler.extractors.gguf import GgufExtractor
from crawler.reader import RangedReader

DATA = Path(__file__).parents[1] / "corpus" / "data" / "hub" / "tales-Q4_K_M.gguf"


def start(tensors=0, pairs=1, version=3):
    return b"GGUF" + struct.pack("<IQQ", version, tensors, pairs)


def text(value):
    return struct.pack("<Q", len(value)) + value


def array(kind, count, key=b"k"):
    return text(key) + struct.pack("<IIQ", 9, kind, count)


def tensor(dims, kind=0):
    return text(b"t") + struct.pack(f"<I{len(dims)}QIQ", len(dims), *dims, kind, 0)


HOSTILE = {
    "an array of 2^60 bytes": start() + array(0, 2**60),
    "an array of 2^60 strings": start() + array(8, 2**60),
    "an array of arrays": start() + array(9, 2),
    "16 million elements that are not there": start() + array(4, 2**24),
    "2^60 keys": start(pairs=2**60),
    "2^60 tensors": start(tensors=2**60, pairs=0),
    "60,000 keys in no bytes": start(pairs=60_000),
    "a key of 2^63 bytes": start() + struct.pack("<Q", 2**63),
    "a string of 2^63 bytes": start() + text(b"k") + struct.pack("<IQ", 8, 2**63),
    "a string beyond the end": start() + array(8, 2) + text(b"a") + struct.pack("<Q", 5000),
    "an unknown value type": start() + text(b"k") + struct.pack("<I", 77),
    "five dimensions": start(1, 0) + tensor([1, 1, 1, 1, 1]),
    "dimensions that wrap 64 bits": start(1, 0) + tensor([1024, 1024, 4398046511105, 2]),
    "version 9": start(version=9),
    "only a magic": b"GGUF",
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
def test_impossible_number_is_refused_with_next_to_nothing_read(data):
    storage = Storage(data + b"\0" * 64)
    with pytest.raises(ExtractError):
        GgufExtractor().extract(RangedReader("model.gguf", len(storage.data), storage.fetch))
    assert storage.bytes_served <= len(storage.data)


@pytest.mark.parametrize("alignment", [0, 3, 2**30, 2**31])
def test_impossible_alignment_is_a_named_fault(alignment):
    data = (
        start(1, 1) + text(b"general.alignment") + struct.pack("<II", 4, alignment) + tensor([4]) + b"\0" * 64
    )
    extraction = GgufExtractor().extract(RangedReader("m.gguf", len(data), Storage(data).fetch))
    assert [problem.code for problem in extraction.problems] == ["alignment"]


def test_text_mode_copy_is_an_error_that_says_so():
    damaged = DATA.read_bytes().decode(errors="replace").encode()
    with pytest.raises(Malformed, match="copied as text"):
        GgufExtractor().extract(RangedReader("m.gguf", len(damaged), Storage(_mangled(damaged)).fetch))


def _mangled(damaged):
    """A count above 127 in the first bytes is what such a copy destroys first."""
    return damaged[:16] + b"\xef\xbf\xbd" + damaged[19:]


def test_limit_names_what_was_found():
    data = HOSTILE["an array of 2^60 bytes"]
    with pytest.raises(
        LimitExceeded, match=r"elements of a GGUF array: limit 16,777,216, found 1,152,921,504,606,846,976"
    ):
        GgufExtractor().extract(RangedReader("m.gguf", len(data), Storage(data).fetch))
