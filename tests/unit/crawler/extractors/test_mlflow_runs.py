"""MLflow's runs on disk: one small file per parameter, metric and tag."""

from __future__ import annotations

import pytest
from fixtures.extraction import all_values_of, extract

from catalog.errors import ExtractError
from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.mlflow_runs import MlflowRunsExtractor
from crawler.formats import mlflow

RUN = "96dbd1f56a3446f3ac0f7f0221d81abb"


MODEL = "m-74daf2f0a4b249649c1341f72ae05d73"


class TestMlflowRuns(ExtractorSuite):
    extractor = MlflowRunsExtractor
    expected = {"run_id": RUN, "owner": "ada", "trained_at": 1795475740517}

    def sample(self):
        text = (
            f"end_time: 1795475740517\nlifecycle_stage: active\nrun_id: {RUN}\nrun_name: c=1.0\n"
            "start_time: 1795475737268\nstatus: 3\nuser_id: ada\n"
        )
        return Sample(key=f"mlruns/7/{RUN}/meta.yaml", data=text.encode())


class TestMlflowExperiment(ExtractorSuite):
    extractor = MlflowRunsExtractor
    expected = {"extra.experiment": "iris", "extra.experiment_id": "7"}

    def sample(self):
        text = "artifact_location: file:///srv/mlruns/7\nexperiment_id: '7'\nlifecycle_stage: active\nname: iris\n"
        return Sample(key="mlruns/7/meta.yaml", data=text.encode())


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (f"models:/{MODEL}", f"mlflow:{MODEL}"),
        (f"runs:/{RUN}/nested/model", f"mlflow-artifact:{RUN}/nested/model"),
        (f"file:///srv/mlruns/1/{RUN}/artifacts/model", f"mlflow-artifact:{RUN}/model"),
        (f"s3://bucket/mlruns/1/{RUN}/artifacts/model/", f"mlflow-artifact:{RUN}/model"),
        (f"mlflow-artifacts:/1/{RUN}/artifacts/model", f"mlflow-artifact:{RUN}/model"),
        ("s3://bucket/models/scorer", None),
        (None, None),
    ],
)
def test_the_source_of_a_version_names_one_model_of_its_run(source, expected):
    assert mlflow.source_key(source) == expected


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("1 0.5 0\n3 0.9 2\n2 0.7 1\n", "0.9"),
        ("1 0.5\n", "0.5"),
        ("1 nan 0\n", "nan"),
        ("1 0.5 3\n2 0.6 3\n", "0.6"),
        (f"1 0.5 0 {RUN} iris abc\n", "0.5"),
    ],
    ids=["out of order", "without a step", "NaN as a word", "later at the same step", "with a data set"],
)
def test_the_metric_of_a_run_is_its_value_at_the_last_step(lines, expected):
    found = all_values_of(
        extract(MlflowRunsExtractor, f"mlruns/7/{RUN}/metrics/val/accuracy", lines.encode())
    )
    assert found == {"metrics.val/accuracy": [expected]}


def test_a_metric_that_is_just_being_written_says_nothing_yet():
    assert all_values_of(extract(MlflowRunsExtractor, f"mlruns/7/{RUN}/metrics/loss", b"")) == {}
    with pytest.raises(ExtractError, match="without a value"):
        all_values_of(extract(MlflowRunsExtractor, f"mlruns/7/{RUN}/metrics/loss", b"no metric"))


@pytest.mark.parametrize(
    "key", [f"mlruns/.trash/{RUN}/meta.yaml", "configs/meta.yaml", f"mlruns/7/{RUN}/artifacts/meta.yaml"]
)
def test_what_is_not_a_run_of_the_store_is_not_claimed(key):
    assert MlflowRunsExtractor().claims(key, b"") is None
