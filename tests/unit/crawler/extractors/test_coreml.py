"""Core ML, OpenVINO, Paddle and Orbax as their own libraries write them, and formats known by their magic alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import ClassVar

import pytest

from catalog.records import FileStatus
from catalog.testing.extractors import ExtractorSuite, Sample, Storage
from crawler.extractors.coreml import CoremlExtractor
from crawler.extractors.openvino import OpenvinoExtractor
from crawler.extractors.paddle import PaddleExtractor
from crawler.reader import RangedReader

DATA = Path(__file__).parents[3] / "corpus" / "data"


COUNTS = json.loads((DATA / "coreml" / "counts.json").read_text())


SPECIFICATION = "Data/com.apple.CoreML/model.mlmodel"


def extract(extractor, path, data=None):
    data = (DATA / path).read_bytes() if data is None else data
    return extractor().extract(RangedReader(path, len(data), Storage(data).fetch))


def said(extraction):
    return {observation.field: observation.raw for observation in extraction.observations}


def weights(extraction):
    return sum(tally.elements for tally in extraction.tensors.tallies if tally.part == "model")


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
    extraction = extract(extractor, path)
    assert weights(extraction) == COUNTS[count]
    assert extraction.status is FileStatus.OK
    assert not extraction.risks


@pytest.mark.parametrize(
    ("name", "scheme", "bits"),
    [
        ("linear-ios16", "affine_dequantize", 8),
        ("linear-ios18", "blockwise_shift_scale", 8),
        ("palette-ios16", "lut_to_dense", None),
        ("palette-ios18", "lut_to_dense", 4),
    ],
)
def test_packed_core_ml_weights_count_as_what_they_unpack_to(name, scheme, bits):
    extraction = extract(CoremlExtractor, f"coreml/{name}.mlmodel")
    assert weights(extraction) == COUNTS[f"coreml/{name}.mlmodel"]
    assert said(extraction)["quantization.scheme"] == scheme
    assert said(extraction).get("quantization.bits") == bits
