"""Objects filed under their hashes: bound by them, and orphans when nothing names them."""

import hashlib
import json

import pytest
from fixtures.crawling import safetensors

from catalog import plugins
from crawler.registry import Registry


@pytest.fixture
def store(shop):
    names = ("safetensors", "dvc", "oci-manifest")
    shop.registry = Registry([plugins.load("extractor", name)() for name in names])
    return shop


def put_object(shop, data: bytes, *, suffix="", prefix="remote/files/md5") -> str:
    digest = hashlib.md5(data).hexdigest() + suffix
    shop.put(f"{prefix}/{digest[:2]}/{digest[2:]}", data)
    return digest


def pointer(digest: str, path: str) -> str:
    return f"outs:\n- md5: {digest}\n  size: 1\n  hash: md5\n  path: {path}\n"


@pytest.mark.parametrize("prefix", ["remote/files/md5", "old-remote"])
def test_an_object_that_a_dvc_file_names_is_its_model_and_the_other_an_orphan(store, prefix):
    named = put_object(store, safetensors(values=5), prefix=prefix)
    left = put_object(store, safetensors(values=6), prefix=prefix)
    store.put("repo/net.safetensors.dvc", pointer(named, "net.safetensors"))
    store.crawl()
    made = {document["parameters"]: document for document in store.documents().values()}
    assert sorted(made) == [5, 6]
    assert "orphan" not in made[5].get("flags", ())
    assert made[6]["flags"] == ["orphan"]
    assert made[6]["path"].endswith(left[2:])
    assert made[5]["name"].startswith("net")


def test_files_of_a_named_directory_are_no_orphans_and_those_of_an_old_one_are(store):
    kept, dropped = put_object(store, safetensors(values=5)), put_object(store, safetensors(values=6))

    def directory(digest):
        listed = json.dumps([{"md5": digest, "relpath": "model.safetensors"}]).encode()
        return put_object(store, listed, suffix=".dir")

    store.put("repo/net.dvc", pointer(directory(kept), "net"))
    directory(dropped)
    store.crawl()
    flags = {made["parameters"]: made.get("flags", []) for made in store.documents().values()}
    assert flags == {5: [], 6: ["orphan"]}


def test_a_file_in_the_workspace_does_not_make_its_object_an_orphan(store):
    digest = put_object(store, safetensors(values=5), prefix="repo/.dvc/cache/files/md5")
    store.put("repo/net.safetensors", safetensors(values=5))
    store.put("repo/net.safetensors.dvc", pointer(digest, "net.safetensors"))
    store.crawl()
    assert all("orphan" not in made.get("flags", ()) for made in store.documents().values())


def test_a_blob_bears_the_name_of_the_manifest_that_names_its_digest(store):
    data = safetensors(values=5)
    digest = hashlib.sha256(data).hexdigest()
    store.put(f"ollama/models/blobs/sha256-{digest}", data)
    layer = {
        "mediaType": "application/vnd.ollama.image.model",
        "digest": f"sha256:{digest}",
        "size": len(data),
    }
    kind = "application/vnd.docker.distribution.manifest.v2+json"
    store.put(
        "ollama/models/manifests/registry.example/library/tiny/latest",
        {"schemaVersion": 2, "mediaType": kind, "layers": [layer]},
    )
    store.crawl()
    (made,) = store.documents().values()
    assert made["name"] == "tiny:latest"
    assert made["content_hash"] == digest


@pytest.mark.parametrize("config", [True, False])
def test_a_model_in_a_hub_cache_bears_the_name_of_its_repository(shop, config):
    revision = "models--acme--tiny-bert/snapshots/0123456789abcdef0123456789abcdef01234567"
    shop.model(f"hub/{revision}/model.safetensors")
    if config:
        shop.put(f"hub/{revision}/config.json", {"architectures": ["BertModel"], "model_type": "bert"})
    shop.crawl()
    assert [made["name"] for made in shop.documents().values()] == ["tiny-bert"]
