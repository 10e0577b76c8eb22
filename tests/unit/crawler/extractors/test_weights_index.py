"""The index of sharded weights: which shard holds which tensor, and what the writer declared of the whole."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.weights_index import WeightsIndexExtractor

DATA = Path(__file__).parents[3] / "corpus" / "data" / "hub"


class TestWeightsIndex(ExtractorSuite):
    extractor = WeightsIndexExtractor
    expected: ClassVar = {"parameters": 32}

    def sample(self):
        name = "model.safetensors.index.json"
        return Sample(key=f"sharded/{name}", data=(DATA / name).read_bytes())
