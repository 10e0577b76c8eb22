"""sentence-transformers: modules.json, its own configuration, and the pooling and dense layers' small files."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from fixtures.extraction import file_sample

from catalog.testing.extractors import ExtractorSuite
from crawler.extractors.sentence_transformers import SentenceTransformersExtractor

DATA = Path(__file__).parents[3] / "corpus" / "data" / "hub"


class TestSentenceTransformersModules(ExtractorSuite):
    extractor = SentenceTransformersExtractor
    expected: ClassVar = {"framework": "sentence-transformers", "extra.modules": ["Transformer", "Pooling"]}

    def sample(self):
        return file_sample(DATA, "modules.json", "mini/modules.json")


class TestSentenceTransformersSettings(ExtractorSuite):
    extractor = SentenceTransformersExtractor
    expected: ClassVar = {"framework_version": "6.2.0", "extra.similarity_fn_name": "cosine"}

    def sample(self):
        return file_sample(
            DATA, "config_sentence_transformers.json", "mini/config_sentence_transformers.json"
        )
