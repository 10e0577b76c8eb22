"""AutoGluon's metadata.json beside its predictor, and metadata of others."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest
from fixtures.crawling import safetensors
from fixtures.extraction import extract

from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.autogluon import AutogluonExtractor
from crawler.registry import Registry

FILE = (
    Path(__file__).parents[3]
    / "cases/formats/tabular-tools/input/AutogluonModels/ag-20240501_101112/metadata.json"
)


class TestAutogluon(ExtractorSuite):
    extractor = AutogluonExtractor
    expected: ClassVar = {
        "framework": "autogluon",
        "framework_version": "1.1.1",
        "dependencies": "pandas==2.2.2",
    }

    def sample(self):
        return Sample(key="ag/metadata.json", data=FILE.read_bytes())


def test_metadata_of_others_is_left_alone():
    assert AutogluonExtractor().claims("m/metadata.json", b'{"keras_version": "3.0"}') is None


def test_metadata_of_another_program_with_its_packages_is_left_alone():
    head = b'{"py_version": "3.11", "packages": {"torch": "2.3"}, "version": "7"}'
    assert AutogluonExtractor().claims("m/metadata.json", head) is None


BOARD = b""",model,score_test,score_val,eval_metric,pred_time_test,fit_time
0,LightGBM,0.93,0.90,roc_auc,0.1,2.5
1,WeightedEnsemble_L2,0.92,0.94,roc_auc,0.2,3.5
2,KNeighbors,0.7,,roc_auc,0.2,3.5
"""


class TestLeaderboard(ExtractorSuite):
    extractor = AutogluonExtractor
    expected: ClassVar = {"extra.autogluon.best_model": "WeightedEnsemble_L2", "metrics.roc_auc": 0.94}

    def sample(self):
        return Sample(key="ag/leaderboard.csv", data=BOARD)


def _scores(board: bytes) -> dict[tuple[str, str | None], float]:
    extraction = extract(AutogluonExtractor, "ag/leaderboard.csv", board)
    return {
        (seen.field, dict(seen.context).get("split")): seen.raw
        for seen in extraction.observations
        if seen.field != "extra.autogluon.best_model"
    }


@pytest.mark.parametrize(
    ("board", "scores"),
    [
        (BOARD, {("metrics.roc_auc", "test"): 0.92, ("metrics.roc_auc", "validation"): 0.94}),
        (
            b"model,score_val,eval_metric\nA,-0.5,root_mean_squared_error\nB,-0.4,root_mean_squared_error\n",
            {("metrics.root_mean_squared_error", "validation"): 0.4},
        ),
        (b"model,score_val,eval_metric\nA,-0.5,r2\n", {("metrics.r2", "validation"): -0.5}),
        (b"model,score_val,fit_time\nA,0.5,1\n", {("extra.autogluon.score_val", None): 0.5}),
        (b"model,score_val\nA,nan\nB,\n", {}),
        (b"model,score_val\n", {}),
    ],
    ids=["test and validation", "errors are negative", "negative quality", "no name", "no score", "no row"],
)
def test_scores_are_those_of_the_best_model_of_the_validation_by_the_name_of_their_metric(board, scores):
    assert _scores(board) == scores


def test_leaderboard_of_another_program_is_left_alone():
    assert AutogluonExtractor().claims("m/leaderboard.csv", b"team,score\na,1\n") is None


def test_predictor_is_found_by_the_score_of_its_leaderboard(shop):
    shop.registry = Registry.installed()
    shop.put("ag/predictor.pkl", b"\x80\x04N.")
    shop.put("ag/learner.pkl", b"\x80\x04N.")
    shop.put("ag/models/LightGBM/model.safetensors", safetensors())
    shop.put("ag/leaderboard.csv", BOARD)
    shop.crawl()
    [document] = shop.documents().values()
    assert document["metrics"]["roc_auc"] == 0.92
