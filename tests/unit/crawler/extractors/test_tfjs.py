"""TensorFlow.js models, laid out as tensorflowjs_converter writes them."""

from __future__ import annotations

import json
from typing import ClassVar

import pytest

from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.tfjs import TfjsExtractor
from crawler.reader import bytes_reader
from crawler.registry import Registry

MANIFEST = [
    {
        "paths": ["group1-shard1of2.bin", "group1-shard2of2.bin"],
        "weights": [
            {"name": "dense/kernel", "shape": [4, 3], "dtype": "float32"},
            {
                "name": "dense/bias",
                "shape": [3],
                "dtype": "float32",
                "quantization": {"dtype": "uint8", "min": -1.0, "scale": 0.1, "original_dtype": "float32"},
            },
            {"name": "shape", "shape": [2], "dtype": "int32"},
        ],
    }
]


LAYERS = {
    "format": "layers-model",
    "generatedBy": "keras v2.4.0",
    "convertedBy": "TensorFlow.js Converter v3.18.0",
    "modelTopology": {
        "keras_version": "2.4.0",
        "backend": "tensorflow",
        "model_config": {"class_name": "Sequential", "config": {"name": "iris", "layers": []}},
        "training_config": {
            "loss": "mse",
            "optimizer_config": {"class_name": "Adam", "config": {"learning_rate": 0.25}},
        },
    },
    "weightsManifest": MANIFEST,
}


class TestTfjs(ExtractorSuite):
    extractor = TfjsExtractor
    expected: ClassVar = {
        "framework": "tensorflow.js",
        "framework_version": "3.18.0",
        "origin_framework": "keras",
        "architecture": "Sequential",
        "training.optimizer": "Adam",
        "training.learning_rate": 0.25,
        "training.loss": "mse",
    }

    def sample(self):
        return Sample(key="iris/model.json", data=json.dumps(LAYERS).encode())


def test_weights_are_counted_and_their_files_named():
    extraction = TfjsExtractor().extract(bytes_reader("model.json", json.dumps(LAYERS).encode()))
    weights = {tally.dtype: tally.elements for tally in extraction.tensors.tallies if tally.part == "model"}
    assert weights == {"F32": 12, "U8": 3}
    assert [found.name for found in extraction.references] == MANIFEST[0]["paths"]


def test_graph_model_says_its_signature():
    ports = {
        "x:0": {"name": "x:0", "dtype": "DT_FLOAT", "tensorShape": {"dim": [{"size": "-1"}, {"size": "64"}]}}
    }
    graph = {"format": "graph-model", "signature": {"inputs": ports}, "weightsManifest": MANIFEST}
    extraction = TfjsExtractor().extract(bytes_reader("model.json", json.dumps(graph).encode()))
    said = {observation.field: observation.raw for observation in extraction.observations}
    assert said["inputs"] == [{"name": "x:0", "dtype": "F32", "shape": [None, 64]}]


@pytest.mark.parametrize("path", ["../../etc/passwd", "/etc/passwd"])
def test_weights_elsewhere_are_a_risk_and_no_reference(path):
    data = json.dumps([{"paths": [path], "weights": []}]).encode()
    extraction = TfjsExtractor().extract(bytes_reader("face-weights_manifest.json", data))
    assert (extraction.references, [risk.kind for risk in extraction.risks]) == ((), ["path-traversal"])


def test_other_json_is_left_alone():
    assert TfjsExtractor().claims("config.json", b'{"format": "other"}') is None
    assert TfjsExtractor().claims("weights_manifest.json", b'["a"]') is None


def test_weights_that_a_manifest_names_are_its_data_whatever_they_are_called(shop):
    shop.registry = Registry.installed()
    manifest = [
        {"paths": ["face_model.bin"], "weights": [{"name": "w", "shape": [4, 3], "dtype": "float32"}]}
    ]
    shop.put("web/face_model-weights_manifest.json", json.dumps(manifest).encode())
    shop.put("web/face_model.bin", bytes(range(1, 49)))
    shop.crawl()
    (made,) = shop.documents().values()
    assert (made["name"], made["status"], made["parameters"]) == ("face_model", "ok", 12)
    assert "problems" not in made
    assert "alternatives" not in made
