"""scikit-learn, its relatives and NumPy: files by the real libraries, with what those say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import ClassVar

import pytest

from catalog.testing.extractors import ExtractorSuite, Sample, Storage
from crawler.extractors.joblib import JoblibExtractor
from crawler.extractors.numpy_arrays import NumpyExtractor
from crawler.extractors.pickle import PickleExtractor
from crawler.extractors.skops import SkopsExtractor
from crawler.reader import RangedReader

DATA = Path(__file__).parents[1] / "corpus" / "data" / "classical"
TRUTH = json.loads((DATA / "truth.json").read_text())
VERSION = TRUTH["versions"]["scikit-learn"]


def extract(extractor, name, key=None):
    data = (DATA / name).read_bytes()
    return extractor().extract(RangedReader(key or name, len(data), Storage(data).fetch))


def said(extraction):
    found = {}
    for observation in extraction.observations:
        found.setdefault(observation.field, observation.raw)
    return found


def risky(extraction):
    return [risk.detail for risk in extraction.risks if risk.kind != "needs-trust"]


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


class TestJoblib(ExtractorSuite):
    extractor = JoblibExtractor
    expected: ClassVar = FOREST

    def sample(self):
        return Sample(key="iris/model.joblib", data=(DATA / "forest.joblib").read_bytes())


class TestCompressedJoblib(ExtractorSuite):
    extractor = JoblibExtractor
    expected: ClassVar = FOREST

    def sample(self):
        return Sample(key="iris/model.joblib", data=(DATA / "forest.joblib.z").read_bytes())


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


class TestSkops(ExtractorSuite):
    extractor = SkopsExtractor
    expected: ClassVar = {**FOREST, "extra.skops_version": TRUTH["versions"]["skops"]}

    def sample(self):
        return Sample(key="iris/model.skops", data=(DATA / "forest.skops").read_bytes())


class TestNpy(ExtractorSuite):
    extractor = NumpyExtractor
    expected: ClassVar = {"framework": "numpy"}

    def sample(self):
        return Sample(key="weights.npy", data=(DATA / "weights.npy").read_bytes())


class TestNpz(ExtractorSuite):
    extractor = NumpyExtractor
    expected: ClassVar = {"framework": "numpy"}

    def sample(self):
        return Sample(key="weights.npz", data=(DATA / "deflated.npz").read_bytes())


CONTAINERS = [
    *[(f"forest.joblib{packed}", JoblibExtractor) for packed in ("", ".z", ".gz", ".bz2", ".xz", ".lzma")],
    *[(f"forest_{protocol}.pkl", PickleExtractor) for protocol in (0, 2, 4, 5)],
    ("forest.skops", SkopsExtractor),
]


@pytest.mark.parametrize(("name", "extractor"), CONTAINERS, ids=[row[0] for row in CONTAINERS])
def test_the_same_forest_says_the_same_in_every_container(name, extractor):
    extraction = extract(extractor, name)
    values = said(extraction)
    assert {field: values.get(field) for field in FOREST} == FOREST
    assert risky(extraction) == []
    assert extraction.requests == 1


def test_pipeline_names_its_steps_and_the_final_estimator():
    values = said(extract(PickleExtractor, "pipeline.pkl"))
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
        said(extract(PickleExtractor, "pipeline.pkl")),
        said(extract(SkopsExtractor, "pipeline.skops")),
    )
    for field in (
        "architecture",
        "extra.pipeline",
        "preprocessing",
        "framework_version",
        "hyperparameters.C",
    ):
        assert skops[field] == pickled[field]


def test_search_tells_its_best_score_and_its_best_estimator():
    extraction = extract(JoblibExtractor, "search.joblib")
    values = said(extraction)
    assert values["metrics.accuracy"] == TRUTH["search"]["best_score"]
    assert values["architecture"] == "LogisticRegression"
    assert values["extra.search"] == "GridSearchCV"
    assert values["hyperparameters.classify__C"] == TRUTH["search"]["C"]


def test_estimator_in_a_dictionary_is_found_with_its_class_names():
    values = said(extract(JoblibExtractor, "named.joblib"))
    assert values["architecture"] == "LogisticRegression"
    assert values["extra.class_names"] == ["setosa", "versicolor", "virginica"]


BOOSTERS = [
    ("gradient.joblib", JoblibExtractor, "scikit-learn", "GradientBoostingRegressor", "gradient"),
    ("histogram.joblib", JoblibExtractor, "scikit-learn", "HistGradientBoostingClassifier", "histogram"),
    ("lightgbm.pkl", PickleExtractor, "lightgbm", "LGBMClassifier", "lightgbm"),
    ("xgboost.pkl", PickleExtractor, "xgboost", "XGBClassifier", "xgboost"),
    ("xgboost.joblib", JoblibExtractor, "xgboost", "XGBClassifier", "xgboost"),
    ("catboost.pkl", PickleExtractor, "catboost", "CatBoostClassifier", "catboost"),
]


@pytest.mark.parametrize(
    ("name", "extractor", "framework", "architecture", "truth"), BOOSTERS, ids=[b[0] for b in BOOSTERS]
)
def test_trees_are_what_the_library_counts(name, extractor, framework, architecture, truth):
    extraction = extract(extractor, name)
    values = said(extraction)
    assert (values["framework"], values["architecture"]) == (framework, architecture)
    assert values["trees"] == TRUTH[truth]["trees"]
    assert values.get("training.objective") == TRUTH[truth].get("objective", values.get("training.objective"))
    assert risky(extraction) == []


ARRAYS = [
    ("weights.npy", [("weights", "F32", (3, 4))]),
    ("fortran.npy", [("fortran", "F64", (3, 4))]),
    ("structured.npy", [("structured", "STRUCT", (5,))]),
    ("objects.npy", [("objects", "OBJECT", (2,))]),
    ("stored.npz", [("bias", "F16", (4,)), ("kernel", "F16", (3, 4))]),
    ("deflated.npz", [("kernel", "F32", (3, 4)), ("labels", "STR", (2,))]),
]


@pytest.mark.parametrize(("name", "expected"), ARRAYS, ids=[row[0] for row in ARRAYS])
def test_arrays_have_their_names_dtypes_and_shapes(name, expected):
    extraction = extract(NumpyExtractor, name)
    assert [(t.name, t.dtype, t.shape) for t in extraction.tensors.tensors] == expected
    assert extraction.format == name.rpartition(".")[2]


def test_array_of_objects_is_said_to_be_a_pickle():
    extraction = extract(NumpyExtractor, "objects.npy")
    assert [risk.kind for risk in extraction.risks] == ["needs-trust"]


@pytest.mark.parametrize("name", ["forest_4.pkl", "forest_2.pkl"])
def test_estimator_that_is_cut_off_still_tells_its_class_and_is_not_checkable(name):
    data = (DATA / name).read_bytes()[:-500]
    extraction = PickleExtractor().extract(RangedReader(name, len(data), Storage(data).fetch))
    assert said(extraction)["architecture"] == "RandomForestClassifier"
    assert said(extraction)["framework"] == "scikit-learn"
    assert "unchecked" in {risk.kind for risk in extraction.risks}
