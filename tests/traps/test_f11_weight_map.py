"""An index or a pipeline that names files outside its own directory."""

import json

import pytest

from catalog.testing.extractors import Storage
from crawler.extractors.diffusers import DiffusersPipelineExtractor
from crawler.extractors.weights_index import WeightsIndexExtractor
from crawler.reader import RangedReader

OUTSIDE = [
    "../../secret.safetensors",
    "/etc/passwd",
    "..\\secret",
    "C:\\secret",
    "https://host/x",
    "a/../../b",
    "sub/shard",
    "..",
    "",
]


def extract(extractor, name, value):
    storage = Storage(json.dumps(value).encode())
    return extractor().extract(RangedReader(name, len(storage.data), storage.fetch)), storage


@pytest.mark.parametrize("shard", OUTSIDE)
def test_shard_outside_the_directory_is_a_risk_and_never_referenced(shard):
    index = {"weight_map": {"good": "model-1.safetensors", "bad": shard}}
    extraction, storage = extract(WeightsIndexExtractor, "model.safetensors.index.json", index)
    assert [reference.name for reference in extraction.references] == ["model-1.safetensors"]
    assert [risk.kind for risk in extraction.risks] == ["path-traversal"]
    assert storage.ranges == [(0, len(storage.data))]


def test_pipeline_component_outside_the_directory_is_a_risk_and_never_referenced():
    index = {
        "_class_name": "X",
        "../../unet": ["diffusers", "UNet2DModel"],
        "vae": ["diffusers", "AutoencoderKL"],
    }
    extraction, _ = extract(DiffusersPipelineExtractor, "model_index.json", index)
    assert [reference.name for reference in extraction.references] == ["vae"]
    assert [risk.kind for risk in extraction.risks] == ["path-traversal"]
