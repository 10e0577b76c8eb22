"""GGUF against what gguf-py reads, and requests for large vocabularies."""

import json
import struct
from pathlib import Path

import pytest

from catalog.records import TensorInfo
from catalog.testing.extractors import Storage
from crawler.extractors.gguf import GgufExtractor
from crawler.formats import ggml_types, gguf_format
from crawler.reader import RangedReader, bytes_reader

DATA = Path(__file__).parents[3] / "corpus" / "data" / "hub"
TRUTH = json.loads((DATA / "truth.json").read_text())["gguf"]


@pytest.mark.parametrize("name", TRUTH)
def test_counts_and_keys_are_those_that_the_library_reads(name):
    header = gguf_format.read_header(bytes_reader(name, (DATA / name).read_bytes()))
    counts = {}
    for tensor in header.tensors:
        counts[tensor.dtype] = counts.get(tensor.dtype, 0) + tensor.elements
    assert counts == TRUTH[name]["elements"]
    assert sorted(header.pairs) == TRUTH[name]["keys"]
    assert header.faults == []


def text(value):
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def strings(key, count, size):
    one = struct.pack("<Q", size) + b"x" * size
    return text(key) + struct.pack("<IIQ", 9, 8, count) + one * count


def numbers(key, count, kind=6):
    return text(key) + struct.pack("<IIQ", 9, kind, count) + b"\0" * (4 * count)


def model(*pairs, padding=0):
    tensor = text("w") + struct.pack("<IQIQ", 1, 32, 0, 0)
    body = b"GGUF" + struct.pack("<IQQ", 3, 1, len(pairs)) + b"".join(pairs) + tensor
    return body + b"\0" * (-len(body) % 32 + 128 + padding)


@pytest.mark.parametrize(
    ("tokens", "merges", "requests"),
    [(1_000, 0, 1), (32_000, 0, 2), (128_000, 280_000, 3)],
    ids=["small", "32,000 tokens", "128,000 tokens and merges"],
)
def test_vocabulary_costs_few_requests(tokens, merges, requests):
    pairs = [
        strings("tokenizer.ggml.tokens", tokens, 7),
        numbers("tokenizer.ggml.scores", tokens),
        numbers("tokenizer.ggml.token_type", tokens, 5),
        strings("tokenizer.ggml.merges", merges, 9),
        text("general.name") + struct.pack("<I", 8) + text("last key"),
    ]
    data = model(*pairs, padding=10_000_000)
    storage = Storage(data)
    extraction = GgufExtractor().extract(RangedReader("m.gguf", len(data), storage.fetch))
    assert [o.raw for o in extraction.observations if o.field == "name"] == ["last key"]
    assert [o.raw for o in extraction.observations if o.field == "extra.vocab_size"] == [tokens]
    assert len(storage.ranges) <= requests


def test_version_1_has_short_counts():
    def short(value):
        return struct.pack("<I", len(value)) + value

    data = b"GGUF" + struct.pack("<III", 1, 1, 2)
    data += short(b"general.name") + struct.pack("<I", 8) + short(b"old")
    data += short(b"list") + struct.pack("<III", 9, 4, 2) + struct.pack("<II", 7, 8)
    data += short(b"w") + struct.pack("<IIIIQ", 2, 4, 8, 0, 0)
    header = gguf_format.read_header(bytes_reader("m.gguf", data + b"\0" * 256))
    assert header.pairs["general.name"] == "old"
    assert header.pairs["list"].first == (7, 8)
    assert [(tensor.shape, tensor.elements) for tensor in header.tensors] == [((8, 4), 32)]


def test_unknown_tensor_type_is_counted_and_named():
    tensor = text("w") + struct.pack("<IQIQ", 1, 64, 999, 0)
    data = b"GGUF" + struct.pack("<IQQ", 3, 1, 0) + tensor + b"\0" * 64
    extraction = GgufExtractor().extract(bytes_reader("m.gguf", data))
    assert [(tally.dtype, tally.elements) for tally in extraction.tensors.tallies] == [("GGML_999", 64)]
    assert [problem.code for problem in extraction.problems] == ["unknown-dtype"]


def test_duplicate_key_is_a_fault_and_the_first_counts():
    pair = text("general.name") + struct.pack("<I", 8)
    data = model(pair + text("one"), pair + text("two"))
    extraction = GgufExtractor().extract(bytes_reader("m.gguf", data))
    assert [o.raw for o in extraction.observations if o.field == "name"] == ["one"]
    assert [problem.code for problem in extraction.problems] == ["duplicate-key"]


def test_file_that_is_cut_off_is_partial():
    data = model()
    extraction = GgufExtractor().extract(bytes_reader("m.gguf", data[:-100]))
    assert extraction.status == "partial"
    assert [problem.code for problem in extraction.problems] == ["truncated"]


def test_float_that_is_no_number_stays_text():
    data = model(text("llama.rope.scale") + struct.pack("<If", 6, float("nan")))
    extraction = GgufExtractor().extract(bytes_reader("m.gguf", data))
    assert [o.raw for o in extraction.observations if o.field == "extra.llama.rope.scale"] == ["nan"]


def test_old_ggml_file_is_recognised_and_not_read():
    extraction = GgufExtractor().extract(bytes_reader("ggml-model.bin", b"tjgg" + b"\0" * 100))
    assert (extraction.format, extraction.status) == ("ggml", "opaque")


def test_template_that_attacks_is_a_risk():
    data = model(text("tokenizer.chat_template") + struct.pack("<I", 8) + text("{{ ''.__class__.__mro__ }}"))
    assert [risk.kind for risk in GgufExtractor().extract(bytes_reader("m.gguf", data)).risks] == [
        "template-injection"
    ]


@pytest.mark.parametrize(
    ("number", "weights", "label"),
    [
        (15, {"Q4_K": 60, "Q6_K": 40, "F32": 1}, "Q4_K_M"),
        (15, {"F16": 9, "F32": 1}, None),
        (27, {"IQ3_S": 6, "Q4_K": 5}, "IQ3_M"),
        (0, {"F32": 1}, "F32"),
        (38, {"MXFP4": 90, "F32": 1}, "MXFP4"),
        (14, {"IQ2_S": 90, "Q4_K": 10}, None),
        (1, {"MXFP4": 90, "F16": 10}, None),
        (15, {"Q4_K": 3, "token_embd.weight": 90}, "Q4_K_M"),
        (7, {"token_embd.weight": 90}, "Q8_0"),
        (15, {}, None),
        (9999, {"F32": 1}, None),
    ],
)
def test_file_type_counts_only_where_most_weights_are_of_its_family(number, weights, label):
    """A file of which nine tenths are in 2 bits was called `Q4_K_S` by its writer, who counts tensors, and by the catalog."""
    infos = [
        TensorInfo(
            name=kind if "." in kind else f"blk.0.{kind}",
            dtype="Q8_0" if "." in kind else kind,
            shape=(elements,),
            elements=elements,
            bytes=elements,
        )
        for kind, elements in weights.items()
    ]
    assert ggml_types.file_type_label(number, infos) == label
