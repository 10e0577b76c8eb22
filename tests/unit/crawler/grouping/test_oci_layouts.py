"""OCI image layouts and Ollama's store: names, manifests and weights are three files that know each other by digest."""

import hashlib
import json

import pytest
from fixtures.crawling import safetensors

from catalog import plugins
from crawler.reading import Registry

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
    names = ("safetensors", "oci-manifest")
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
