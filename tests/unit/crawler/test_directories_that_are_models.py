"""A directory that is one model is the same model when it is what is crawled itself as below the directory above it."""

import json

import pytest
from fixtures.crawling import safetensors

from catalog.settings import Settings
from catalog.store import open_store
from crawler.crawl import crawl
from crawler.registry import Registry
from crawler.sources.local import LocalSource

COMPILED = json.dumps(
    [{"specificationVersion": 7, "author": "Acme", "license": "MIT", "storagePrecision": "Float16"}]
)
BLOB = b"\1\0\0\0\2\0\0\0".ljust(64, b"\0") + b"\xef\xbe\xad\xde".ljust(236, b"\0")
"""Of one tensor, as Apple's compiler writes it."""
REVISION = "a" * 40
TREES = {
    "a compiled Core ML model": (
        "Encoder.mlmodelc",
        {
            "coremldata.bin": b"\0" * 40,
            "weights/weight.bin": BLOB,
            "model.mil": b"program(1.0)",
            "metadata.json": COMPILED.encode(),
            "analytics/coremldata.bin": b"\0" * 40,
        },
        ("Encoder", ["coreml"], 300, "mit"),
    ),
    "a snapshot in the cache of the hub": (
        f"models--acme--tiny/snapshots/{REVISION}",
        {"model.safetensors": safetensors(), "config.json": b'{"model_type": "bert"}'},
        ("tiny", ["safetensors"], len(safetensors()), None),
    ),
    "a repository in the cache of the hub": (
        "models--acme--tiny",
        {
            f"snapshots/{REVISION}/model.safetensors": safetensors(),
            f".no_exist/{REVISION}/pytorch_model.bin": b"",
        },
        ("tiny", ["safetensors"], len(safetensors()), None),
    ),
}


def models(root, home):
    settings = Settings(home=home)
    with open_store(settings, write=True) as store:
        crawl(store, LocalSource(root), settings, registry=Registry.installed())
        documents = [row.document for row in store.records.iterate()]
    return [
        (document["name"], document["format"], document["size_bytes"], document.get("license"))
        for document in documents
    ]


@pytest.mark.parametrize("kind", TREES)
@pytest.mark.parametrize("spelling", ["{}", "{}/", "{}/../{name}"])
def test_what_is_crawled_may_be_a_model_itself(tmp_path, kind, spelling):
    """A compiled Core ML model was none, a snapshot was called as the folder of its repository, and empty notes of the cache
    were a model.
    """
    path, files, expected = TREES[kind]
    root = tmp_path / "shop" / path
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    spelled = spelling.format(root, name=root.name)
    own, above = models(spelled, tmp_path / "own"), models(tmp_path / "shop", tmp_path / "above")
    assert own == above == [expected]


def test_what_is_crawled_is_no_core_ml_model_because_of_names_that_others_have(tmp_path):
    """A list of rows gave its licence to the weights beside it, and any `weights/weight.bin` was a model of Core ML."""
    rows = json.dumps([{"name": "rows", "license": "GPL-3.0", "version": "7"}])
    root = tmp_path / "shop"
    (root / "weights").mkdir(parents=True)
    (root / "weights" / "weight.bin").write_bytes(b"\1" * 300)
    (root / "metadata.json").write_text(rows)
    (root / "model.safetensors").write_bytes(safetensors())
    assert models(root, tmp_path / "home") == [("shop", ["safetensors"], len(safetensors()), None)]
