"""A crawl of a bucket that is killed goes on from what it has written."""

import signal
import subprocess
import sys
import time
from pathlib import Path

from fixtures.ports import ENVIRONMENT

from catalog.records import RunState
from catalog.settings import Settings
from catalog.store import open_store

ROOM = Path(__file__).parents[2]

SMALL_PAGES = """
import sys
import crawler.stages.reading
from catalog.cli import main
crawler.stages.reading.PAGE_OBJECTS = 2
main(sys.argv[1:])
"""


def command(bucket, home):
    return [
        *(sys.executable, "-c", SMALL_PAGES, "--home", str(home), "crawl", bucket.address, "--json"),
        *("--endpoint-url", bucket.storage.url, "--option", "concurrency=2"),
    ]


def environment():
    return {**ENVIRONMENT, "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}


def test_a_crawl_that_is_killed_goes_on_and_nothing_is_twice(bucket, tmp_path):
    home = tmp_path / "home"
    for number in range(24):
        bucket.model(f"m{number:02}.safetensors", values=number + 1)
    bucket.storage.fault = lambda request: "slow" if request.kind == "get" and request.number > 8 else None
    killed = subprocess.Popen(
        command(bucket, home),
        cwd=ROOM,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 30
    while bucket.storage.count("get") < 12 and time.monotonic() < deadline:
        time.sleep(0.02)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    bucket.storage.calm()
    done = subprocess.run(
        command(bucket, home), cwd=ROOM, env=environment(), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert bucket.storage.count("get") < 24
    with open_store(Settings(home=home), write=False) as store:
        assert store.records.count() == 24
        assert [run.state for run in store.runs.latest()] == [RunState.COMPLETE, RunState.INTERRUPTED]
