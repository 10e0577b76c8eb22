"""Checksum files: whose content hash they state, and which lines are not taken."""

from __future__ import annotations

import pytest
from fixtures.extraction import extract

from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.checksums import ChecksumsExtractor

DIGEST = "a" * 63 + "1"


class TestChecksums(ExtractorSuite):
    extractor = ChecksumsExtractor
    expected = {"content_hash": DIGEST}

    def sample(self):
        return Sample(key="model/SHA256SUMS", data=f"{DIGEST}  model.safetensors\n".encode())


@pytest.mark.parametrize(
    "line", [f"{DIGEST}  ../model.bin", f"{DIGEST}  /etc/passwd", "not a hash  model.bin"]
)
def test_a_checksum_of_a_file_outside_is_not_taken(line):
    assert extract(ChecksumsExtractor, "a/SHA256SUMS", line.encode()).subjects == ()
