"""Pickles and zips built to use up memory or time end within their limits, as catalogued files that are not clean."""

from __future__ import annotations

import io
import pickle
import struct
import tracemalloc
import zipfile
import zlib

import pytest
from fixtures.hostile_pickles import HARMLESS, torch_zip

from crawler.extractors.joblib import JoblibExtractor
from crawler.extractors.pickle import PickleExtractor
from crawler.extractors.torch_zip import TorchZipExtractor
from crawler.formats import pickle_calls, pickle_stack
from crawler.formats.zips import MAX_ENTRIES
from crawler.reader import bytes_reader

MAX_PEAK_BYTES = 40 * 1024 * 1024


@pytest.fixture(autouse=True)
def smaller_limits(monkeypatch):
    """A twentieth of the real limits, so that the bombs may be a twentieth of the size."""
    monkeypatch.setattr(pickle_stack, "MAX_OPCODES", 150_000)
    monkeypatch.setattr(pickle_stack, "MAX_VALUES", 50_000)
    monkeypatch.setattr(pickle_calls, "MAX_IMPORTS", 500)


def nested_tuples(levels):
    """Each tuple holds the one before twice: hashing, comparing or printing it takes 2^levels steps."""
    return b"\x80\x02)" + b"".join(b"q\x00h\x00\x86" for _ in range(levels)) + b"."


def dictionary_with_a_bomb_for_a_key(levels):
    return b"\x80\x02}" + nested_tuples(levels)[2:-1] + b"K\x01s."


def rebuilt(levels):
    """A tensor whose shape is such a tuple."""
    return b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n(NK\x00" + nested_tuples(levels)[2:-1] + b")\x89NtR."


def lists(levels):
    return b"\x80\x02" + b"]" * levels + b"a" * (levels - 1) + b"."


PICKLES = {
    "nested tuples": nested_tuples(5_000),
    "a key that takes for ever to hash": dictionary_with_a_bomb_for_a_key(5_000),
    "a shape that takes for ever": rebuilt(5_000),
    "depth of 30,000": lists(30_000),
    "list that holds itself": b"\x80\x02]q\x00h\x00h\x00a.",
    "whole number of a million digits": b"\x80\x02\x8b"
    + struct.pack("<I", 415_242)
    + b"\xff" * 415_241
    + b"\x00.",
    "decimal number of 60,000 digits": b"I" + b"9" * 60_000 + b"\n.",
    "text of 2^62 bytes": b"\x80\x04\x8d" + struct.pack("<Q", 2**62) + b"x.",
    "bytes of 2^62 bytes": b"\x80\x04\x8e" + struct.pack("<Q", 2**62) + b"x.",
    "frame of 2^62 bytes": b"\x80\x04\x95" + struct.pack("<Q", 2**62) + b"N.",
    "line without end": b"c" + b"a" * 1_000_000,
    "memo beyond the limit": b"\x80\x04N" + b"\x94" * 100_000 + b"0N.",
    "stack beyond the limit": b"\x80\x02" + b"N" * 100_000 + b".",
    "marks beyond the limit": b"(" * 100_000 + b".",
    "opcodes beyond the limit": b"\x80\x02" + b"N0" * 100_000 + b"N.",
    "names beyond the limit": b"\x80\x02"
    + b"".join(b"ca%d\nb\n0" % number for number in range(1_000))
    + b"N.",
    "array of 2^60 elements in the stream": b"\x80\x04\x8c\x13joblib.numpy_pickle\x8c\x11NumpyArrayWrapper\x93)\x81}("
    b"\x8c\x05shape\x8a\x08"
    + struct.pack("<q", 2**60)
    + b"\x85\x8c\x05dtypecnumpy\ndtype\n(\x8c\x02f8\x89\x88tRub.",
}


@pytest.mark.parametrize("data", PICKLES.values(), ids=PICKLES)
@pytest.mark.parametrize("inside", ["bare", "torch zip"])
def test_pickle_bomb_ends_within_its_limits(data, inside):
    tracemalloc.start()
    try:
        if inside == "bare":
            extraction = PickleExtractor().extract(bytes_reader("model.pkl", data))
        else:
            extraction = TorchZipExtractor().extract(bytes_reader("model.pt", torch_zip(data)))
        assert tracemalloc.get_traced_memory()[1] < MAX_PEAK_BYTES
    finally:
        tracemalloc.stop()
    assert extraction.key


@pytest.mark.parametrize("name", [name for name in PICKLES if name.endswith("the limit")])
def test_pickle_beyond_a_limit_is_not_checkable(name):
    extraction = PickleExtractor().extract(bytes_reader("model.pkl", PICKLES[name]))
    assert "unchecked" in {risk.kind for risk in extraction.risks}
    assert "limit-exceeded" in {problem.code for problem in extraction.problems}


def deflated_zeros(size):
    return torch_zip(HARMLESS, extra=[("data/0", bytes(size))], method=zipfile.ZIP_DEFLATED)


def test_zip_bomb_is_named_and_never_inflated():
    data = deflated_zeros(200 * 1024 * 1024)
    tracemalloc.start()
    try:
        extraction = TorchZipExtractor().extract(bytes_reader("model.pt", data))
        assert tracemalloc.get_traced_memory()[1] < 4 * 1024 * 1024
    finally:
        tracemalloc.stop()
    assert "zip-bomb" in {risk.kind for risk in extraction.risks}


def test_bomb_in_place_of_the_object_is_refused():
    data = torch_zip(b"\x80\x02" + bytes(100 * 1024 * 1024), method=zipfile.ZIP_DEFLATED)
    extraction = TorchZipExtractor().extract(bytes_reader("model.pt", data))
    assert {"zip-bomb", "unchecked"} <= {risk.kind for risk in extraction.risks}


def test_too_many_entries_are_refused_before_the_directory_is_parsed():
    end = b"PK\x05\x06" + struct.pack("<4H2LH", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    entries = 4 * MAX_ENTRIES
    end64 = b"PK\x06\x06" + struct.pack("<Q2H2L4Q", 44, 45, 45, 0, 0, entries, entries, 46 * entries, 30)
    directory = bytes(46 * entries)
    locator = b"PK\x06\x07" + struct.pack("<LQL", 0, 30 + len(directory), 1)
    data = b"PK\x03\x04" + bytes(26) + directory + end64 + locator + end
    extraction = TorchZipExtractor().extract(bytes_reader("model.pt", data))
    assert any("entries of a zip" in problem.message for problem in extraction.problems)
    assert "unchecked" in {risk.kind for risk in extraction.risks}


def test_compressed_bomb_stops_at_its_limit():
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(bytes(1024 * 1024)) for _ in range(400)) + packer.flush()
    data = pickle.dumps(0)[:-2] + b"B" + struct.pack("<I", 2**31)
    out = io.BytesIO(zlib.compress(data))
    for content in (packed, out.getvalue()):
        extraction = JoblibExtractor().extract(bytes_reader("model.joblib", content))
        assert "unchecked" in {risk.kind for risk in extraction.risks}
