"""spaCy pipelines: meta.json and config.cfg."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.spacy import SpacyExtractor

DATA = Path(__file__).parents[3] / "corpus" / "data" / "hub-runs"


class TestSpacyMeta(ExtractorSuite):
    extractor = SpacyExtractor
    expected: ClassVar = {
        "name": "nb_names",
        "version": "1.2.0",
        "language": "nb",
        "task": "token-classification",
        "framework_version": "3.8.18",
        "dependencies": "spacy>=3.8.18,<3.9.0",
        "metrics.ents_f": 0.884,
        "data_sources": "NorNE",
    }

    def sample(self):
        return Sample(key="nb_names/meta.json", data=(DATA / "spacy-meta.json").read_bytes())


class TestSpacyConfig(ExtractorSuite):
    extractor = SpacyExtractor
    expected: ClassVar = {
        "training.seed": 0,
        "hyperparameters.training.max_steps": 20000,
        "hyperparameters.training.dropout": 0.1,
    }

    def sample(self):
        return Sample(key="nb_names/config.cfg", data=(DATA / "spacy-config.cfg").read_bytes())
