"""Plain pickles of scikit-learn and others: parameters read without unpickling, and what each would run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import ClassVar

import pytest
from fixtures.extraction import extract_file, values_of

from catalog.testing.extractors import ExtractorSuite, Sample, Storage
from crawler.extractors.pickle import PickleExtractor
from crawler.extractors.skops import SkopsExtractor
from crawler.reader import RangedReader

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


class TestPickle(ExtractorSuite):
    extractor = PickleExtractor
    expected: ClassVar = FOREST

    def sample(self):
        return Sample(key="iris/model.pkl", data=(DATA / "forest_4.pkl").read_bytes())


class TestBoosterInsideAPickle(ExtractorSuite):
    extractor = PickleExtractor
    expected: ClassVar = {
        "architecture": "LGBMClassifier",
        "framework": "lightgbm",
        "trees": TRUTH["lightgbm"]["trees"],
        "training.objective": "multiclass",
    }

    def sample(self):
        return Sample(key="iris/lightgbm.pkl", data=(DATA / "lightgbm.pkl").read_bytes())


def test_pipeline_names_its_steps_and_the_final_estimator():
    values = values_of(extract_file(PickleExtractor, DATA, "pipeline.pkl"))
    assert values["architecture"] == "LogisticRegression"
    assert values["extra.pipeline"] == [
        "log: FunctionTransformer",
        "columns: ColumnTransformer",
        "classify: LogisticRegression",
    ]
    assert values["preprocessing"] == "FunctionTransformer"
    assert values["hyperparameters.C"] == TRUTH["search"]["C"]
    assert values["features"] == 4


def test_pipeline_says_the_same_in_skops():
    pickled, skops = (
        values_of(extract_file(PickleExtractor, DATA, "pipeline.pkl")),
        values_of(extract_file(SkopsExtractor, DATA, "pipeline.skops")),
    )
    for field in (
        "architecture",
        "extra.pipeline",
        "preprocessing",
        "framework_version",
        "hyperparameters.C",
    ):
        assert skops[field] == pickled[field]


@pytest.mark.parametrize("name", ["forest_4.pkl", "forest_2.pkl"])
def test_estimator_that_is_cut_off_still_tells_its_class_and_is_not_checkable(name):
    data = (DATA / name).read_bytes()[:-500]
    extraction = PickleExtractor().extract(RangedReader(name, len(data), Storage(data).fetch))
    assert values_of(extraction)["architecture"] == "RandomForestClassifier"
    assert values_of(extraction)["framework"] == "scikit-learn"
    assert "unchecked" in {risk.kind for risk in extraction.risks}
