"""Archives of TorchServe, as `torch-model-archiver` writes them."""

from __future__ import annotations

import io
import json
import zipfile
from typing import ClassVar

import pytest
from fixtures.crawling import safetensors
from fixtures.extraction import extract, values_of

from catalog.records import FileStatus
from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.archives import ArchivesExtractor
from crawler.extractors.torchserve import TorchserveExtractor

MANIFEST = {
    "createdOn": "21/03/2023 10:13:52",
    "runtime": "python",
    "model": {
        "modelName": "densenet161",
        "serializedFile": "densenet161-8d451a50.safetensors",
        "handler": "image_classifier",
        "modelVersion": "1.0",
    },
    "archiverVersion": "0.7.1",
}


class TestTorchserve(ExtractorSuite):
    extractor = TorchserveExtractor
    expected: ClassVar = {
        "name": "densenet161",
        "version": "1.0",
        "created_at": "2023-03-21T10:13:52",
        "extra.torchserve.model.handler": "image_classifier",
    }

    def sample(self):
        return Sample(key="MAR-INF/MANIFEST.json", data=json.dumps(MANIFEST).encode())


def zipped(files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def test_an_archive_says_what_its_manifest_and_its_weights_say():
    """It was recognised by its name, and nothing in it was read."""
    weights = safetensors(6)
    data = zipped(
        {
            "MAR-INF/MANIFEST.json": json.dumps(MANIFEST),
            "densenet161-8d451a50.safetensors": weights,
            "h.py": "",
        }
    )
    extraction = extract(ArchivesExtractor, "model-store/densenet161.mar", data)
    said = values_of(extraction)
    assert (said["name"], said["version"], said["framework"]) == ("densenet161", "1.0", "pytorch")
    assert extraction.format == "torchserve"
    assert extraction.tensors is not None
    assert [risk.kind for risk in extraction.risks] == ["unchecked"]


@pytest.mark.parametrize(
    ("written", "instant"),
    [
        ("13/12/2023 10:00:00", "2023-12-13T10:00:00"),
        ("2023-12-13", "2023-12-13"),
        ("DD/MM/YYYY", "DD/MM/YYYY"),
    ],
)
def test_the_day_stands_before_the_month(written, instant):
    manifest = MANIFEST | {"createdOn": written}
    assert values_of(extract(TorchserveExtractor, "MAR-INF/MANIFEST.json", manifest))["created_at"] == instant


def test_a_bundle_of_mediapipe_is_one_model_whatever_is_in_it():
    data = zipped({"TF_LITE_PREFILL_DECODE": b"\x18\0\0\0TFL3 damaged", "METADATA": b"x"})
    extraction = extract(ArchivesExtractor, "gemma.task", data)
    assert (extraction.format, values_of(extraction)["framework"]) == ("mediapipe", "mediapipe")
    assert extraction.status is not FileStatus.UNREADABLE
