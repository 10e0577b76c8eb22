"""The extractors of what trackers and training scripts write, held to the suite of every extractor."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from catalog.errors import ExtractError
from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.dvc import DvcExtractor
from crawler.extractors.git_references import GitReferencesExtractor
from crawler.extractors.metrics_file import MetricsFileExtractor
from crawler.extractors.mlflow_database import MlflowDatabaseExtractor
from crawler.extractors.mlflow_model import MlflowModelExtractor
from crawler.extractors.mlflow_registry import MlflowRegistryExtractor
from crawler.extractors.mlflow_runs import MlflowRunsExtractor
from crawler.extractors.python_requirements import PythonRequirementsExtractor
from crawler.formats import mlflow
from crawler.reader import bytes_reader

DATA = Path(__file__).parents[1] / "corpus" / "data"
RUN = "96dbd1f56a3446f3ac0f7f0221d81abb"
COMMIT, TAG = "2112fc5cb694a9263a2d123b95df40e6bdf27a59", "5857f7749090552a945b2c77fe380339508bcd37"
MODEL = "m-74daf2f0a4b249649c1341f72ae05d73"


def said(extractor, key, data):
    """{field: [raw, …]} of one file."""
    found: dict[str, list] = {}
    for observation in extractor().extract(bytes_reader(key, data)).observations:
        found.setdefault(observation.field, []).append(observation.raw)
    return found


class TestMlflowModel(ExtractorSuite):
    extractor = MlflowModelExtractor
    expected = {"framework": "sklearn", "framework_version": "1.9.1", "metrics.accuracy": 0.96}

    def sample(self):
        return Sample(key="models/iris/MLmodel", data=(DATA / "mlflow" / "MLmodel").read_bytes())


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


class TestMlflowRegistry(ExtractorSuite):
    extractor = MlflowRegistryExtractor
    expected = {
        "name": "iris",
        "version": "2",
        "description": "The stronger one.",
        "extra.stage": "Production",
    }

    def sample(self):
        text = (
            "creation_timestamp: 1795562741208\ncurrent_stage: Production\ndescription: The stronger one.\n"
            f"model_id: null\nname: iris\nrun_id: {RUN}\nsource: runs:/{RUN}/classifier\nstatus: READY\nversion: 2\n"
        )
        return Sample(key="mlruns/models/iris/version-2/meta.yaml", data=text.encode())


class TestMlflowDatabase(ExtractorSuite):
    extractor = MlflowDatabaseExtractor
    expected = {"name": "flowers", "version": "1", "metrics.accuracy": 0.97}

    def sample(self):
        return Sample(key="mlflow.db", data=database_bytes())


class TestDvc(ExtractorSuite):
    extractor = DvcExtractor
    expected = {"hyperparameters.train.lr": 0.05, "data_sources": "data.csv", "extra.pipeline_stage": "train"}

    def sample(self):
        return Sample(key="repo/dvc.lock", data=(DATA / "dvc" / "dvc.lock").read_bytes())


class TestDvcPipeline(ExtractorSuite):
    extractor = DvcExtractor
    expected = {"name": "scorer", "tags": "edge", "extra.dvc_path": "repo/models/scorer.pkl"}

    def sample(self):
        text = (
            "stages:\n  train:\n    cmd: python train.py\n    wdir: src\n    deps: [data.csv]\n    outs: [../models/scorer.pkl]\n"
            "    metrics: [scores.json: {cache: false}]\n"
            "artifacts:\n  scorer: {path: models/scorer.pkl, type: model, labels: [edge]}\n"
        )
        return Sample(key="repo/dvc.yaml", data=text.encode())

    def test_metrics_of_a_stage_belong_to_its_model(self):
        sample = self.sample()
        extraction = DvcExtractor().extract(bytes_reader(sample.key, sample.data))
        model = extraction.subjects[0]
        assert (model.id, model.part_of) == ("dvc:repo/models/scorer.pkl", ("path:repo/src/scores.json",))


class TestGitReferences(ExtractorSuite):
    extractor = GitReferencesExtractor
    expected = {"version": "v1.10.0", "tags": "prod", "extra.stage prod": "v1.10.0", "code_version": COMMIT}

    def sample(self):
        text = (
            "# pack-refs with: peeled fully-peeled sorted \n"
            f"{COMMIT} refs/heads/main\n"
            f"{TAG} refs/tags/scorer#prod#2\n^{COMMIT}\n{TAG} refs/tags/scorer@v1.10.0\n^{COMMIT}\n"
            f"{COMMIT} refs/tags/scorer@v9.9.9\n"
        )
        return Sample(key="repo/.git/packed-refs", data=text.encode())


class TestMetricsFile(ExtractorSuite):
    extractor = MetricsFileExtractor
    expected = {"metrics.accuracy": 0.953, "metrics.test/f1": 0.9}

    def sample(self):
        return Sample(
            key="repo/metrics.json", data=b'{"accuracy": 0.953, "test": {"f1": 0.9}, "dataset": "iris"}'
        )


class TestPythonRequirements(ExtractorSuite):
    extractor = PythonRequirementsExtractor
    expected = {"dependencies": "scikit-learn==1.9.1"}

    def sample(self):
        return Sample(
            key="model/requirements.txt", data=b"# what it needs\nscikit-learn==1.9.1\n-r other.txt\n"
        )


def database_bytes(*, metric=0.97, is_nan=0, schema=True):
    """A database as MLflow 3.17 lays it out, with the tables that are read."""
    connection = sqlite3.connect(":memory:")
    try:
        if schema:
            connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
            connection.execute("INSERT INTO alembic_version VALUES ('dc11669786a5')")
        connection.executescript(
            f"""
            CREATE TABLE runs (run_uuid TEXT, name TEXT, status TEXT, lifecycle_stage TEXT, user_id TEXT,
                               start_time BIGINT, end_time BIGINT, experiment_id INTEGER);
            CREATE TABLE latest_metrics (key TEXT, value REAL, timestamp BIGINT, step BIGINT, is_nan BOOLEAN, run_uuid TEXT);
            CREATE TABLE params (key TEXT, value TEXT, run_uuid TEXT);
            CREATE TABLE logged_models (model_id TEXT, name TEXT, creation_timestamp_ms BIGINT, lifecycle_stage TEXT,
                                        model_type TEXT, source_run_id TEXT);
            CREATE TABLE model_versions (name TEXT, version INTEGER, creation_time BIGINT, description TEXT, user_id TEXT,
                                         current_stage TEXT, source TEXT, run_id TEXT);
            INSERT INTO runs VALUES ('{RUN}', 'bold-wren', 'FINISHED', 'active', 'ada', 1795475742426, 1795475745798, 1);
            INSERT INTO runs VALUES ('{"d" * 32}', 'thrown-away', 'FINISHED', 'deleted', 'ada', 1, 2, 1);
            INSERT INTO latest_metrics VALUES ('accuracy', {metric}, 1795475742457, 0, {is_nan}, '{RUN}');
            INSERT INTO params VALUES ('C', '0.1', '{RUN}');
            INSERT INTO logged_models VALUES ('{MODEL}', 'model', 1795475742486, 'active', NULL, '{RUN}');
            INSERT INTO model_versions VALUES ('flowers', 1, 1795475745788, NULL, NULL, 'None', 'models:/{MODEL}', '{RUN}');
            """
        )
        return connection.serialize()
    finally:
        connection.close()


def test_a_nan_that_the_database_keeps_as_zero_is_not_zero():
    assert said(MlflowDatabaseExtractor, "mlflow.db", database_bytes(metric=0.0, is_nan=1))[
        "metrics.accuracy"
    ] == ["NaN"]


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


def test_an_alias_file_of_something_else_is_not_claimed():
    assert MlflowRegistryExtractor().claims("models/net/aliases/champion", b"2") is not None
    assert MlflowRegistryExtractor().claims("models/net/aliases/champion", b"two") is None
    assert MlflowRegistryExtractor().claims("models/net/meta.yaml", b"layers: 3\n") is None


def test_deleted_runs_of_a_database_are_left_out():
    found = said(MlflowDatabaseExtractor, "mlflow.db", database_bytes())
    assert found["run_id"] == [RUN, RUN]
    assert found["extra.run_status"] == ["DELETED"]


def test_a_registered_version_binds_to_the_logged_model_it_was_made_of():
    extraction = MlflowDatabaseExtractor().extract(bytes_reader("mlflow.db", database_bytes()))
    version = next(subject for subject in extraction.subjects if subject.name == "flowers")
    assert version.join_keys[0] == f"mlflow:{MODEL}"


def test_somebody_s_other_database_says_nothing():
    connection = sqlite3.connect(":memory:")
    try:
        connection.execute("CREATE TABLE invoices (total REAL)")
        data = connection.serialize()
    finally:
        connection.close()
    extraction = MlflowDatabaseExtractor().extract(bytes_reader("invoices.db", data))
    assert extraction.format is None
    assert extraction.observations == extraction.problems == ()


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
    found = said(MlflowRunsExtractor, f"mlruns/7/{RUN}/metrics/val/accuracy", lines.encode())
    assert found == {"metrics.val/accuracy": [expected]}


def test_a_metric_that_is_just_being_written_says_nothing_yet():
    assert said(MlflowRunsExtractor, f"mlruns/7/{RUN}/metrics/loss", b"") == {}
    with pytest.raises(ExtractError, match="without a value"):
        said(MlflowRunsExtractor, f"mlruns/7/{RUN}/metrics/loss", b"no metric")


@pytest.mark.parametrize(
    "key", [f"mlruns/.trash/{RUN}/meta.yaml", "configs/meta.yaml", f"mlruns/7/{RUN}/artifacts/meta.yaml"]
)
def test_what_is_not_a_run_of_the_store_is_not_claimed(key):
    assert MlflowRunsExtractor().claims(key, b"") is None


def test_an_output_that_leaves_the_root_binds_nothing():
    data = b"outs:\n- path: ../../etc/model.pkl\n  md5: a0a4724dd29fa7d6afd183918249c1c4\n"
    extraction = DvcExtractor().extract(bytes_reader("repo/x.dvc", data))
    assert extraction.subjects == ()
    assert extraction.problems[0].code == "outside"


def test_a_stage_binds_its_parameters_to_the_model_and_not_to_its_metrics_file():
    extraction = DvcExtractor().extract(
        bytes_reader("repo/dvc.lock", (DATA / "dvc" / "dvc.lock").read_bytes())
    )
    alone = [subject for subject in extraction.subjects if subject.standalone]
    assert [subject.id for subject in alone] == ["dvc:repo/models/model.bin"]
    assert "md5:c303714c4312deb287806576c8462782" in alone[0].join_keys


def test_credentials_in_a_requirement_are_not_kept():
    found = said(PythonRequirementsExtractor, "requirements.txt", b"pkg @ https://user:secret@host/pkg.whl\n")
    assert found == {"dependencies": ["pkg @ https://host/pkg.whl"]}


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        (["scorer@v1.0.0", "scorer@v1.0.0!#2"], set()),
        (["scorer@v1.0.0", "scorer#prod#1"], {("version", "v1.0.0"), ("tags", "prod")}),
        (["scorer#prod#1", "scorer#prod!#2"], set()),
        (["scorer#prod!#1", "scorer#prod#2"], {("tags", "prod")}),
        (["models=scorer@v2.0.0-rc1"], {("version", "v2.0.0-rc1")}),
        (["v1.0.0", "release-2", "nightly#", "@v1"], set()),
    ],
)
def test_the_tags_of_gto_say_versions_and_stages(tags, expected):
    lines = "".join(f"{TAG} refs/tags/{tag}\n^{COMMIT}\n" for tag in tags)
    found = GitReferencesExtractor().extract(bytes_reader(".git/packed-refs", f"# peeled\n{lines}".encode()))
    assert {(o.field, o.raw) for o in found.observations if not o.field.startswith("extra.")} == expected


@pytest.mark.parametrize(
    "key", [".git/objects/21/12fc", ".git/config", "HEAD", ".git/logs/HEAD", "a.git/HEAD"]
)
def test_of_a_repository_only_references_are_read(key):
    assert GitReferencesExtractor().claims(key, COMMIT.encode()) is None
