"""Keras 3 archives as Keras writes them, and the code that their configuration names."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import ClassVar

import pytest
from fixtures.extraction import KERAS_DIGITS, SampledSuite, extract_file, values_of

from catalog.testing.extractors import Sample
from crawler.extractors.keras_zip import KerasZipExtractor
from crawler.reader import bytes_reader

DATA = Path(__file__).parents[3] / "corpus" / "data"


class TestKerasZip(SampledSuite):
    extractor = KerasZipExtractor
    expected: ClassVar = {
        **KERAS_DIGITS,
        "extra.model_name": "digit_net",
        "extra.compiled_metrics": ["accuracy"],
    }

    def sample(self):
        return Sample(key="digits.keras", data=(DATA / "keras" / "digits.keras").read_bytes())


def test_lambda_layer_is_a_high_risk_and_named():
    risks = extract_file(KerasZipExtractor, DATA, "keras/lambda.keras").risks
    assert {(risk.kind, risk.severity.name) for risk in risks} == {("lambda-layer", "HIGH")}
    assert any(risk.member == "lambda" for risk in risks)
    assert not extract_file(KerasZipExtractor, DATA, "keras/digits.keras").risks


@pytest.mark.parametrize(
    ("module", "severity"),
    [
        ("builtins", None),
        ("keras.layers", None),
        ("my_package.layers", "MEDIUM"),
        ("os", "HIGH"),
        ("subprocess", "HIGH"),
    ],
)
def test_foreign_module_in_a_configuration_is_a_risk(module, severity):
    config = {
        "class_name": "Sequential",
        "module": "keras",
        "config": {"layers": [{"module": module, "class_name": "X"}]},
    }
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("metadata.json", '{"keras_version": "3.0.0", "date_saved": "2024-02-03@04:05:06"}')
        archive.writestr("config.json", json.dumps(config))
    extraction = KerasZipExtractor().extract(bytes_reader("m.keras", data.getvalue()))
    assert [risk.severity.name for risk in extraction.risks] == ([severity] if severity else [])
    assert values_of(extraction)["created_at"] == "2024-02-03T04:05:06"
