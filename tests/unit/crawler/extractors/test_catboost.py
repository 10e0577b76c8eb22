"""CatBoost files as CatBoost writes them, with the trees and scores that it counts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import ClassVar

from fixtures.extraction import extract

from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.catboost import CatboostExtractor

DATA = Path(__file__).parents[3] / "corpus" / "data" / "boosters"


TRUTH = json.loads((DATA / "truth.json").read_text())


NAMES = ["sepal_length", "sepal_width", "petal_length", "petal_width"]


class TestCatboost(ExtractorSuite):
    extractor = CatboostExtractor
    expected: ClassVar = {
        "framework": "catboost",
        "framework_version": "1.2.10",
        "training.objective": "MultiClass",
        "training.learning_rate": 0.15000000596046448,
        "training.seed": 5,
        "hyperparameters.depth": 3,
        "trees": TRUTH["catboost"]["trees"],
        "features": TRUTH["catboost"]["features"],
        "classes": TRUTH["catboost"]["classes"],
        "trained_at": TRUTH["catboost"]["train_finish_time"],
        "metrics.Accuracy": TRUTH["catboost"]["best_score"]["validation"]["Accuracy"],
        "owner": "flowers-team",
        "extra.feature_names": NAMES,
    }

    def sample(self):
        return Sample(key="iris.cbm", data=(DATA / "iris.cbm").read_bytes())


def test_catboost_metrics_keep_their_split():
    extraction = extract(CatboostExtractor, "iris.cbm", (DATA / "iris.cbm").read_bytes())
    found = {
        (o.field, o.context["split"]): o.raw
        for o in extraction.observations
        if o.field.startswith("metrics.")
    }
    best = TRUTH["catboost"]["best_score"]
    assert found["metrics.Accuracy", "train"] == best["learn"]["Accuracy"]
    assert found["metrics.MultiClass", "validation"] == best["validation"]["MultiClass"]


class TestCatboostJson(ExtractorSuite):
    extractor = CatboostExtractor
    expected: ClassVar = {
        "framework": "catboost",
        "trees": TRUTH["catboost"]["trees"],
        "features": TRUTH["catboost"]["features"],
        "classes": TRUTH["catboost"]["classes"],
        "extra.feature_names": NAMES,
        "training.seed": 5,
    }

    def sample(self):
        return Sample(key="iris.json", data=(DATA / "iris-catboost.json").read_bytes())
