"""Core ML models and packages as coremltools writes them, with its own counts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import ClassVar

import pytest
from fixtures.extraction import elements_of, extract_file, values_of

from catalog.records import FileStatus
from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.coreml import CoremlExtractor
from crawler.extractors.openvino import OpenvinoExtractor
from crawler.extractors.paddle import PaddleExtractor

DATA = Path(__file__).parents[3] / "corpus" / "data"


COUNTS = json.loads((DATA / "coreml" / "counts.json").read_text())


SPECIFICATION = "Data/com.apple.CoreML/model.mlmodel"


class TestCoreml(ExtractorSuite):
    extractor = CoremlExtractor
    expected: ClassVar = {
        "framework": "coreml",
        "model_type": "mlProgram",
        "description": "Three classes out of ten numbers",
        "version": "1.10",
        "owner": "Ada",
        "license": "MIT",
        "metrics.accuracy": "0.93",
        "framework_version": "9.0",
        "inputs": [{"name": "x", "dtype": "F32", "shape": [1, 100]}],
        "outputs": [{"name": "relu_0", "dtype": "F32", "shape": [1, 64]}],
    }

    def sample(self):
        path = f"coreml/program.mlpackage/{SPECIFICATION}"
        return Sample(key=path, data=(DATA / path).read_bytes())


@pytest.mark.parametrize(
    ("extractor", "path", "count"),
    [
        (CoremlExtractor, "coreml/network.mlmodel", "coreml/network.mlmodel"),
        (CoremlExtractor, f"coreml/program.mlpackage/{SPECIFICATION}", "coreml/program.mlpackage"),
        (CoremlExtractor, f"coreml/program-f16.mlpackage/{SPECIFICATION}", "coreml/program-f16.mlpackage"),
        (OpenvinoExtractor, "openvino/tiny.xml", "openvino/tiny.xml"),
        (OpenvinoExtractor, "openvino/tiny-f16.xml", "openvino/tiny-f16.xml"),
        (PaddleExtractor, "paddle/older.pdmodel", "paddle/older.pdmodel"),
        (PaddleExtractor, "paddle/inference.json", "paddle/inference.json"),
    ],
)
def test_count_is_the_one_of_the_network_that_was_written(extractor, path, count):
    extraction = extract_file(extractor, DATA, path)
    assert elements_of(extraction, "model") == COUNTS[count]
    assert extraction.status is FileStatus.OK
    assert not extraction.risks


@pytest.mark.parametrize(
    ("name", "scheme", "bits"),
    [
        ("linear-ios16", "affine_dequantize", 8),
        ("linear-ios18", "blockwise_shift_scale", 8),
        ("palette-ios16", "lut_to_dense", 4),
        ("palette-ios18", "lut_to_dense", 4),
    ],
)
def test_packed_core_ml_weights_count_as_what_they_unpack_to(name, scheme, bits):
    extraction = extract_file(CoremlExtractor, DATA, f"coreml/{name}.mlmodel")
    assert elements_of(extraction, "model") == COUNTS[f"coreml/{name}.mlmodel"]
    assert values_of(extraction)["quantization.scheme"] == scheme
    assert values_of(extraction).get("quantization.bits") == bits
