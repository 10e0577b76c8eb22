"""Small machine-written files of a transformers directory: generation and preprocessor configuration, quantiser files."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from fixtures.extraction import file_sample

from catalog.testing.extractors import ExtractorSuite
from crawler.extractors.hf_sidecars import HfSidecarsExtractor

DATA = Path(__file__).parents[3] / "corpus" / "data" / "hub"


class TestHfSidecars(ExtractorSuite):
    extractor = HfSidecarsExtractor
    expected: ClassVar = {"extra.generation.eos_token_id": 2}

    def sample(self):
        return file_sample(DATA, "generation_config.json", "chat/generation_config.json")
