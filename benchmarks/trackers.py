"""A tracker's database touched once: what a crawl takes that finds one run of many changed, and how that grows.

    python benchmarks/trackers.py                    databases of 3,000, 10,000 and 30,000 runs
    python benchmarks/trackers.py 1000 4000          databases of so many runs

Each run has parameters and metrics of its own. The first crawl reads them all; then one metric of one run is changed, and
a second crawl, a process of its own, should write one record.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import os
import sqlite3
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from startup import MODELDEX

SCHEMA_VERSION = "89d4b8295536"
VALUES = 5
SCHEMA = """
CREATE TABLE alembic_version (version_num TEXT);
CREATE TABLE experiments (experiment_id INTEGER, name TEXT, lifecycle_stage TEXT);
CREATE TABLE runs (run_uuid TEXT PRIMARY KEY, name TEXT, status TEXT, lifecycle_stage TEXT, user_id TEXT, start_time BIGINT,
                   end_time BIGINT, experiment_id INTEGER);
CREATE TABLE metrics (key TEXT, value REAL, timestamp BIGINT, run_uuid TEXT, step BIGINT, is_nan BOOLEAN);
CREATE TABLE latest_metrics (key TEXT, value REAL, timestamp BIGINT, step BIGINT, is_nan BOOLEAN, run_uuid TEXT,
                             PRIMARY KEY (key, run_uuid));
CREATE TABLE params (key TEXT, value TEXT, run_uuid TEXT, PRIMARY KEY (key, run_uuid));
CREATE TABLE tags (key TEXT, value TEXT, run_uuid TEXT, PRIMARY KEY (key, run_uuid));
CREATE INDEX index_metrics_run_uuid ON metrics (run_uuid);
CREATE INDEX index_params_run_uuid ON params (run_uuid);
CREATE INDEX index_latest_metrics_run_uuid ON latest_metrics (run_uuid);
CREATE INDEX index_tags_run_uuid ON tags (run_uuid);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one crawl took, with its processes; the memory is that of the largest."""

    cpu_seconds: float
    peak_mb: float
    written: int


def write_database(path: Path, runs: int) -> None:
    """A SQLite backend of MLflow with so many finished runs."""
    started = 1_700_000_000_000
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        database.executescript(SCHEMA)
        database.execute("INSERT INTO alembic_version VALUES (?)", (SCHEMA_VERSION,))
        database.execute("INSERT INTO experiments VALUES (1, 'fraud', 'active')")
        identities = [f"{number:032x}" for number in range(1, runs + 1)]
        database.executemany(
            "INSERT INTO runs VALUES (?, ?, 'FINISHED', 'active', 'ada', ?, ?, 1)",
            (
                (run, f"run-{run[-6:]}", started + place * 1000, started + place * 1000 + 500)
                for place, run in enumerate(identities)
            ),
        )
        values = [
            (f"value_{number}", run, place)
            for place, run in enumerate(identities)
            for number in range(VALUES)
        ]
        database.executemany(
            "INSERT INTO params VALUES (?, ?, ?)", ((key, str(place), run) for key, run, place in values)
        )
        latest = [(key, (place % 1000) / 1000, started, 1, 0, run) for key, run, place in values]
        database.executemany("INSERT INTO latest_metrics VALUES (?, ?, ?, ?, ?, ?)", latest)
        database.executemany(
            "INSERT INTO metrics VALUES (?, ?, ?, ?, ?, ?)",
            ((key, value, moment, run, step, is_nan) for key, value, moment, step, is_nan, run in latest),
        )


def touch(path: Path) -> None:
    """One metric of one run gets another value."""
    run = f"{1:032x}"
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        for table in ("latest_metrics", "metrics"):
            database.execute(
                f"UPDATE {table} SET value = 0.123 WHERE run_uuid = ? AND key = 'value_0'", (run,)
            )


def crawl(tree: Path, home: Path) -> Cost:
    before = revisions(home)
    process = subprocess.Popen(
        [*MODELDEX, "--home", str(home), "crawl", str(tree)], stdout=subprocess.DEVNULL
    )
    _, status, used = os.wait4(process.pid, 0)
    if status:
        message = f"the crawl ended with {status}"
        raise SystemExit(message)
    return Cost(
        cpu_seconds=used.ru_utime + used.ru_stime,
        peak_mb=used.ru_maxrss / 1024,
        written=revisions(home) - before,
    )


def revisions(home: Path) -> int:
    store = home / "store.sqlite3"
    if not store.exists():
        return 0
    with contextlib.closing(sqlite3.connect(store)) as database:
        return int(database.execute("SELECT count(*) FROM revisions").fetchone()[0])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", nargs="*", type=int, default=[3_000, 10_000, 30_000])
    sizes = parser.parse_args().runs
    again: list[Cost] = []
    for runs in sizes:
        with tempfile.TemporaryDirectory() as folder:
            tree, home = Path(folder) / "tree", Path(folder) / "home"
            tree.mkdir()
            home.mkdir()
            write_database(tree / "mlflow.db", runs)
            first = crawl(tree, home)
            touch(tree / "mlflow.db")
            again.append(crawl(tree, home))
        for name, cost in (("first", first), ("touched", again[-1])):
            print(
                f"{runs:8,} runs, {name:8}{cost.cpu_seconds:8.1f} s of CPU{cost.peak_mb:8.0f} MB{cost.written:8,} records"
            )
    if len(sizes) > 1:
        growth = math.log(again[-1].cpu_seconds / again[0].cpu_seconds) / math.log(sizes[-1] / sizes[0])
        print(f"time of a touched one grows with the power {growth:.2f} of the runs")


if __name__ == "__main__":
    main()
