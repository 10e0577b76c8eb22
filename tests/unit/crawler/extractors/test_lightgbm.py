"""LightGBM text models as LightGBM writes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import ClassVar

from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.lightgbm import LightgbmExtractor

DATA = Path(__file__).parents[3] / "corpus" / "data" / "boosters"


TRUTH = json.loads((DATA / "truth.json").read_text())


NAMES = ["sepal_length", "sepal_width", "petal_length", "petal_width"]


class TestLightgbm(ExtractorSuite):
    extractor = LightgbmExtractor
    expected: ClassVar = {
        "framework": "lightgbm",
        "training.objective": "multiclass",
        "training.learning_rate": "0.07",
        "training.seed": "3",
        "trees": TRUTH["lightgbm"]["trees"],
        "features": TRUTH["lightgbm"]["features"],
        "classes": 3,
        "extra.feature_names": NAMES,
        "hyperparameters.num_leaves": "7",
    }

    def sample(self):
        return Sample(key="model.txt", data=(DATA / "iris.lgb.txt").read_bytes())
