"""adapter_config.json of PEFT: kind and rank of an adapter, and the model it sits on."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from fixtures.extraction import file_sample

from catalog.testing.extractors import ExtractorSuite
from crawler.extractors.peft_adapter import PeftAdapterExtractor

DATA = Path(__file__).parents[3] / "corpus" / "data" / "hub"


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
        return file_sample(DATA, "adapter_config.json", "lora/adapter_config.json")
