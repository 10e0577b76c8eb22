"""Two processes crawl two sources at once; one is killed; copies lie in both. Nobody is in the way of the other."""

import json
import signal
import subprocess
from contextlib import ExitStack
from pathlib import Path

import pytest
from fixtures.crawling import safetensors
from fixtures.warm_python import WarmProcess, warm_python

from catalog.query.request import SearchRequest
from catalog.records import RunState
from catalog.settings import Settings
from catalog.store import INDEX, open_store
from crawler.sources.local import LocalSource
from indexer.engines import open_engine

ROOM = Path(__file__).parents[2]
MODELS = 24

HALF = MODELS // 2

CRAWL = """
import sys, time
from pathlib import Path
import crawler.crawl
from catalog.cli import main
from crawler.sources.local import LocalSource
crawler.crawl.PAGE_OBJECTS = 3
crawler.crawl.PAGE_MODELS = 3
read, keys = LocalSource.read, set()
def halting(self, meta, *rest):
    keys.add(meta.key)
    if len(keys) == int(sys.argv[2]):
        print("halfway", file=sys.stderr, flush=True)
        while not Path(sys.argv[1]).exists():
            time.sleep(0.01)
    return read(self, meta, *rest)
LocalSource.read = halting
main(sys.argv[3:])
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request, tmp_path, monkeypatch):
    url = "" if request.param == "sqlite" else request.getfixturevalue("postgresql_url")
    monkeypatch.setenv("MODELDEX_DATABASE_URL", url)
    return Settings(home=tmp_path / "home", database_url=url)


@pytest.fixture
def sources(tmp_path):
    """Two folders; each model of one has its copy in the other."""
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
        for number in range(MODELS):
            (folder / f"m{number}.safetensors").write_bytes(safetensors(values=number + 1))
    return folders


@pytest.fixture
def go_on(tmp_path):
    """When this file is there, halted crawls go on."""
    return tmp_path / "go-on"


@pytest.fixture
def begin(settings, go_on):
    """Starts a crawl in a process of its own, and waits until it has read half of its files and halts."""
    with ExitStack() as ending:

        def start(folder):
            program = ["-c", CRAWL, str(go_on), str(HALF)]
            arguments = ["--home", str(settings.home), "crawl", "--json", str(folder)]
            process = ending.enter_context(
                WarmProcess(*program, *arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            )
            ending.callback(process.kill)
            assert process.stderr.readline() == "halfway\n"
            return process

        yield start


def crawl(settings, folder):
    return subprocess.run(
        [*warm_python(), "-m", "catalog", "--home", str(settings.home), "crawl", str(folder)],
        cwd=ROOM,
        capture_output=True,
        text=True,
        check=False,
    )


def states(settings, folder):
    with open_store(settings, write=False) as store:
        return [run.state for run in store.runs.latest(source=LocalSource(folder).id)]


def test_both_succeed_and_every_copy_knows_of_the_other(settings, sources, begin, go_on):
    crawls = [begin(folder) for folder in sources]
    go_on.touch()
    ended = [crawl.communicate(timeout=120) for crawl in crawls]
    assert [crawl.returncode for crawl in crawls] == [0, 0], ended
    assert [json.loads(stdout)["new"] for stdout, _ in ended] == [MODELS, MODELS]
    with open_store(settings, write=True) as store:
        documents = [model.document for model in store.records.iterate()]
        assert store.consumer(INDEX).size() == 0
    indexed = {
        document["id"]: document["revision"] for document in open_engine(settings).scan(SearchRequest())
    }
    assert indexed == {document["id"]: document["revision"] for document in documents}
    by_name = {}
    for document in documents:
        by_name.setdefault(document["name"], []).append(document)
    assert len(by_name) == MODELS
    for one, two in by_name.values():
        assert one["duplicate_group"] == two["duplicate_group"]
        assert set(one["locations"]) == set(two["locations"]) == {one["uri"], two["uri"]}


def test_a_crawl_that_is_killed_leaves_the_run_of_the_other_alone(settings, sources, begin, go_on):
    killed, other = (begin(folder) for folder in sources)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    go_on.touch()
    other.communicate(timeout=120)
    assert [states(settings, folder) for folder in sources] == [[RunState.RUNNING], [RunState.COMPLETE]]
    assert crawl(settings, sources[1]).returncode == 0
    assert states(settings, sources[0]) == [RunState.RUNNING]
    assert crawl(settings, sources[0]).returncode == 0
    assert states(settings, sources[0]) == [RunState.COMPLETE, RunState.INTERRUPTED]
    assert states(settings, sources[1]) == [RunState.COMPLETE, RunState.COMPLETE]


def test_a_second_crawl_of_one_source_is_told_who_is_first(settings, sources, begin):
    first = begin(sources[0])
    second = crawl(settings, sources[0])
    assert second.returncode == 1
    assert f"process {first.program} on" in second.stderr
    assert second.stderr.count("\n") == 1
    assert states(settings, sources[0]) == [RunState.RUNNING]
