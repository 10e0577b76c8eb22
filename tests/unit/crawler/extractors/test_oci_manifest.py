"""Manifests of OCI images and of Ollama: which blobs make the model."""

from __future__ import annotations

import json

from fixtures.extraction import extract

from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.oci_manifest import OciManifestExtractor

DIGEST = "a" * 63 + "1"


OLLAMA = {
    "schemaVersion": 2,
    "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
    "config": {
        "mediaType": "application/vnd.docker.container.image.v1+json",
        "digest": f"sha256:{'b' * 64}",
        "size": 5,
    },
    "layers": [
        {"mediaType": "application/vnd.ollama.image.model", "digest": f"sha256:{DIGEST}", "size": 100},
        {"mediaType": "application/vnd.ollama.image.license", "digest": f"sha256:{'c' * 64}", "size": 10},
    ],
}


class TestOllama(ExtractorSuite):
    extractor = OciManifestExtractor
    expected = {"name": "llama3:8b", "version": "8b"}

    def sample(self):
        return Sample(key="manifests/registry.ollama.ai/library/llama3/8b", data=json.dumps(OLLAMA).encode())


def test_a_manifest_binds_its_name_to_the_blob_with_its_layer_s_digest():
    extraction = extract(OciManifestExtractor, "manifests/registry.ollama.ai/library/llama3/8b", OLLAMA)
    assert extraction.subjects[0].join_keys == (f"sha256:{DIGEST}",)
