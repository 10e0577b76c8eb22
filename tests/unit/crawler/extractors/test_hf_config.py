"""config.json of transformers, timm and libraries that write alike: architecture, sizes, declared precision, risks."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from fixtures.extraction import file_sample

from catalog.testing.extractors import ExtractorSuite
from crawler.extractors.hf_config import HfConfigExtractor

DATA = Path(__file__).parents[3] / "corpus" / "data" / "hub"


class TestHfConfig(ExtractorSuite):
    extractor = HfConfigExtractor
    expected: ClassVar = {
        "architecture": "LlamaForCausalLM",
        "model_type": "llama",
        "task": "text-generation",
        "context_length": 16384,
        "quantization.method": "gptq",
        "quantization.bits": 4,
        "quantization.group_size": 128,
        "precision": "bfloat16",
    }

    def sample(self):
        return file_sample(DATA, "llama-gptq-config.json", "llama/config.json")
