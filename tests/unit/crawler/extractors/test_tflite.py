"""TensorFlow Lite files written by TensorFlow's converter."""

from __future__ import annotations

import json
from pathlib import Path
from typing import ClassVar

import pytest
from fixtures.extraction import extract_file

from catalog.testing.extractors import ExtractorSuite, Sample, Storage
from crawler.extractors.tflite import TfliteExtractor
from crawler.reader import RangedReader

DATA = Path(__file__).parents[3] / "corpus" / "data"
TFLITE = DATA / "tflite"


COUNTS = json.loads((DATA / "tensorflow" / "counts.json").read_text())


class TestTflite(ExtractorSuite):
    extractor = TfliteExtractor
    expected: ClassVar = {
        "framework": "tflite",
        "framework_version": "2.21.0",
        "extra.converted_from": "keras",
        "inputs": [{"name": "pixels", "dtype": "F32", "shape": [None, 8, 8, 1]}],
        "outputs": [{"name": "output_0", "dtype": "F32", "shape": [None, 10]}],
    }

    def sample(self):
        return Sample(key="digits.tflite", data=(DATA / "tflite" / "digits.tflite").read_bytes())


@pytest.mark.parametrize(
    ("name", "dtypes", "bits"),
    [
        ("digits.tflite", {"F32"}, None),
        ("digits-f16.tflite", {"F16"}, None),
        ("digits-int8.tflite", {"I8", "I32"}, 8),
    ],
)
def test_weights_are_counted_in_every_precision(name, dtypes, bits):
    extraction = extract_file(TfliteExtractor, TFLITE, name)
    weights = [tally for tally in extraction.tensors.tallies if tally.part == "model"]
    assert sum(tally.elements for tally in weights) == COUNTS[f"tflite/{name}"]
    assert {tally.dtype for tally in weights} == dtypes
    assert bits == next((o.raw for o in extraction.observations if o.field == "quantization.bits"), None)


def test_metadata_buffer_names_the_model():
    """Written with the layout of TFLite Support's metadata schema."""
    extraction = extract_file(TfliteExtractor, TFLITE, "described.tflite")
    said = {observation.field: observation.raw for observation in extraction.observations}
    assert (said["name"], said["description"]) == ("Digit reader", "Reads one digit.")
    assert (said["version"], said["owner"], said["license"]) == ("v3", "Ada", "Apache-2.0")
    assert said["extra.min_parser_version"] == "1.3.0"
    weights = sum(tally.elements for tally in extraction.tensors.tallies if tally.part == "model")
    assert weights == COUNTS["tflite/digits.tflite"]


def test_zip_behind_the_model_is_no_risk():
    """Label files are appended as a zip on purpose. Source: tensorflow.org/lite/models/convert/metadata."""
    data = (DATA / "tflite" / "digits.tflite").read_bytes() + b"PK\3\4labels"
    extraction = TfliteExtractor().extract(RangedReader("m.tflite", len(data), Storage(data).fetch))
    assert not extraction.risks


@pytest.mark.parametrize("name", ["convolutions.tflite", "convolutions-without-bias.tflite"])
def test_zero_biases_count_as_often_as_the_network_has_them(name):
    """The converter merges zero biases of one length, and gives zeros to convolutions that have no bias."""
    tallies = extract_file(TfliteExtractor, TFLITE, name).tensors.tallies
    assert sum(tally.elements for tally in tallies if tally.part == "model") == COUNTS[f"tflite/{name}"]
