"""Several workers on one store: each due crawl happens once, whoever is killed."""

import os
import signal
import subprocess
from contextlib import contextmanager

import pytest
from fixtures.crawling import safetensors
from fixtures.patience import PATIENCE_SECONDS, wait_until
from fixtures.warm_python import warm_python

from catalog.records import RunState
from catalog.records.sources import SourceDefinition, SourceRow
from catalog.settings import Settings
from catalog.store import open_store

SOURCES = 2


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request, tmp_path):
    url = request.getfixturevalue("postgresql_url") if request.param == "postgresql" else ""
    return Settings(home=tmp_path / "home", database_url=url)


@contextmanager
def worker(settings):
    environment = {**os.environ, "MODELDEX_DATABASE_URL": settings.store_url}  # noqa: TID251 - for another process
    command = [*warm_python(), "-m", "catalog", "--home", settings.home, "worker"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        try:
            yield process
        finally:
            process.kill()


def test_two_workers_crawl_each_source_once_and_the_one_that_is_left_goes_on(settings, tmp_path):
    with open_store(settings, write=True) as store:
        rows = []
        for number in range(SOURCES):
            root = tmp_path / f"models-{number}"
            root.mkdir()
            (root / "net.safetensors").write_bytes(safetensors(values=4 + number))
            uri = f"file://{root}"
            rows.append(
                SourceRow(id=uri, uri=uri, address=uri, definition=SourceDefinition(schedule="every 1d"))
            )
        store.sources.put(rows)

        def complete():
            runs = store.runs.latest(50)
            return sorted(run.source for run in runs if run.state is RunState.COMPLETE)

        with worker(settings) as one, worker(settings) as other:
            wait_until(lambda: complete() == sorted(row.id for row in rows))
            wait_until(lambda: len(store.workers.alive()) == 2)
            one.send_signal(signal.SIGKILL)
            one.wait()
            for _ in range(3):  # who is impatient clicks again
                store.sources.ask(rows[0].id)
            wait_until(lambda: complete().count(rows[0].id) == 2)
            wait_until(lambda: len(store.workers.alive()) == 1)
            other.send_signal(signal.SIGTERM)
            assert other.wait(PATIENCE_SECONDS) == 0
        assert len(store.runs.latest(50)) == SOURCES + 1
        assert store.sources.asked() == {}
        assert store.workers.alive() == []
