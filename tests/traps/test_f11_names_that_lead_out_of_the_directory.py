"""External data, package manifests and archive members that name files elsewhere: a risk, and nothing is read there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from crawler.extractors.coreml import CoremlExtractor
from crawler.extractors.onnx import OnnxExtractor
from crawler.reader import RangedReader

DATA = Path(__file__).parents[1] / "corpus" / "data" / "onnx"


def manifest(path):
    return json.dumps({"rootModelIdentifier": "a", "itemInfoEntries": {"a": {"path": path}}}).encode()


@pytest.mark.parametrize(
    ("extractor", "key", "data"),
    [
        (OnnxExtractor, "m/model.onnx", (DATA / "external-passwd.onnx").read_bytes()),
        (OnnxExtractor, "m/model.onnx", (DATA / "external-parent.onnx").read_bytes()),
        (CoremlExtractor, "m.mlpackage/Manifest.json", manifest("../../../etc/passwd.mlmodel")),
        (CoremlExtractor, "m.mlpackage/Manifest.json", manifest("/etc/passwd.mlmodel")),
        (CoremlExtractor, "m.mlpackage/Manifest.json", manifest("..\\secret.mlmodel")),
    ],
)
def test_a_name_outside_is_a_risk_and_no_reference(extractor, key, data):
    """The recording reader serves this one object; an extractor has no other way to bytes."""
    ranges = []

    def fetch(start, end):
        ranges.append((start, end))
        return data[start:end]

    extraction = extractor().extract(RangedReader(key, len(data), fetch))
    assert [risk.kind for risk in extraction.risks] == ["path-traversal"]
    assert extraction.risks[0].severity.name == "HIGH"
    assert extraction.references == ()
    assert all(end <= len(data) for _, end in ranges)
