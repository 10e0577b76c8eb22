"""Models of ML.NET, as its writer lays out the zip."""

from __future__ import annotations

import io
import zipfile
from typing import ClassVar

import pytest
from fixtures.extraction import extract, values_of

from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.mlnet import MlnetExtractor

VERSION = "3.0.1+4bd8f12c"
STEPS = {
    "TransformerChain/Model.key": "TransformerChain",
    "TransformerChain/Transform_000/Model.key": "OneHotTransform",
    "TransformerChain/Transform_001/Model.key": "BinaryPredXfer",
    "TransformerChain/Transform_001/Model/Model.key": "CaliPredExec",
    "TransformerChain/Transform_001/Model/Predictor/Model.key": "LightGBMBinaryExec",
}


def step(signature: str) -> bytes:
    header = bytearray(256)
    header[:8] = b"ML\0MODEL"
    header[0x50 : 0x50 + len(signature)] = signature.encode()
    return bytes(header) + b"learned"


def model(separator: str = "/", *, steps: dict[str, bytes] | None = None) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"TrainingInfo{separator}Version.txt", f"{VERSION}\r\n")
        for name, data in (steps or {name: step(said) for name, said in STEPS.items()}).items():
            archive.writestr(zipfile.ZipInfo(name.replace("/", separator)), data)
    return buffer.getvalue()


class TestMlnet(ExtractorSuite):
    extractor = MlnetExtractor
    expected: ClassVar = {
        "framework": "mlnet",
        "framework_version": "3.0.1",
        "task": "tabular-classification",
        "architecture": "LightGBMBinaryExec",
    }

    def sample(self):
        return Sample(key="models/model.zip", data=model())


def test_names_may_have_the_separator_of_windows():
    said = values_of(extract(MlnetExtractor, "MLModel.mlnet", model("\\")))
    assert said["extra.mlnet.steps"] == [
        "OneHotTransform", "BinaryPredXfer", "CaliPredExec", "LightGBMBinaryExec",
    ]  # fmt: skip


def test_a_step_without_a_header_is_told_and_costs_the_others_nothing():
    damaged = {"TransformerChain/Model.key": b"short", "Predictor/Model.key": step("RegressionPredXfer")}
    extraction = extract(MlnetExtractor, "model.zip", model(steps=damaged))
    assert values_of(extraction)["task"] == "tabular-regression"
    assert [problem.code for problem in extraction.problems] == ["malformed"]


@pytest.mark.parametrize("first", ["model.ini", "data.pkl", "TrainingInfo.txt"])
def test_other_zips_are_left_alone(first):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(first, "x")
    assert MlnetExtractor().claims("model.zip", buffer.getvalue()) is None
