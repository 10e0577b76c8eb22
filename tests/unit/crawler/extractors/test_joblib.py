"""joblib files of scikit-learn and its relatives, with what those libraries say; nothing is unpickled."""

from __future__ import annotations

import gzip
import json
import lzma
import pickle
import zlib
from pathlib import Path
from typing import ClassVar

import pytest
from fixtures.extraction import extract, extract_file, risk_details, values_of

from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.joblib import JoblibExtractor
from crawler.extractors.pickle import PickleExtractor
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


CONTAINERS = [
    *[(f"forest.joblib{packed}", JoblibExtractor) for packed in ("", ".z", ".gz", ".bz2", ".xz", ".lzma")],
    *[(f"forest_{protocol}.pkl", PickleExtractor) for protocol in (0, 2, 4, 5)],
    ("forest.skops", SkopsExtractor),
]


@pytest.mark.parametrize(("name", "extractor"), CONTAINERS, ids=[row[0] for row in CONTAINERS])
def test_the_same_forest_says_the_same_in_every_container(name, extractor):
    extraction = extract_file(extractor, DATA, name)
    values = values_of(extraction)
    assert {field: values.get(field) for field in FOREST} == FOREST
    assert risk_details(extraction) == []
    assert extraction.requests == 1


def test_search_tells_its_best_score_and_its_best_estimator():
    extraction = extract_file(JoblibExtractor, DATA, "search.joblib")
    values = values_of(extraction)
    assert values["metrics.accuracy"] == TRUTH["search"]["best_score"]
    assert values["architecture"] == "LogisticRegression"
    assert values["extra.search"] == "GridSearchCV"
    assert values["hyperparameters.classify__C"] == TRUTH["search"]["C"]


def test_estimator_in_a_dictionary_is_found_with_its_class_names():
    values = values_of(extract_file(JoblibExtractor, DATA, "named.joblib"))
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
    extraction = extract_file(extractor, DATA, name)
    values = values_of(extraction)
    assert (values["framework"], values["architecture"]) == (framework, architecture)
    assert values["trees"] == TRUTH[truth]["trees"]
    assert values.get("training.objective") == TRUTH[truth].get("objective", values.get("training.objective"))
    assert risk_details(extraction) == []


@pytest.mark.parametrize("pack", [lambda data: data, zlib.compress, gzip.compress, lzma.compress])
def test_large_text_of_a_booster_is_read_out_of_a_compressed_file_too(pack):
    """Trees, features and classes of LightGBM stand in one text: beyond 64 kB it was read only where nothing was packed."""
    data = (DATA / "lightgbm.pkl").read_bytes()
    start = data.index(b"tree\nversion=")
    length = int.from_bytes(data[start - 4 : start], "little")
    large = data[start : start + length] + b"\n" * 70_000
    whole = data[: start - 4] + len(large).to_bytes(4, "little") + large + data[start + length :]
    assert whole[2:3] == pickle.FRAME
    frame = int.from_bytes(whole[3:11], "little") + len(large) - length
    packed = pack(whole[:3] + frame.to_bytes(8, "little") + whole[11:])
    values = values_of(extract(JoblibExtractor, "model.joblib", packed))
    plain = values_of(extract(JoblibExtractor, "model.joblib", data))
    assert plain["trees"] > 0
    assert {name: values[name] for name in ("trees", "features", "classes")} == {
        name: plain[name] for name in ("trees", "features", "classes")
    }
