"""A tracker's database tells of thousands of runs: when one of them changes, its record alone is written."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from crawler.registry import Registry

RUNS = 40
SIGHTS = ("last_seen",)


def write_runs(path):
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            """
            CREATE TABLE alembic_version (version_num TEXT);
            INSERT INTO alembic_version VALUES ('dc11669786a5');
            CREATE TABLE experiments (experiment_id INTEGER, name TEXT, lifecycle_stage TEXT);
            INSERT INTO experiments VALUES (1, 'churn', 'active');
            CREATE TABLE runs (run_uuid TEXT, name TEXT, status TEXT, lifecycle_stage TEXT, user_id TEXT,
                               start_time BIGINT, end_time BIGINT, experiment_id INTEGER);
            CREATE TABLE latest_metrics (key TEXT, value REAL, timestamp BIGINT, step BIGINT, is_nan BOOLEAN, run_uuid TEXT);
            CREATE TABLE params (key TEXT, value TEXT, run_uuid TEXT);
            """
        )
        for number in range(RUNS):
            run = f"{number:032x}"
            connection.execute("INSERT INTO runs VALUES (?, ?, 'FINISHED', 'active', 'ada', 1700000000000, 1700000050000, 1)",
                               (run, f"run-{number}"))  # fmt: skip
            connection.execute(
                "INSERT INTO latest_metrics VALUES ('accuracy', 0.5, 1700000000000, 1, 0, ?)", (run,)
            )
            connection.execute("INSERT INTO params VALUES ('lr', '0.1', ?)", (run,))
        connection.commit()


def ask(path, statement):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(statement)
        connection.commit()


def facts(shop):
    """Every document, without when it was seen last."""
    documents = (model.document for model in shop.store.records.iterate())
    return {
        document["id"]: {name: value for name, value in document.items() if name not in SIGHTS}
        for document in documents
    }


def test_one_run_of_a_database_that_changed_rewrites_its_record_alone(shop):
    """All 30,000 records were made again, in 300 s and 566 MB, whenever anybody logged a value."""
    shop.registry = Registry.installed()
    database = shop.root / "mlflow.db"
    write_runs(database)
    shop.model("net/model.safetensors")
    report = shop.crawl()
    assert report.counts["new"] == RUNS + 1
    before = facts(shop)
    ask(database, "UPDATE latest_metrics SET value = 0.9 WHERE run_uuid LIKE '%07'")
    report = shop.crawl()
    assert (report.counts["changed"], report.counts["new"], report.counts["unchanged"]) == (1, 0, RUNS)
    after = facts(shop)
    (changed,) = [model for model in after if after[model] != before[model]]
    assert after[changed]["metrics"]["accuracy"] == 0.9
    ask(database, "DELETE FROM runs WHERE run_uuid LIKE '%03'")
    report = shop.crawl(accept=True)
    assert (report.counts["changed"], report.counts["missing"]) == (0, 1)


def test_what_is_said_of_the_whole_database_changes_every_run_of_it(shop):
    shop.registry = Registry.installed()
    database = shop.root / "mlflow.db"
    write_runs(database)
    shop.crawl()
    ask(database, "UPDATE experiments SET name = 'renamed'")
    assert shop.crawl().counts["changed"] == RUNS


def test_records_that_were_left_alone_are_those_that_a_fresh_crawl_makes(shop):
    shop.registry = Registry.installed()
    database = shop.root / "mlflow.db"
    write_runs(database)
    shop.crawl()
    ask(database, "UPDATE params SET value = '0.2' WHERE run_uuid LIKE '%09'")
    shop.crawl()
    kept = facts(shop)
    shop.crawl(reread=True)
    assert facts(shop) == kept
