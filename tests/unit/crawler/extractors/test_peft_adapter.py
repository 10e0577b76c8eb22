"""adapter_config.json of PEFT: kind and rank of an adapter, and the model it sits on."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.peft_adapter import PeftAdapterExtractor

DATA = Path(__file__).parents[3] / "corpus" / "data" / "hub"


def sample_of(name, key):
    return Sample(key=key, data=(DATA / name).read_bytes())


class TestPeftAdapter(ExtractorSuite):
    extractor = PeftAdapterExtractor
    expected: ClassVar = {
        "adapter.type": "LORA",
        "adapter.rank": 8,
        "adapter.alpha": 16,
        "base_model.id": "meta-llama/Llama-3.1-8B",
        "task": "text-generation",
    }

    def sample(self):
        return sample_of("adapter_config.json", "lora/adapter_config.json")
