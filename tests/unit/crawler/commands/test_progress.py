"""What is seen of a crawl while it runs: on a terminal, in a log, by a program, and in the index."""

import os
import pty
import subprocess
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest
from fixtures.crawling import safetensors
from fixtures.warm_python import warm_python

from catalog import plugins
from catalog.errors import EngineUnavailable
from catalog.query.request import SearchRequest
from catalog.search.engine import IndexOutcome
from catalog.settings import Settings
from catalog.store import open_store
from crawler.commands import progress
from crawler.crawl import Progress, crawl
from crawler.registry import Registry
from crawler.sources.local import LocalSource
from crawler.stages import committing
from indexer.drain import DrainReport
from indexer.engines.tantivy import TantivyEngine

ROOT = Path(__file__).parents[4]
REGISTRY = Registry.installed()


@pytest.fixture
def models(tmp_path):
    root = tmp_path / "models"
    root.mkdir()
    for number in range(6):
        (root / f"m{number}.safetensors").write_bytes(safetensors(values=number + 1))
    return root


def command(home, models, *options):
    return [*warm_python(), "-m", "catalog", "--home", str(home), "crawl", *options, str(models)]


def test_a_terminal_shows_how_far_each_phase_is_and_ends_with_the_sum(models, tmp_path):
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        command(tmp_path / "home", models), cwd=ROOT, stdout=subprocess.PIPE, stderr=theirs
    ) as process:
        os.close(theirs)
        said = b""
        while piece := read(ours):
            said += piece
        summary = process.stdout.read()
    os.close(ours)
    assert summary == b"6 models: 6 new, 0 changed, 0 unchanged.\n"
    assert b"reading: 6 files listed, " in said
    assert b"indexing: 6 models wait" in said
    assert said.endswith(b"\r\x1b[K"), "nothing is left on the line"


def read(descriptor):
    try:
        return os.read(descriptor, 65_536)
    except OSError:  # the other end is closed
        return b""


def test_a_log_holds_no_progress_of_a_short_crawl(models, tmp_path):
    done = subprocess.run(command(tmp_path / "home", models), cwd=ROOT, capture_output=True, check=True)
    assert done.stderr == b""


def test_a_program_that_watches_gets_every_state_as_a_line_of_its_own(models, tmp_path):
    done = subprocess.run(
        command(tmp_path / "home", models, "--live"), cwd=ROOT, capture_output=True, check=True
    )
    lines = done.stderr.split(b"\n")
    assert b"\rindexing: 6 models wait" in lines
    assert all(line.startswith(b"\r") for line in lines if line)


def test_a_log_of_a_long_crawl_gets_a_line_now_and_then(monkeypatch, capsys):
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: clock.now))
    line, written = progress.ProgressLine(), []
    for second in range(3600):
        clock.now = float(second)
        line(Progress(phase="reading", counts=Counter(objects=second)))
        if said := capsys.readouterr().err:
            written.append((second, said))
    assert [second for second, _ in written[:4]] == [10, 30, 70, 150]
    assert written[0][1] == "reading: 10 files listed, 0 opened\n"
    assert len(written) < 20


COUNTS = Counter(
    objects=12_345, opened=678, new=900, unchanged=5_000, groups=20_000, hashed=3, bytes_read=1_500_000
)


@pytest.mark.parametrize(
    ("phase", "text"),
    [
        ("listing", "listing: 12,345 files listed, 678 opened, 900 models so far"),
        ("grouping", "grouping: 12,345 files"),
        ("normalising", "writing: 5,900 of 20,000 models"),
        ("confirming", "12,345 files listed; looking at what the listing does not show"),
        ("hashing", "hashing: 3 files hashed, 1.5 MB read"),
    ],
)
def test_the_counts_of_a_phase_are_those_that_move(phase, text):
    assert progress.described(Progress(phase=phase, counts=COUNTS)) == text


@pytest.fixture
def at_once(monkeypatch):
    """The index follows every commit, and commits are of one model."""
    monkeypatch.setattr(progress, "STEP_SECONDS", 0)
    monkeypatch.setattr(progress, "REST_PER_STEP", 0)
    monkeypatch.setattr(committing, "PAGE_MODELS", 1)


@pytest.mark.usefixtures("at_once")
def test_models_are_found_while_the_crawl_goes_on(models, tmp_path):
    settings, totals = Settings(home=tmp_path / "home"), []
    with open_store(settings, write=True) as store:
        following, engine = progress.FollowingIndex(settings, store), TantivyEngine(settings)

        def watch(state):
            following(state)
            totals.append(engine.search(SearchRequest()).total)

        crawl(store, LocalSource(models), settings, watch=watch)
        assert following.finish().is_current
    assert sorted(set(totals)) == [0, 1, 2, 3, 4, 5, 6]


@pytest.mark.usefixtures("at_once")
def test_an_engine_that_failed_is_asked_again_only_at_the_end(models, tmp_path, monkeypatch):
    asked = []

    def unavailable(settings, store):
        asked.append(store.consumer("index").size())
        raise EngineUnavailable("tantivy", "out of order.")

    monkeypatch.setattr(plugins, "load", lambda kind, name: unavailable)
    settings = Settings(home=tmp_path / "home")
    with open_store(settings, write=True) as store:
        following = progress.FollowingIndex(settings, store)
        for written in range(5):
            following(Progress(counts=Counter(new=written)))
        assert len(asked) == 1
        assert following.finish().problem == "tantivy: out of order."


def test_what_the_engine_refused_on_the_way_and_never_took_is_told_at_the_end(models, tmp_path, monkeypatch):
    settings = Settings(home=tmp_path / "home")
    monkeypatch.setattr(progress, "STEP_SECONDS", 0)

    def engine(takes):
        def drained(_settings, store):
            actions = store.consumer("index").claim()
            refused = {} if takes else {action.id: "too long" for action in actions}
            done = frozenset(action.id for action in actions) - refused.keys()
            store.consumer("index").settle(actions, IndexOutcome(done=done, rejected=refused))
            return DrainReport(rejected=refused, waiting=store.consumer("index").size())

        monkeypatch.setattr(plugins, "load", lambda kind, name: drained)

    with open_store(settings, write=True) as store:
        crawl(store, LocalSource(models), settings, registry=REGISTRY)
        following = progress.FollowingIndex(settings, store)
        engine(takes=False)
        following(Progress(counts=Counter(new=6)))
        (models / "m0.safetensors").write_bytes(safetensors(values=60))
        crawl(store, LocalSource(models), settings, registry=REGISTRY)
        engine(takes=True)
        refused = following.finish().rejected
        names = {store.records.get(model).document["name"] for model in refused}
    assert names == {f"m{number}" for number in range(1, 6)}
