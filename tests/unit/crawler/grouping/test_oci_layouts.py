"""OCI image layouts and Ollama's store: names, manifests and weights are three files that know each other by digest."""

import hashlib
import json

import pytest
from fixtures.crawling import safetensors

from catalog import plugins
from crawler.registry import Registry

MANIFEST = "application/vnd.oci.image.manifest.v1+json"


class Layout:
    """A layout as the OCI image specification 1.1 and ModelPack's describe it."""

    def __init__(self, shop, root):
        self.shop, self.root, self.entries = shop, root, []

    def blob(self, data):
        digest = hashlib.sha256(data).hexdigest()
        self.shop.put(f"{self.root}/blobs/sha256/{digest}", data)
        return {"digest": f"sha256:{digest}", "size": len(data)}

    def model(self, name, fill, licence):
        weights = {
            "mediaType": "application/vnd.cncf.model.weight.v1.raw",
            **self.blob(safetensors(fill=fill)),
        }
        config = {
            "descriptor": {
                "name": name.partition(":")[0],
                "licenses": [licence],
                "authors": [name[0].upper()],
            },
            "config": {"architecture": f"net-{fill:g}", "paramSize": "4"},
        }
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "artifactType": "application/vnd.cncf.model.manifest.v1+json",
            "config": {
                "mediaType": "application/vnd.cncf.model.config.v1+json",
                **self.blob(json.dumps(config).encode()),
            },
            "layers": [weights],
        }
        place = self.blob(json.dumps(manifest).encode())
        named = {"org.opencontainers.image.ref.name": f"registry.example.org/team/{name}"}
        self.entries.append({"mediaType": MANIFEST, **place, "annotations": named})

    def write_index(self):
        self.shop.put(f"{self.root}/oci-layout", {"imageLayoutVersion": "1.0.0"})
        self.shop.put(
            f"{self.root}/index.json",
            {
                "schemaVersion": 2,
                "mediaType": "application/vnd.oci.image.index.v1+json",
                "manifests": self.entries,
            },
        )


@pytest.fixture
def desk(shop):
    names = ("safetensors", "oci-manifest", "hf-config", "licence-text")
    shop.registry = Registry([plugins.load("extractor", name)() for name in names])
    return shop


def test_each_model_of_a_layout_has_the_name_and_the_config_of_its_own_manifest(desk):
    layout = Layout(desk, "layout")
    layout.model("owl:1.2", 1.0, "MIT")
    layout.model("wren:3", 2.0, "Apache-2.0")
    layout.write_index()
    desk.crawl()
    made = {
        (
            document["name"],
            document["version"],
            document["license"],
            document["architecture"],
            document["owner"],
        )
        for document in desk.documents().values()
    }
    assert made == {("owl", "1.2", "mit", "net-1", "O"), ("wren", "3", "apache-2.0", "net-2", "W")}


def test_two_tags_of_one_blob_are_one_model_of_ollama_s_store(desk):
    weights = safetensors()
    digest = hashlib.sha256(weights).hexdigest()
    desk.put(f"models/blobs/sha256-{digest}", weights)
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "config": {
            "mediaType": "application/vnd.docker.container.image.v1+json",
            "digest": f"sha256:{'c' * 64}",
            "size": 5,
        },
        "layers": [
            {
                "mediaType": "application/vnd.ollama.image.model",
                "digest": f"sha256:{digest}",
                "size": len(weights),
            }
        ],
    }
    for tag in ("8b", "latest"):
        desk.put(f"models/manifests/registry.ollama.ai/library/llama3/{tag}", manifest)
    desk.crawl()
    (made,) = desk.documents().values()
    assert made["name"] in {"llama3:8b", "llama3:latest"}
    assert made["content_hash"] == digest


APACHE = "Apache License Version 2.0, January 2004 http://www.apache.org/licenses/ TERMS AND CONDITIONS"


class OllamaStore:
    """Ollama's store: a manifest for each name and tag, and all layers as blobs beside."""

    def __init__(self, shop):
        self.shop = shop

    def blob(self, data):
        digest = hashlib.sha256(data).hexdigest()
        self.shop.put(f"models/blobs/sha256-{digest}", data)
        return {"digest": f"sha256:{digest}", "size": len(data)}

    def layer(self, kind, data):
        return {"mediaType": f"application/vnd.ollama.image.{kind}", **self.blob(data)}

    def model(self, place, *layers, **config):
        config = {"model_format": "safetensors", "model_family": "llama", **config}
        manifest = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
            "config": {
                "mediaType": "application/vnd.docker.container.image.v1+json",
                **self.blob(json.dumps(config).encode()),
            },
            "layers": layers,
        }
        return self.shop.put(f"models/manifests/{place}", manifest)


@pytest.fixture
def ollama(desk):
    """A vision model, a model made of it by a system prompt, one by an adapter, and two of a blob for each tensor."""
    store = OllamaStore(desk)
    weights = store.layer("model", safetensors(8, name="w", fill=1.0))
    licence = store.layer("license", APACHE.encode())
    library = "registry.ollama.ai/library"
    store.model(
        f"{library}/owl-vl/4b", weights, store.layer("projector", safetensors(3, name="v", fill=2.0)), licence
    )
    store.model(f"{library}/butler/latest", weights, store.layer("system", b"You are a butler."), licence)
    store.model(
        f"{library}/poet/latest", weights, store.layer("adapter", safetensors(2, name="a.lora_A", fill=3.0))
    )
    tensors = [store.layer("tensor", safetensors(5, name=f"t{number}", fill=number)) for number in range(70)]
    store.model("registry.example.org/team/wren/1b", *tensors, licence)
    store.model("registry.example.org/team/wren/latest", *tensors, licence)
    other = store.layer("tensor", safetensors(9, name="t69"))
    store.model("registry.example.org/team/wren/fine", *tensors[:69], other)
    report = desk.crawl()
    assert report.unread == ()
    return desk


def named(shop):
    return {document["name"]: document for document in shop.documents().values()}


def test_each_model_of_ollama_s_store_is_one_and_what_is_made_of_it_gives_it_no_other_name(ollama):
    models = named(ollama)
    assert sorted(models) == ["owl-vl:4b", "poet:latest", "wren:1b", "wren:fine"]
    assert {name: model["parameters"] for name, model in models.items()} == {
        "owl-vl:4b": 8,
        "poet:latest": 2,
        "wren:1b": 350,
        "wren:fine": 354,
    }
    owl = models["owl-vl:4b"]
    assert {entry["role"] for entry in owl["files"]} >= {"weights", "part"}
    assert set(owl["tags"]) == {"owl-vl:4b", "butler:latest"}
    assert owl["license"] == "apache-2.0"
    wren = models["wren:1b"]
    assert set(wren["tags"]) == {"wren:1b", "wren:latest"}
    assert (wren["owner"], wren["license"], wren["complete"]) == ("team", "apache-2.0", True)
    assert wren["path"] == "models/manifests/registry.example.org/team/wren/1b"


def test_a_model_of_many_layers_of_which_one_is_gone_is_incomplete(ollama):
    gone = hashlib.sha256(safetensors(5, name="t69", fill=69)).hexdigest()
    (ollama.root / f"models/blobs/sha256-{gone}").unlink()
    ollama.crawl()
    wren = named(ollama)["wren:1b"]
    assert (wren["complete"], wren["shards"]) == (False, {"expected": 70, "found": 69})
    assert "incomplete" in wren["flags"]
