"""Headers that lie: lengths of 2^63, a hundred megabytes of JSON, nesting without end."""

import json
import struct

import pytest

from catalog.errors import ExtractError, LimitExceeded, Malformed
from catalog.testing.extractors import Storage
from crawler.extractors.hf_config import HfConfigExtractor
from crawler.extractors.safetensors import SafetensorsExtractor
from crawler.formats import jsons
from crawler.reader import RangedReader


def extract(extractor, name, data):
    storage = Storage(data)
    return extractor().extract(RangedReader(name, len(data), storage.fetch)), storage


def safetensors(header, data=b"", *, length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def tensor(dtype="F32", shape=(2,), offsets=(0, 8), **changed):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)} | changed


@pytest.mark.parametrize("length", [2**63, 2**64 - 1, 33 * 1024 * 1024])
def test_header_length_beyond_the_limit_reads_nothing_more(length):
    storage = Storage(safetensors({}, length=length))
    with pytest.raises(LimitExceeded, match="safetensors header"):
        SafetensorsExtractor().extract(RangedReader("m.safetensors", len(storage.data), storage.fetch))
    assert len(storage.ranges) == 1


HOSTILE_HEADERS = {
    "longer than the file": safetensors({"a": tensor()}, length=1000),
    "100,000 deep": safetensors(b"[" * 100_000),
    "objects 100,000 deep": safetensors(b'{"a":' * 100_000),
    "an integer of 5,000 digits": safetensors(
        b'{"a":{"dtype":"F32","shape":[' + b"9" * 5000 + b'],"data_offsets":[0,8]}}'
    ),
    "a list": safetensors(b"[1]"),
    "not JSON": safetensors(b"{]"),
    "shorter than eight bytes": b"\1\0\0",
    "millions of values": safetensors(b"{" + b'"a":[' + b"1," * 5_000_000 + b"1]}"),
}


@pytest.mark.parametrize("data", HOSTILE_HEADERS.values(), ids=HOSTILE_HEADERS)
def test_hostile_header_is_a_typed_error(data):
    with pytest.raises(ExtractError):
        extract(SafetensorsExtractor, "m.safetensors", data)


FAULTS = {
    "duplicate keys": (
        b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}',
        "duplicate-tensor",
    ),
    "overlapping data": ({"a": tensor(), "b": tensor(offsets=(4, 12))}, "offsets-overlap"),
    "a hole": ({"a": tensor(offsets=(4, 12))}, "offsets-hole"),
    "bytes that do not fit the shape": ({"a": tensor(shape=(3,))}, "tensor-size"),
    "a negative size": ({"a": tensor(shape=(-2,))}, "tensor-entry"),
    "a size that is a truth value": ({"a": tensor(shape=(True,))}, "tensor-entry"),
    "a size of 2^60": ({"a": tensor(shape=(2**60,))}, "tensor-entry"),
    "a product beyond 2^63": ({"a": tensor(shape=(2**40, 2**40))}, "limit-exceeded"),
    "seventeen dimensions": ({"a": tensor(shape=(1,) * 17)}, "tensor-entry"),
    "data that ends before it starts": ({"a": tensor(offsets=(8, 0))}, "tensor-entry"),
    "an entry that is text": ({"a": "x"}, "tensor-entry"),
    "metadata that is no text": ({"__metadata__": {"a": [1]}, "a": tensor()}, "metadata-not-text"),
    "metadata that is a list": ({"__metadata__": [1], "a": tensor()}, "metadata-not-text"),
    "an unknown dtype": ({"a": tensor(dtype="U9")}, "unknown-dtype"),
    "bytes after the last tensor": ({"a": tensor(offsets=(0, 8)), "__metadata__": {}}, None),
    "text that is not UTF-8": (
        b'{"a\xff":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}',
        "invalid-utf-8",
    ),
}


@pytest.mark.parametrize(("header", "code"), FAULTS.values(), ids=FAULTS)
def test_fault_of_a_header_is_named_and_the_rest_is_read(header, code):
    extraction, _ = extract(SafetensorsExtractor, "m.safetensors", safetensors(header, b"\0" * 8))
    codes = {problem.code for problem in extraction.problems}
    assert codes == set() if code is None else code in codes


def test_tensor_that_cannot_be_true_is_unknown_not_counted():
    header = {"good": tensor(), "lie": tensor(shape=(1000,), offsets=(8, 16))}
    extraction, _ = extract(SafetensorsExtractor, "m.safetensors", safetensors(header, b"\0" * 16))
    assert extraction.tensors.count == 1
    assert extraction.tensors.unknown_tensors == 1
    assert [risk.kind for risk in extraction.risks] == ["suspicious-structure"]


def test_unknown_dtype_is_kept():
    extraction, _ = extract(
        SafetensorsExtractor, "m.safetensors", safetensors({"a": tensor(dtype="U9")}, b"\0" * 8)
    )
    assert [(tally.dtype, tally.elements) for tally in extraction.tensors.tallies] == [("U9", 2)]


def test_file_that_is_cut_off_is_partial_and_says_so():
    extraction, _ = extract(
        SafetensorsExtractor,
        "m.safetensors",
        safetensors({"a": tensor(shape=(200,), offsets=(0, 800))}, b"\0" * 10),
    )
    assert extraction.status == "partial"
    assert [problem.code for problem in extraction.problems] == ["truncated"]


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b'{"a": ' * 100_000, LimitExceeded),
        (b"[" + b"1," * 300_000 + b"1]", LimitExceeded),
        (b"1" * 41, LimitExceeded),
        (b'"' + b'\\"' * 2_000_000, Malformed),
        (b"\xff\xfe\xfd", Malformed),
        (b"", Malformed),
    ],
    ids=["depth", "values", "digits", "a string of escapes", "no text", "empty"],
)
def test_hostile_json_is_refused_before_it_is_built(data, error):
    with pytest.raises(error):
        jsons.load(data)


def test_configuration_of_17_megabytes_is_not_read():
    storage = Storage(b"{" + b" " * 17 * 1024 * 1024 + b"}")
    with pytest.raises(LimitExceeded, match="bytes of a JSON document"):
        HfConfigExtractor().extract(RangedReader("config.json", len(storage.data), storage.fetch))
    assert storage.ranges == []
