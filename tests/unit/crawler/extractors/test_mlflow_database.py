"""MLflow's tracking database: runs, logged models and versions in the pages of one SQLite file."""

from __future__ import annotations

import sqlite3
import tempfile
from contextlib import closing

import pytest
from fixtures.extraction import all_values_of, extract

from catalog.errors import ObjectUnreadable
from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors import mlflow_database
from crawler.extractors.mlflow_database import MlflowDatabaseExtractor
from crawler.formats import sqlite_reading
from crawler.reader import bytes_reader

RUN = "96dbd1f56a3446f3ac0f7f0221d81abb"


MODEL = "m-74daf2f0a4b249649c1341f72ae05d73"


class TestMlflowDatabase(ExtractorSuite):
    extractor = MlflowDatabaseExtractor
    expected = {"name": "flowers", "version": "1", "metrics.accuracy": 0.97}

    def sample(self):
        return Sample(key="mlflow.db", data=database_bytes())


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
    assert all_values_of(extract(MlflowDatabaseExtractor, "mlflow.db", database_bytes(metric=0.0, is_nan=1)))[
        "metrics.accuracy"
    ] == ["NaN"]


def test_deleted_runs_of_a_database_are_left_out():
    found = all_values_of(extract(MlflowDatabaseExtractor, "mlflow.db", database_bytes()))
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
    assert extraction.format == "sqlite", "a model beside Optuna's studies was packaged for MLflow"
    assert extraction.observations == extraction.problems == ()


def many_runs(number, *, params=4):
    """A database of so many runs, the later the newer."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.deserialize(database_bytes())
        connection.execute("DELETE FROM runs")
        connection.execute("DELETE FROM params")
        for run in range(number):
            name = f"{run:032x}"
            connection.execute(
                "INSERT INTO runs VALUES (?, ?, 'FINISHED', 'active', 'ada', ?, ?, 1)",
                (name, f"run-{run}", 1795475742426 + run, 1795475742427 + run),
            )
            rows = [(f"p{each}", str(run), name) for each in range(params)]
            connection.executemany("INSERT INTO params VALUES (?, ?, ?)", rows)
        connection.commit()
        return connection.serialize()


@pytest.mark.parametrize(("indexed", "pages"), [(["latest_metrics", "params"], 5), (["params"], 3), ([], 3)])
def test_pages_are_small_where_every_table_finds_its_runs(monkeypatch, indexed, pages):
    """A table without an index on its runs is gone through for every page."""
    monkeypatch.setattr(mlflow_database, "RUNS_PER_PAGE", 5)
    monkeypatch.setattr(mlflow_database, "RUNS_PER_SCAN", 10)
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.deserialize(many_runs(23))
        for table in indexed:
            connection.execute(f"CREATE INDEX runs_of_{table} ON {table} (run_uuid)")
        data = connection.serialize()
    parts = list(MlflowDatabaseExtractor().parts(bytes_reader("mlflow.db", data)))
    assert len(parts) == 1 + pages


def test_values_are_read_for_some_runs_at_a_time_however_many_rows_their_tables_have(monkeypatch):
    """Such a file was refused as a whole."""
    whole = extract(MlflowDatabaseExtractor, "mlflow.db", many_runs(23))
    monkeypatch.setattr(sqlite_reading, "MAX_ROWS", 23)
    monkeypatch.setattr(mlflow_database, "RUNS_PER_SCAN", 5)
    paged = extract(MlflowDatabaseExtractor, "mlflow.db", many_runs(23))
    assert paged == whole
    assert [seen.raw for seen in paged.observations if seen.field == "hyperparameters.p3"] == [
        str(run) for run in reversed(range(23))
    ]


def test_of_more_runs_than_are_read_the_newest_are_told_and_the_rest_is_owned_up_to(monkeypatch):
    monkeypatch.setattr(sqlite_reading, "MAX_ROWS", 10)
    extraction = extract(MlflowDatabaseExtractor, "mlflow.db", many_runs(12, params=1))
    told = [seen.raw for seen in extraction.observations if seen.field == "extra.run_name"]
    assert told == [f"run-{run}" for run in range(11, 1, -1)]
    assert [(problem.pointer, problem.message) for problem in extraction.problems] == [
        ("sql:/runs", "rows of table runs: limit 10; the rest is left out")
    ]


def test_a_database_is_read_later_where_no_disk_has_a_place_for_its_copy(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "full"))
    with pytest.raises(
        ObjectUnreadable, match=r"mlflow.db: cannot be read: no place for a copy of it: No such file"
    ):
        MlflowDatabaseExtractor().extract(bytes_reader("mlflow.db", database_bytes()))


def test_the_copy_of_a_database_is_gone_while_it_is_read(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    parts = MlflowDatabaseExtractor().parts(bytes_reader("mlflow.db", database_bytes()))
    assert next(parts).subjects
    assert list(tmp_path.iterdir()) == []
    assert next(parts).observations
