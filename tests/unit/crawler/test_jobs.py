"""Processes that read files and make records do both as one process does."""

import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace

import pytest
from click.testing import CliRunner
from fixtures.crawling import safetensors
from fixtures.patience import PATIENCE_SECONDS, wait_until

from catalog.cli import cli
from catalog.records import RunState, SourceId
from catalog.settings import Settings
from catalog.store import open_store
from crawler import crawl as crawls
from crawler import jobs, pool
from crawler.crawl import crawl
from crawler.sources.local import LocalSource

MODELS, FEW = 40, 10
CARD = "---\nlicense: mit\nmetrics: [{type: accuracy, value: 0.9%d}]\n---\n# Model %d\n"
TOLD_BY_THE_STORE = {"first_seen", "last_seen"}


@pytest.fixture
def tree(tmp_path):
    for number in range(MODELS):
        folder = tmp_path / "models" / f"model-{number:02d}"
        folder.mkdir(parents=True)
        (folder / "model.safetensors").write_bytes(safetensors(fill=number))
        (folder / "README.md").write_text(CARD % (number % 10, number))
        (folder / "config.json").write_text('{"architectures": ["BertModel"], "model_type": "bert"}')
    return tmp_path / "models"


def records_of(home):
    """What every model's record says, by its path."""
    with open_store(Settings(home=home), write=False) as store:
        models = [replace(model, id="") for model in store.records.iterate()]
    return {
        model.document["path"]: (
            {name: value for name, value in model.document.items() if name not in TOLD_BY_THE_STORE},
            dict(model.provenance),
        )
        for model in models
    }


def crawled(home, tree):
    with open_store(Settings(home=home), write=True) as store:
        source = LocalSource(tree)
        store.sources.crawled(SourceId(source.id), source.uri)
        crawl(store, source, Settings(home=home))
    return records_of(home)


def crawled_again(home, tree):
    with open_store(Settings(home=home), write=True) as store:
        return crawl(store, LocalSource(tree), Settings(home=home))


def patiently(is_ready):
    """Waits until the first process has started, where a crawl goes on by itself."""

    def wait(self):
        wait_until(lambda: is_ready(self))
        return True

    return wait


def test_records_made_in_processes_are_those_made_here(tmp_path, tree, monkeypatch):
    monkeypatch.setattr(jobs, "processors", lambda: 1)
    alone = crawled(tmp_path / "alone", tree)
    monkeypatch.setattr(jobs, "processors", lambda: 2)
    monkeypatch.setattr(pool, "JOBS_BEFORE_PROCESSES", 0)
    mapped = []
    here = pool.Workers.map
    monkeypatch.setattr(pool.Workers, "map", lambda self, items: mapped.append(1) or here(self, items))
    monkeypatch.setattr(pool.Pool, "_is_ready", patiently(pool.Pool._is_ready))
    assert crawled(tmp_path / "together", tree) == alone
    assert len(alone) == MODELS
    assert len(mapped) == 2, "files, then records"


@pytest.mark.parametrize(
    ("models", "where", "files_read_here"),
    [
        pytest.param(MODELS, "in processes", 0, id="many"),
        pytest.param(FEW // 2, "alone", 3 * (FEW // 2), id="few"),
    ],
)
def test_a_command_forks_its_processes_from_itself(tmp_path, tree, models, where, files_read_here):
    """Without a second interpreter, which would have to import all again; and does nothing itself that they do as well, which
    costs more the first time than to wait for them.
    """
    for number in range(models, MODELS):
        shutil.rmtree(tree / f"model-{number:02d}")
    home = tmp_path / "home"
    script = (
        "import subprocess, sys\n"
        "subprocess.Popen = None\n"
        "from crawler import pool, readers\n"
        "seen, into = [], pool.Workers.map\n"
        "pool.Workers.map = lambda self, items: seen.append(1) or into(self, items)\n"
        "here, whole = [], readers.read_whole\n"
        "readers.read_whole = lambda *arguments: here.append(1) or whole(*arguments)\n"
        "pool.processors = __import__('crawler.jobs').jobs.processors = lambda: 2\n"
        f"pool.SPARE_SECONDS = {PATIENCE_SECONDS}\n"
        "from catalog.cli import cli\n"
        "cli(sys.argv[1:], standalone_mode=False)\n"
        "print('in processes' if seen else 'alone', len(here))\n"
    )
    command = [sys.executable, "-c", script, "--home", str(home), "crawl", str(tree)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        f"{models} models: {models} new, 0 changed, 0 unchanged.",
        f"{where} {files_read_here}",
    ]
    assert len(records_of(home)) == models


DEADLY = "model-07/model.safetensors"


def prepare_deadly_jobs(source, budget, crawler):
    """As jobs of a crawl, one of which kills whoever does it."""
    work = jobs.prepare_jobs(source, budget)

    def die(job):
        if isinstance(job, jobs.Task) and DEADLY in job.bodies:
            assert os.getpid() != crawler, "it is not tried there"
            os.kill(os.getpid(), signal.SIGKILL)
        return work(job)

    return die


def test_a_record_that_takes_its_process_down_twice_costs_that_model_alone(tmp_path, tree, monkeypatch):
    """Made in the crawl itself, it would end the crawl, and the next one, and all that follow."""

    def deadly_pool(source, _registry, budget, spare):
        return pool.Pool(
            prepare_deadly_jobs,
            (source, budget, os.getpid()),
            lost=jobs._lost,
            size=2,
            preload=[*jobs.extractor_modules(), jobs.NORMALISER],
            spare=spare,
        )

    monkeypatch.setattr(pool, "JOBS_BEFORE_PROCESSES", 0)
    monkeypatch.setattr(pool.Pool, "_is_ready", patiently(pool.Pool._is_ready))
    monkeypatch.setattr(crawls, "pool_for", deadly_pool)
    for number in range(FEW, MODELS):
        shutil.rmtree(tree / f"model-{number:02d}")
    records = crawled(tmp_path / "home", tree)
    assert len(records) == FEW
    (path,) = [path for path, (document, _) in records.items() if document["status"] != "ok"]
    document, _ = records[path]
    assert path == DEADLY.rpartition("/")[0] or path == DEADLY
    assert document["status"] == "unreadable"
    assert "the process that worked on it was killed or crashed" in str(document["problems"])
    shown = CliRunner().invoke(cli, ["--home", str(tmp_path / "home"), "runs", "show", "1"])
    assert "state:        partial" in shown.stdout
    assert (
        f"{DEADLY.rpartition('/')[0]}: no record could be made of what it says: the process that"
        in shown.stdout
    )
    again = crawled_again(tmp_path / "home", tree)
    assert (again.run.state, again.counts["failed"]) == (RunState.PARTIAL, 1), "as long as it is so"
    ((key, reason),) = again.unread
    assert key.startswith("model-07")
    assert "tried again" in reason
    with open_store(Settings(home=tmp_path / "home"), write=False) as store:
        (source,) = store.health.report().sources
    assert [file.key for file in source.unread] == [key]
