"""AutoGluon's metadata.json beside its predictor, and metadata of others."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.autogluon import AutogluonExtractor

FILE = (
    Path(__file__).parents[3]
    / "cases/formats/tabular-tools/input/AutogluonModels/ag-20240501_101112/metadata.json"
)


class TestAutogluon(ExtractorSuite):
    extractor = AutogluonExtractor
    expected: ClassVar = {
        "framework": "autogluon",
        "framework_version": "1.1.1",
        "dependencies": "pandas==2.2.2",
    }

    def sample(self):
        return Sample(key="ag/metadata.json", data=FILE.read_bytes())


def test_metadata_of_others_is_left_alone():
    assert AutogluonExtractor().claims("m/metadata.json", b'{"keras_version": "3.0"}') is None


def test_metadata_of_another_program_with_its_packages_is_left_alone():
    head = b'{"py_version": "3.11", "packages": {"torch": "2.3"}, "version": "7"}'
    assert AutogluonExtractor().claims("m/metadata.json", head) is None
