"""Licence texts, checksum files, bills of materials and manifests, held to the suite of every extractor."""

from __future__ import annotations

import json

import pytest

from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.checksums import ChecksumsExtractor
from crawler.reader import bytes_reader

DIGEST = "a" * 63 + "1"


def extracted(extractor, key, value):
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return extractor().extract(bytes_reader(key, data))


class TestChecksums(ExtractorSuite):
    extractor = ChecksumsExtractor
    expected = {"content_hash": DIGEST}

    def sample(self):
        return Sample(key="model/SHA256SUMS", data=f"{DIGEST}  model.safetensors\n".encode())


@pytest.mark.parametrize(
    "line", [f"{DIGEST}  ../model.bin", f"{DIGEST}  /etc/passwd", "not a hash  model.bin"]
)
def test_a_checksum_of_a_file_outside_is_not_taken(line):
    assert extracted(ChecksumsExtractor, "a/SHA256SUMS", line.encode()).subjects == ()
