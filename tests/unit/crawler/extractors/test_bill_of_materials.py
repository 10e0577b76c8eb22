"""Bills of materials in CycloneDX, SPDX and Croissant: whose facts are taken, and for which file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fixtures.extraction import extract, values_of

from catalog.layouts.content_addressed import content_key
from catalog.testing.extractors import ExtractorSuite, Sample
from catalog.text.licences import of_text
from crawler.extractors.bill_of_materials import BillOfMaterialsExtractor

DATA = Path(__file__).parents[3] / "corpus" / "data" / "boms"


DIGEST = "a" * 63 + "1"


CYCLONEDX = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.6",
    "metadata": {"timestamp": "2024-01-01T00:00:00Z"},
    "components": [
        {"type": "library", "name": "torch"},
        {
            "type": "machine-learning-model",
            "name": "pose-net",
            "version": "2.1",
            "licenses": [{"license": {"id": "Apache-2.0"}}],
            "modelCard": {
                "modelParameters": {"task": "pose-estimation", "modelArchitecture": "HRNet", "datasets": [{"name": "coco"}]},
                "quantitativeAnalysis": {"performanceMetrics": [{"type": "mAP", "value": "0.71", "slice": "coco-val"}]},
            },
        },
    ],
}  # fmt: skip


SPDX = {
    "@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld",
    "@graph": [
        {
            "type": "ai_AIPackage",
            "name": "speech-small",
            "software_packageVersion": "0.9",
            "releaseTime": "2024-05-01T00:00:00Z",
            "ai_typeOfModel": ["transformer"],
            "ai_hyperparameter": [{"type": "DictionaryEntry", "key": "layers", "value": "4"}],
            "ai_metric": [{"type": "DictionaryEntry", "key": "wer", "value": "0.12"}],
        }
    ],
}


class TestCycloneDx(ExtractorSuite):
    extractor = BillOfMaterialsExtractor
    expected = {
        "name": "pose-net",
        "version": "2.1",
        "license": "Apache-2.0",
        "metrics.mAP": "0.71",
        "datasets": "coco",
    }

    def sample(self):
        return Sample(key="model/pose.cdx.json", data=json.dumps(CYCLONEDX).encode())


class TestCycloneDxByItsLibrary(ExtractorSuite):
    """The library writes `bomFormat` after sixty components."""

    extractor = BillOfMaterialsExtractor
    expected = {
        "name": "pose-net",
        "version": "2.1.0",
        "license": "Apache-2.0",
        "owner": "Grace",
        "extra.declared_sha256": "a" * 64,
    }

    def sample(self):
        return Sample(key="model/bom.json", data=(DATA / "bom.json").read_bytes())


class TestSpdxByItsLibrary(ExtractorSuite):
    extractor = BillOfMaterialsExtractor
    expected = {
        "name": "speech-small",
        "version": "0.9",
        "license": "MIT",
        "owner": "Ada",
        "datasets": "LibriSpeech",
        "metrics.wer": "0.12",
        "hyperparameters.layers": "4",
        "released_at": "2024-05-02T00:00:00Z",
    }

    def sample(self):
        return Sample(key="model/speech.spdx.json", data=(DATA / "speech.spdx.json").read_bytes())


class TestCroissantByItsLibrary(ExtractorSuite):
    extractor = BillOfMaterialsExtractor
    expected = {
        "datasets": "titanic",
        "extra.dataset_license": "https://creativecommons.org/licenses/by/4.0/",
    }

    def sample(self):
        return Sample(key="model/croissant.json", data=(DATA / "croissant.json").read_bytes())


def test_a_bill_s_own_timestamp_is_not_the_model_s_date():
    found = values_of(extract(BillOfMaterialsExtractor, "bom.json", CYCLONEDX))
    assert not {"created_at", "trained_at", "released_at"} & set(found)


def test_an_spdx_ai_package_tells_metrics_and_release():
    found = values_of(extract(BillOfMaterialsExtractor, "model.spdx.json", SPDX))
    assert found["metrics.wer"] == "0.12"
    assert found["hyperparameters.layers"] == "4"
    assert found["released_at"] == "2024-05-01T00:00:00Z"


def test_a_croissant_file_names_a_data_set_and_leaves_the_model_s_licence_alone():
    croissant = {
        "@context": {"cr": "http://mlcommons.org/croissant/"},
        "name": "titanic",
        "license": "cc-by-4.0",
    }
    found = values_of(extract(BillOfMaterialsExtractor, "croissant.json", croissant))
    assert found == {"datasets": "titanic", "extra.dataset_license": "cc-by-4.0"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Apache License\nVersion 2.0, January 2004", "apache-2.0"),
        ("GNU LESSER GENERAL PUBLIC LICENSE\n Version 3, 29 June 2007", "lgpl-3.0"),
        ("GNU GENERAL PUBLIC LICENSE\n Version 3, 29 June 2007", "gpl-3.0"),
        ("Redistribution and use in source and binary forms … Neither the name of", "bsd-3-clause"),
        ("Redistribution and use in source and binary forms, with or without", "bsd-2-clause"),
        ("LLAMA 3.1 COMMUNITY LICENSE AGREEMENT", "llama3.1"),
        ("All rights reserved.", None),
    ],
)
def test_a_licence_is_known_by_its_sentences(text, expected):
    assert of_text(text) == expected


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (f"blobs/sha256-{DIGEST}", f"sha256:{DIGEST}"),
        (f"layout/blobs/sha256/{DIGEST}", f"sha256:{DIGEST}"),
        (f"hub/models--bert/blobs/{DIGEST}", f"sha256:{DIGEST}"),
        ("cache/files/md5/c3/03714c4312deb287806576c8462782", "md5:c303714c4312deb287806576c8462782"),
        (f"notes/{DIGEST}", None),
        ("blobs/model.bin", None),
    ],
)
def test_layouts_that_name_files_by_content_are_known(key, expected):
    assert content_key(key) == expected


def test_a_bill_speaks_for_the_bytes_whose_hash_it_names():
    extraction = extract(BillOfMaterialsExtractor, "boms/bom.json", (DATA / "bom.json").read_bytes())
    assert extraction.join_keys == (f"sha256:{'a' * 64}",)


def test_a_json_file_that_is_called_bom_and_is_none_says_nothing():
    extraction = extract(BillOfMaterialsExtractor, "a/bom.json", {"parts": [1, 2]})
    assert (extraction.observations, extraction.problems, extraction.format) == ((), (), None)
