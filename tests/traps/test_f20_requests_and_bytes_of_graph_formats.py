"""Requests per format: the whole of a small file in one, the beginning and the end of a large one in two.

Files grow here by padding that no extractor needs, so that a reader which asks for everything would be caught.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.errors import LimitExceeded
from crawler.extractors.catboost import CatboostExtractor
from crawler.extractors.fasttext import FasttextExtractor
from crawler.extractors.lightgbm import LightgbmExtractor
from crawler.extractors.onnx import OnnxExtractor
from crawler.extractors.tflite import TfliteExtractor
from crawler.reader import BLOCK_BYTES, Budget, RangedReader

DATA = Path(__file__).parents[1] / "corpus" / "data"
PADDING = 8 * 1024 * 1024


class Counter:
    def __init__(self, data):
        self.data, self.ranges = data, []

    def fetch(self, start, end):
        self.ranges.append((start, end))
        return self.data[start:end]


def behind(path):
    return (DATA / path).read_bytes() + bytes(PADDING)


def inside_onnx():
    """One tensor of 8 MB between the nodes and the signature."""
    small = (DATA / "onnx" / "rich.onnx").read_bytes()
    payload = bytes(PADDING)
    tensor = b"\x08" + varint(PADDING // 4) + b"\x10\x01\x42\x03big\x4a" + varint(len(payload)) + payload
    extra_graph = b"\x2a" + varint(len(tensor)) + tensor
    # a repeated occurrence of field 7 continues the graph: readers of protobuf merge them
    at, length, graph_at = find_graph(small)
    graph = small[graph_at : graph_at + length]
    grown = extra_graph + graph
    return small[:at] + b"\x3a" + varint(len(grown)) + grown + small[graph_at + length :]


def varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def find_graph(data):
    from crawler.formats.protobuf import ProtobufWalker

    position = 0
    for field in ProtobufWalker.over(data).fields():
        if field.number == 7:
            return position, field.end - field.start, field.start
        position = field.end
    raise AssertionError("no graph")


@pytest.mark.parametrize(
    ("extractor", "key", "data", "requests"),
    [
        (CatboostExtractor, "m.cbm", behind("boosters/iris.cbm"), 1),
        (FasttextExtractor, "m.bin", behind("boosters/labels.bin"), 1),
        (TfliteExtractor, "m.tflite", behind("tflite/digits.tflite"), 1),
        (LightgbmExtractor, "m.txt", behind("boosters/iris.lgb.txt"), 3),
        (OnnxExtractor, "m.onnx", inside_onnx(), 2),
    ],
    ids=["catboost", "fasttext", "tflite", "lightgbm", "onnx"],
)
def test_a_large_file_costs_few_requests_and_few_bytes(extractor, key, data, requests):
    counter = Counter(data)
    extraction = extractor().extract(RangedReader(key, len(data), counter.fetch))
    assert extraction.observations
    assert len(counter.ranges) <= requests
    assert sum(end - start for start, end in counter.ranges) <= 24 * BLOCK_BYTES


def test_a_server_that_answers_with_everything_is_cut_off_at_the_budget():
    data = inside_onnx()
    counter = Counter(data)
    reader = RangedReader("m.onnx", len(data), counter.fetch, budget=Budget(requests=1))
    with pytest.raises(LimitExceeded):
        OnnxExtractor().extract(reader)
    assert len(counter.ranges) == 1
