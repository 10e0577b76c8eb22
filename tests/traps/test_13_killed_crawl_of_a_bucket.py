"""A crawl of a bucket that is killed goes on from what it has written."""

import signal
import subprocess

from fixtures.buckets import SLOW
from fixtures.patience import wait_until
from fixtures.ports import ENVIRONMENT
from fixtures.warm_python import WarmProcess

from catalog.records import RunState
from catalog.settings import Settings
from catalog.store import open_store
from crawler.crawl import note_not_begun

SMALL_PAGES = """
import sys
import crawler.stages.reading
from catalog.cli import main
import crawler.stages.account
from crawler.sources.s3 import S3Source
crawler.stages.reading.PAGE_OBJECTS = crawler.stages.reading.BATCH_OBJECTS = S3Source.page_keys = 2
crawler.stages.account.COUNTS_SECONDS = 0
main(sys.argv[1:])
"""


def crawling(bucket, home, **streams):
    return WarmProcess(
        *("-c", SMALL_PAGES, "--home", str(home), "crawl", bucket.address, "--json"),
        *("--endpoint-url", bucket.storage.url, "--option", "concurrency=2"),
        env={**ENVIRONMENT, "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"},
        **streams,
    )


def begun(bucket, home):
    return crawling(bucket, home, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def run_whole(bucket, home):
    with crawling(bucket, home, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as crawl:
        assert crawl.stderr.read() == ""
    assert crawl.returncode == 0


def test_a_crawl_that_is_killed_goes_on_and_nothing_is_twice(bucket, tmp_path):
    home = tmp_path / "home"
    for number in range(24):
        bucket.model(f"m{number:02}.safetensors", values=number + 1)
    bucket.storage.fault = lambda request: SLOW if request.kind == "get" and request.number > 8 else None
    killed = begun(bucket, home)
    wait_until(lambda: bucket.storage.count("get") >= 12)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    bucket.storage.calm()
    run_whole(bucket, home)
    assert bucket.storage.count("get") < 24
    with open_store(Settings(home=home), write=False) as store:
        assert store.records.count() == 24
        assert [run.state for run in store.runs.latest()] == [RunState.COMPLETE, RunState.INTERRUPTED]


def test_a_listing_again_that_is_killed_goes_on_behind_its_last_page_and_sees_what_came_before_it(
    bucket, tmp_path
):
    """It began at the first key again: a bucket that takes longer than its worker lives was never listed to its end."""
    home = tmp_path / "home"
    for number in range(24):
        bucket.model(f"m{number:02}.safetensors", values=number + 1)
    run_whole(bucket, home)
    bucket.storage.requests.clear()
    bucket.storage.fault = lambda request: SLOW if request.number > 9 else None
    killed = begun(bucket, home)
    wait_until(lambda: bucket.storage.count("list") > 10)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    bucket.storage.calm()
    with open_store(Settings(home=home), write=True) as store:
        (dead,) = store.runs.latest(1)
        note_not_begun(store, dead.source, bucket.address, "the storage was away for a moment")
    assert dead.listed_to is not None
    bucket.model("m000.safetensors", values=100)
    bucket.remove("m01.safetensors", "m23.safetensors")
    run_whole(bucket, home)
    begins = [
        request.query.get("start-after") for request in bucket.storage.requests if request.kind == "list"
    ]
    assert f"models/{dead.listed_to}" in begins  # its ranges are listed side by side, in any order
    assert bucket.storage.count("get") == 1
    with open_store(Settings(home=home), write=False) as store:
        states = {row.document["path"]: row.document["status"] for row in store.records.iterate()}
        assert [path for path, status in sorted(states.items()) if status == "missing"] == [
            "m01.safetensors",
            "m23.safetensors",
        ]
        assert len(states) == 25
        (whole,) = store.runs.latest(1)
        assert (whole.state, whole.listed_to) == (RunState.COMPLETE, None)
