"""ONNX weights in constants of nested graphs are counted; weights that the model makes itself are unknown, not few."""

from __future__ import annotations

import json
from pathlib import Path

from crawler.extractors.onnx import OnnxExtractor
from crawler.reader import bytes_reader

DATA = Path(__file__).parents[1] / "corpus" / "data" / "onnx"


def extract(name):
    return OnnxExtractor().extract(bytes_reader(name, (DATA / name).read_bytes()))


def test_constants_of_graphs_inside_graphs_are_counted():
    counted = extract("constants-in-branches.onnx").tensors
    library = json.loads((DATA / "counts.json").read_text())["constants-in-branches.onnx"]
    assert sum(tally.elements for tally in counted.tallies if tally.part == "model") == library > 0
    assert counted.counts_are_parameters


def test_generated_weights_make_the_count_unknown():
    extraction = extract("generated-weights.onnx")
    assert extraction.tensors.unknown_tensors == 1
    assert not extraction.tensors.counts_are_parameters
    assert [problem.code for problem in extraction.problems] == ["weights-generated"]
