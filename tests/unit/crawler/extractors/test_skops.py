"""skops archives as skops writes them: the schema's objects, and types that it does not trust."""

from __future__ import annotations

import json
from pathlib import Path
from typing import ClassVar

from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.skops import SkopsExtractor

DATA = Path(__file__).parents[3] / "corpus" / "data" / "classical"


TRUTH = json.loads((DATA / "truth.json").read_text())


VERSION = TRUTH["versions"]["scikit-learn"]


FOREST = {
    "architecture": "RandomForestClassifier",
    "framework": "scikit-learn",
    "framework_version": VERSION,
    "task": "tabular-classification",
    "trees": TRUTH["forest"]["trees"],
    "features": TRUTH["forest"]["features"],
    "classes": TRUTH["forest"]["classes"],
    "hyperparameters.n_estimators": 3,
    "hyperparameters.max_depth": 2,
    "hyperparameters.random_state": 0,
    "hyperparameters.criterion": "gini",
    "extra.class_names": [0, 1, 2],
}


class TestSkops(ExtractorSuite):
    extractor = SkopsExtractor
    expected: ClassVar = {**FOREST, "extra.skops_version": TRUTH["versions"]["skops"]}

    def sample(self):
        return Sample(key="iris/model.skops", data=(DATA / "forest.skops").read_bytes())
