"""A crawl that is killed goes on where it was, and a second one says who is running."""

import signal
import subprocess
from pathlib import Path

import pytest
from fixtures.crawling import safetensors
from fixtures.warm_python import WarmProcess, warm_python

from catalog.records import RunState
from catalog.settings import Settings
from catalog.store import open_store

ROOM = Path(__file__).parents[2]

SLOW_CRAWL = """
import sys, time
import crawler.stages.reading
from catalog.cli import main
from crawler.sources.local import LocalSource
crawler.stages.reading.PAGE_OBJECTS = 1
read, count = LocalSource.read, iter(range(1000))
def slow(self, *rest):
    print("reading", flush=True)
    time.sleep(0.2 if next(count) < 8 else 2)  # whoever is to meet it may be held up
    return read(self, *rest)
LocalSource.read = slow
main(sys.argv[1:])
"""


def modeldex(home, *arguments):
    return subprocess.run(
        [*warm_python(), "-m", "catalog", "--home", home, *arguments],
        cwd=ROOM,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def started(tmp_path):
    root, home = tmp_path / "models", tmp_path / "home"
    root.mkdir()
    for number in range(30):
        (root / f"m{number}.safetensors").write_bytes(safetensors(values=number + 1))
    crawl = ["-c", SLOW_CRAWL, "--home", str(home), "crawl", str(root)]
    with WarmProcess(*crawl, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        for _ in range(5):
            process.stdout.readline()
        yield process, root, home
        process.kill()


INTERRUPTED = "Interrupted. What was read is kept; the same command goes on from there."


@pytest.mark.parametrize(
    ("how", "code", "sentence"),
    [
        (signal.SIGKILL, -signal.SIGKILL, ""),
        (signal.SIGTERM, 130, INTERRUPTED),
        (signal.SIGINT, 130, INTERRUPTED),
        (signal.SIGHUP, 130, INTERRUPTED),
    ],
    ids=["SIGKILL", "SIGTERM", "Ctrl-C", "closed-terminal"],
)
def test_a_killed_crawl_is_continued_without_duplicates(started, how, code, sentence):
    process, root, home = started
    process.send_signal(how)
    told = process.communicate()[1]
    assert (process.returncode, sentence in told, "Traceback" in told) == (code, True, False)
    done = modeldex(home, "crawl", str(root), "--json")
    assert '"models": 30' in done.stdout
    with open_store(Settings(home=home), write=False) as store:
        assert store.records.count() == 30
        states = [run.state for run in store.runs.latest()]
        assert states == [RunState.COMPLETE, RunState.INTERRUPTED]
        kept = store.runs.latest()[0].counts["opened"]
    assert kept < 30


def test_a_second_crawl_is_told_who_is_writing(started):
    process, root, home = started
    second = modeldex(home, "crawl", str(root))
    assert second.returncode == 1
    assert f"process {process.program} on" in second.stderr
    assert second.stderr.count("\n") == 1


def test_a_dead_holder_does_not_block_the_next_crawl(started):
    process, root, home = started
    process.kill()
    process.wait()
    assert "30 models" in modeldex(home, "crawl", str(root)).stdout


def test_a_crawl_that_is_told_to_end_keeps_the_page_that_it_was_reading(shop):
    for number in range(6):
        shop.model(f"m{number}/net.safetensors", values=4 + number)
    read = set()

    def told_to_end(key):
        read.add(key)
        if len(read) == 4:
            raise KeyboardInterrupt

    shop.source.before_read = told_to_end
    with pytest.raises(KeyboardInterrupt):
        shop.crawl()
    shop.source.before_read = lambda _key: None
    report = shop.crawl()
    assert (report.counts["new"], report.counts["opened"]) == (6, 3)
    assert [run.state for run in shop.store.runs.latest()] == [RunState.COMPLETE, RunState.INTERRUPTED]
