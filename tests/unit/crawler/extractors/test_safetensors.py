"""safetensors: exact counts of tensors from the header alone, and what writers leave in `__metadata__`."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.safetensors import SafetensorsExtractor

DATA = Path(__file__).parents[3] / "corpus" / "data" / "hub"


class TestSafetensors(ExtractorSuite):
    extractor = SafetensorsExtractor
    expected: ClassVar = {
        "title": "Watercolour",
        "license": "CreativeML Open RAIL++-M",
        "training.learning_rate": "0.0001",
        "training.steps": "1200",
        "adapter.rank": 4,
        "trained_at": "1709287200.25",
        "base_model.id": "sd_xl_base_1.0.safetensors",
        "framework": "pytorch",
    }

    def sample(self):
        return Sample(
            key="loras/watercolour.safetensors", data=(DATA / "watercolour-lora.safetensors").read_bytes()
        )


class TestSafetensorsWithManyDtypes(ExtractorSuite):
    extractor = SafetensorsExtractor
    expected: ClassVar = {"parameters": "12M", "metrics.accuracy": "94.5%", "extra.team": "vision"}

    def sample(self):
        return Sample(key="model.safetensors", data=(DATA / "mixed.safetensors").read_bytes())
