"""Keras models as Keras 3.15 writes them, and HDF5 files that reach for others."""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from pathlib import Path
from typing import ClassVar

import pytest

from catalog.testing.extractors import ExtractorSuite, Sample, Storage
from crawler.extractors.keras_hdf5 import KerasHdf5Extractor
from crawler.extractors.keras_zip import KerasZipExtractor
from crawler.reader import RangedReader, bytes_reader

DATA = Path(__file__).parents[3] / "corpus" / "data"


ONE_DAMAGED_COPY_IN = 12  # each starts a process


def extract(extractor, path):
    data = (DATA / path).read_bytes()
    return extractor().extract(RangedReader(path, len(data), Storage(data).fetch))


def said(extraction):
    return {observation.field: observation.raw for observation in extraction.observations}


class SampledSuite(ExtractorSuite):
    def check_damaged(self, data):
        if zlib.crc32(data) % ONE_DAMAGED_COPY_IN == 0:
            super().check_damaged(data)


class TestKerasHdf5(SampledSuite):
    extractor = KerasHdf5Extractor
    expected: ClassVar = {
        "framework": "keras",
        "framework_version": "3.15.1",
        "architecture": "Sequential",
        "layers": 4,
        "training.optimizer": "Adam",
        "training.learning_rate": 0.004000000189989805,
        "training.loss": "sparse_categorical_crossentropy",
        "inputs": [{"name": "pixels", "dtype": "F32", "shape": [None, 8, 8, 1]}],
    }

    def sample(self):
        return Sample(key="digits/model.h5", data=(DATA / "keras" / "digits.h5").read_bytes())


class TestKerasZip(SampledSuite):
    extractor = KerasZipExtractor
    expected: ClassVar = {
        **TestKerasHdf5.expected,
        "extra.model_name": "digit_net",
        "extra.compiled_metrics": ["accuracy"],
    }

    def sample(self):
        return Sample(key="digits.keras", data=(DATA / "keras" / "digits.keras").read_bytes())


def test_lambda_layer_is_a_high_risk_and_named():
    risks = extract(KerasZipExtractor, "keras/lambda.keras").risks
    assert {(risk.kind, risk.severity.name) for risk in risks} == {("lambda-layer", "HIGH")}
    assert any(risk.member == "lambda" for risk in risks)
    assert not extract(KerasZipExtractor, "keras/digits.keras").risks


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
    assert said(extraction)["created_at"] == "2024-02-03T04:05:06"
