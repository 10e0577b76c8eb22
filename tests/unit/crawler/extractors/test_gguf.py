"""GGUF: exact counts per block type, the model's own metadata, and risks of its chat templates."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.gguf import GgufExtractor

DATA = Path(__file__).parents[3] / "corpus" / "data" / "hub"


class TestGguf(ExtractorSuite):
    extractor = GgufExtractor
    expected: ClassVar = {
        "name": "Tiny Tales",
        "version": "1.10",
        "license": "apache-2.0",
        "language": "no",
        "base_model.id": "meta-llama/Llama-3.1-8B",
        "context_length": 2048,
        "embedding_dimension": 256,
        "precision": "Q4_K_M",
        "quantization.scheme": "Q4_K_M",
    }

    def sample(self):
        return Sample(key="tales-Q4_K_M.gguf", data=(DATA / "tales-Q4_K_M.gguf").read_bytes())


class TestBigEndianGguf(ExtractorSuite):
    extractor = GgufExtractor
    expected: ClassVar = {"name": "Tiny Tales", "context_length": 2048, "extra.gguf.byte_order": "big"}

    def sample(self):
        return Sample(key="tales.gguf", data=(DATA / "tales-big-endian.gguf").read_bytes())


class TestGgufAdapter(ExtractorSuite):
    extractor = GgufExtractor
    expected: ClassVar = {"adapter.type": "LORA", "adapter.rank": 4, "adapter.alpha": 16.0}

    def sample(self):
        return Sample(key="tales-lora.gguf", data=(DATA / "tales-lora.gguf").read_bytes())
