"""sentence-transformers: modules.json, its own configuration, and the pooling and dense layers' small files."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.sentence_transformers import SentenceTransformersExtractor

DATA = Path(__file__).parents[3] / "corpus" / "data" / "hub"


def sample_of(name, key):
    return Sample(key=key, data=(DATA / name).read_bytes())


class TestSentenceTransformersModules(ExtractorSuite):
    extractor = SentenceTransformersExtractor
    expected: ClassVar = {"framework": "sentence-transformers", "extra.modules": ["Transformer", "Pooling"]}

    def sample(self):
        return sample_of("modules.json", "mini/modules.json")


class TestSentenceTransformersSettings(ExtractorSuite):
    extractor = SentenceTransformersExtractor
    expected: ClassVar = {"framework_version": "6.2.0", "extra.similarity_fn_name": "cosine"}

    def sample(self):
        return sample_of("config_sentence_transformers.json", "mini/config_sentence_transformers.json")
