"""Bundles of MONAI: metadata.json was nobody's, so that a bundle said neither what it segments nor how well."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import pytest
from fixtures.crawling import safetensors
from fixtures.extraction import extract, values_of

from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.monai import MonaiExtractor
from crawler.registry import Registry

KEY = "spleen_ct_segmentation/configs/metadata.json"
IMAGE = {
    "type": "image",
    "modality": "CT",
    "num_channels": 1,
    "spatial_shape": [96, "*", "16*n"],
    "dtype": "float32",
}
MASK = {
    "type": "image",
    "format": "segmentation",
    "num_channels": 2,
    "spatial_shape": [96, 96, 96],
    "dtype": "float32",
    "channel_def": {"0": "background", "1": "spleen"},
}
METADATA: dict[str, Any] = {
    "schema": "https://github.com/Project-MONAI/MONAI-extra-test-data/releases/download/0.8.1/meta_schema.json",
    "version": "0.2.0",
    "changelog": {"0.2.0": "unify naming"},
    "monai_version": "0.9.0",
    "pytorch_version": "1.10.0",
    "numpy_version": "unknown",
    "required_packages_version": {"nibabel": "3.2.1"},
    "name": "Spleen CT segmentation",
    "task": "Decathlon spleen segmentation",
    "description": "Volumetric segmentation of the spleen",
    "authors": "MONAI team",
    "data_source": "Task09_Spleen.tar from http://medicaldecathlon.com/",
    "eval_metrics": {"mean_dice": 0.96},
    "intended_use": "This is an example",
    "network_data_format": {"inputs": {"image": IMAGE}, "outputs": {"pred": MASK}},
}


class TestMonai(ExtractorSuite):
    extractor = MonaiExtractor
    expected: ClassVar = {
        "library": "monai",
        "title": "Spleen CT segmentation",
        "version": "0.2.0",
        "framework": "pytorch",
        "framework_version": "1.10.0",
        "owner": "MONAI team",
        "task": "image-segmentation",
        "classes": 2,
        "extra.labels": ["background", "spleen"],
        "extra.monai.modality": "CT",
        "extra.monai.intended_use": "This is an example",
        "metrics.mean_dice": 0.96,
    }

    def sample(self):
        return Sample(key=KEY, data=json.dumps(METADATA).encode())


def _observed(**changed: Any) -> dict[str, Any]:
    return values_of(extract(MonaiExtractor, KEY, json.dumps(METADATA | changed).encode()))


def test_shape_has_a_batch_and_channels_before_its_sizes_and_words_are_any_size():
    [image] = _observed()["inputs"]
    assert image == {"name": "image", "dtype": "F32", "shape": [None, 1, 96, None, None]}


def test_version_that_nobody_knew_is_no_dependency():
    extraction = extract(MonaiExtractor, KEY, json.dumps(METADATA).encode())
    dependencies = [seen.raw for seen in extraction.observations if seen.field == "dependencies"]
    assert dependencies == ["monai==0.9.0", "torch==1.10.0", "nibabel==3.2.1"]


@pytest.mark.parametrize(
    ("words", "task"),
    [
        ("Nodule detection in CT", "object-detection"),
        ("Breast density classification", "image-classification"),
        ("Tumor detection by classification", None),
        ("Registration of lungs", None),
    ],
)
def test_task_without_masks_is_what_its_words_say_if_they_say_one(words, task):
    output = {"type": "image", "format": "probabilities", "num_channels": 4, "channel_def": {"0": "score"}}
    observed = _observed(task=words, network_data_format={"outputs": {"pred": output}})
    assert observed.get("task") == task
    assert "classes" not in observed


@pytest.mark.parametrize("odd", [7, "text", [], {"inputs": 7, "outputs": {"pred": 7}}, {"inputs": {"a": {}}}])
def test_odd_formats_of_the_network_cost_nothing_else(odd):
    observed = _observed(network_data_format=odd)
    assert observed["version"] == "0.2.0"


def test_other_metadata_is_left_to_its_readers():
    assert MonaiExtractor().claims(KEY, b'{"keras_version": "3.0", "name": "monai"}') is None
    assert MonaiExtractor().claims("bundle/configs/train.json", json.dumps(METADATA).encode()) is None


def test_bundle_is_found_by_what_it_segments_and_how_well(shop):
    shop.registry = Registry.installed()
    shop.put("spleen/models/model.safetensors", safetensors())
    shop.put("spleen/LICENSE", b"Apache License\nVersion 2.0, January 2004\n")
    shop.put("spleen/configs/metadata.json", METADATA)
    shop.put("spleen/configs/train.json", {"epochs": 3})
    shop.crawl()
    [document] = shop.documents().values()
    assert document["name"] == "spleen"
    assert (document["task"], document["library"]) == ("image-segmentation", "monai")
    assert document["metrics"]["dice"] == 0.96


def test_bundle_without_a_licence_speaks_for_its_network_too(shop):
    shop.registry = Registry.installed()
    shop.put("spleen/models/model.pt", safetensors())
    shop.put("spleen/configs/metadata.json", METADATA)
    shop.crawl()
    [document] = shop.documents().values()
    assert document["task"] == "image-segmentation"
