"""ONNX files written by the onnx library, and what it counts in them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import ClassVar

import pytest
from fixtures.extraction import all_values_of, elements_of, extract_file

from catalog.records import FileStatus
from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.onnx import OnnxExtractor

DATA = Path(__file__).parents[3] / "corpus" / "data" / "onnx"


COUNTS = json.loads((DATA / "counts.json").read_text())


class TestOnnx(ExtractorSuite):
    extractor = OnnxExtractor
    expected: ClassVar = {
        "framework": "onnx",
        "origin_framework": "scikit-learn",
        "version": "4",
        "description": "Tells ten digits apart.",
        "metrics.accuracy": "94.5%",
        "metrics.val_f1": "0.91",
        "owner": "Ada",
        "license": "Apache-2.0",
        "task": "image-classification",
        "created_at": "2024-03-01T10:00:00+00:00",
        "training.learning_rate": "5e-4",
        "extra.team": "vision",
        "extra.opset": 21,
        "inputs": [{"name": "pixels", "dtype": "F32", "shape": [None, 64], "symbols": ["batch", None]}],
        "outputs": [{"name": "logits", "dtype": "F32", "shape": [None, 10], "symbols": ["batch", None]}],
    }

    def sample(self):
        return Sample(key="digits/model.onnx", data=(DATA / "rich.onnx").read_bytes())


class TestOnnxWithSubgraphs(ExtractorSuite):
    extractor = OnnxExtractor
    expected: ClassVar = {"origin_framework": "pytorch", "extra.operators": ["Constant", "If", "MatMul"]}

    def sample(self):
        return Sample(key="branches.onnx", data=(DATA / "constants-in-branches.onnx").read_bytes())


@pytest.mark.parametrize("name", ["rich.onnx", "constants-in-branches.onnx", "external.onnx", "sparse.onnx"])
def test_count_is_the_onnx_library_s_own(name):
    extraction = extract_file(OnnxExtractor, DATA, name)
    assert elements_of(extraction, "model") == COUNTS[name]
    assert extraction.tensors.counts_are_parameters
    assert extraction.status is FileStatus.OK


def test_scales_and_zero_points_are_no_parameters_but_a_quantised_bias_is():
    """The library holds 771 small values: an INT8 and an INT4 matrix, 2 scales, a zero point; the INT32 bias is apart."""
    extraction = extract_file(OnnxExtractor, DATA, "quantised.onnx")
    assert COUNTS["quantised.onnx"] == 16 * 32 + 32 * 8 + 3
    assert elements_of(extraction, "model") == 16 * 32 + 32 * 8 + 32
    assert all_values_of(extraction)["quantization.bits"] == [8]
    assert all_values_of(extraction)["quantization.scheme"] == ["QDQ"]


def test_four_bit_blocks_count_as_the_matrix_that_they_hold():
    extraction = extract_file(OnnxExtractor, DATA, "block-quantised.onnx")
    assert elements_of(extraction, "model") == 64 * 128
    assert all_values_of(extraction)["quantization.bits"] == [4]


def test_external_data_is_referred_to_with_the_size_it_must_have():
    (reference,) = extract_file(OnnxExtractor, DATA, "external.onnx").references
    assert (reference.name, reference.relation, reference.size_bytes) == ("weights/model.data", "data", 8192)
    assert reference.tensors == ("w",)


def test_python_operator_is_a_risk_and_a_foreign_domain_is_named():
    extraction = extract_file(OnnxExtractor, DATA, "sparse.onnx")
    high = [risk for risk in extraction.risks if risk.kind == "code-execution"]
    assert [risk.member for risk in high] == ["PyOp"]
    assert all_values_of(extraction)["extra.custom_domains"] == [["acme.ops", "ai.onnx.contrib"]]


def test_trees_are_counted_and_are_no_parameters():
    extraction = extract_file(OnnxExtractor, DATA, "trees.onnx")
    assert all_values_of(extraction)["trees"] == [2]
    assert not extraction.tensors.counts_are_parameters


def test_magic_is_enough_without_a_name():
    head = (DATA / "rich.onnx").read_bytes()[:4096]
    assert OnnxExtractor().claims("download", head).format == "onnx"
    assert OnnxExtractor().claims("notes.txt", b"\x08\x96\x01 hello world") is None
