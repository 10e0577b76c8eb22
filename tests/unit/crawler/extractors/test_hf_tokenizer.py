"""tokenizer_config.json, chat templates and the files of a tokenizer: length limit, class, template risks."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from fixtures.extraction import file_sample

from catalog.testing.extractors import ExtractorSuite
from crawler.extractors.hf_tokenizer import HfTokenizerExtractor

DATA = Path(__file__).parents[3] / "corpus" / "data" / "hub"


class TestHfTokenizer(ExtractorSuite):
    extractor = HfTokenizerExtractor
    expected: ClassVar = {"context_length": 512, "extra.tokenizer_class": "BertTokenizer"}

    def sample(self):
        return file_sample(DATA, "tokenizer_config.json", "mini/tokenizer_config.json")
