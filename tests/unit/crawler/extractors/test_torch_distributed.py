"""Distributed checkpoints of PyTorch: counts from `.metadata` alone."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.torch_distributed import TorchDistributedExtractor

DATA = Path(__file__).parents[3] / "corpus" / "data" / "torch"


class TestDistributedCheckpoint(ExtractorSuite):
    extractor = TorchDistributedExtractor
    expected: ClassVar = {"framework": "pytorch"}

    def sample(self):
        return Sample(key="step_100/.metadata", data=(DATA / "dcp" / ".metadata").read_bytes())
