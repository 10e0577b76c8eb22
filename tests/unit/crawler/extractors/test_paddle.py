"""Paddle inference programs as Paddle writes them."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.paddle import PaddleExtractor

DATA = Path(__file__).parents[3] / "corpus" / "data"


class TestPaddle(ExtractorSuite):
    extractor = PaddleExtractor
    expected: ClassVar = {
        "framework": "paddle",
        "framework_version": "3.3.1",
        "inputs": [{"name": "x", "dtype": "F32", "shape": [None, 8]}],
    }

    def sample(self):
        return Sample(key="paddle/older.pdmodel", data=(DATA / "paddle" / "older.pdmodel").read_bytes())


class TestPaddleJson(ExtractorSuite):
    extractor = PaddleExtractor
    expected: ClassVar = {
        "framework": "paddle",
        "inputs": [{"name": "x", "dtype": "F32", "shape": [None, 8]}],
        "outputs": [{"name": "fetch_name_0", "dtype": "F32", "shape": [None, 4]}],
    }

    def sample(self):
        return Sample(key="paddle/inference.json", data=(DATA / "paddle" / "inference.json").read_bytes())
