"""OpenVINO pairs as OpenVINO writes them: counts from the XML, bounds of the graph."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest
from fixtures.extraction import extract, extract_file

from catalog.errors import LimitExceeded, Malformed
from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.coreml import CoremlExtractor
from crawler.extractors.openvino import OpenvinoExtractor
from crawler.extractors.paddle import PaddleExtractor

DATA = Path(__file__).parents[3] / "corpus" / "data"


SPECIFICATION = "Data/com.apple.CoreML/model.mlmodel"


class TestOpenvino(ExtractorSuite):
    extractor = OpenvinoExtractor
    expected: ClassVar = {
        "framework": "openvino",
        "framework_version": "2026.4.1",
        "extra.ir_version": "11",
        "inputs": [{"name": "features", "dtype": "F32", "shape": [None, 10]}],
        "outputs": [{"name": "scores", "dtype": "F32", "shape": [None, 3]}],
        "extra.conversion.input_model": "model.onnx",
    }

    def sample(self):
        return Sample(key="openvino/tiny.xml", data=(DATA / "openvino" / "tiny.xml").read_bytes())


def test_half_precision_is_told_by_the_constants():
    for extractor, path in (
        (OpenvinoExtractor, "openvino/tiny-f16.xml"),
        (CoremlExtractor, f"coreml/program-f16.mlpackage/{SPECIFICATION}"),
    ):
        assert {tally.dtype for tally in extract_file(extractor, DATA, path).tensors.tallies} == {"F16"}


@pytest.mark.parametrize(
    ("extractor", "path", "reference", "size"),
    [
        (OpenvinoExtractor, "openvino/tiny.xml", "tiny.bin", 1792),
        (PaddleExtractor, "paddle/older.pdmodel", "older.pdiparams", None),
        (CoremlExtractor, f"coreml/program.mlpackage/{SPECIFICATION}", "weights/weight.bin", None),
        (CoremlExtractor, "coreml/program.mlpackage/Manifest.json", SPECIFICATION, None),
    ],
)
def test_files_that_belong_together_are_referred_to(extractor, path, reference, size):
    (found,) = extract_file(extractor, DATA, path).references
    assert (found.name, found.size_bytes) == (reference, size)


@pytest.mark.parametrize(
    "document",
    [
        '<?xml version="1.0"?><!DOCTYPE net [<!ENTITY a "x">]><net name="n" version="11">&a;</net>',
        '<?xml version="1.0"?><!DOCTYPE net SYSTEM "file:///etc/passwd"><net name="n" version="11"/>',
        '<net name="n" version="11"><layers>',
    ],
)
def test_hostile_xml_is_refused(document):
    with pytest.raises(Malformed):
        extract(OpenvinoExtractor, "m.xml", document.encode())


def test_deep_xml_is_refused():
    document = b'<net name="n" version="11">' + b"<a>" * 100
    with pytest.raises(LimitExceeded, match="depth"):
        extract(OpenvinoExtractor, "m.xml", document)
