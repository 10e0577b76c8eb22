"""A file that changes under the reader gives no half document."""

import os
import time

import pytest
from fixtures.crawling import safetensors

from catalog.records import RunState


def test_a_file_replaced_between_listing_and_reading_keeps_its_old_document(shop):
    path = shop.model("a.safetensors", values=4)
    shop.crawl()
    shop.model("a.safetensors", values=50)

    def replace_now(_key):
        new = shop.root.parent / "new"
        new.write_bytes(safetensors(values=60))
        new.replace(path)
        shop.source.before_read = lambda key: None

    shop.source.before_read = replace_now
    report = shop.crawl()
    assert report.run.state is RunState.PARTIAL
    assert shop.documents()["a.safetensors"]["parameters"] == 4
    assert shop.crawl().run.state is RunState.COMPLETE
    assert shop.documents()["a.safetensors"]["parameters"] == 60


def test_a_half_written_file_keeps_its_old_document_until_it_rests(shop):
    path = shop.model("a.safetensors", values=400)
    os.utime(path, (1, 1))
    shop.crawl()
    path.write_bytes(safetensors(values=500)[:40])
    report = shop.crawl()
    assert report.run.state is RunState.PARTIAL
    assert shop.documents()["a.safetensors"]["parameters"] == 400
    path.write_bytes(safetensors(values=500))
    shop.crawl()
    assert shop.documents()["a.safetensors"]["parameters"] == 500


def test_a_file_that_rests_broken_is_unreadable(shop):
    path = shop.put("a.safetensors", safetensors(values=500)[:40])
    os.utime(path, (time.time() - 60, time.time() - 60))
    shop.crawl()
    assert shop.statuses() == {"a.safetensors": "unreadable"}


UNFINISHED = (
    *(f"a.safetensors{suffix}" for suffix in (".part", ".incomplete", ".tmp", ".download", ".!qB")),
    "a.safetensors.downloading",
    "a.gguf.downloadInProgress",
    f"sha256-{'c' * 64}-partial",
    f"sha256-{'c' * 64}-partial-0",
    ".a.safetensors.Xa3f9Q",
    "a.safetensors.6eF3a1B2",
)
"""With what rsync and Amazon's client call a file that is being copied, and llama.cpp and Ollama one that they
download: those were models that could not be read.
"""


def test_unfinished_downloads_are_left_alone(shop):
    """What rsync had copied of a file by then was a file that could not be read, and the crawl ended with 1."""
    for name in UNFINISHED:
        shop.model(name)
    report = shop.crawl()
    assert shop.documents() == {}
    assert {key for key, _ in report.skipped} == set(UNFINISHED)


@pytest.mark.parametrize(
    "name",
    [
        "a.safetensors.20240506",
        "a.safetensors.a1b2c3d4",
        "a.safetensors.bak",
        ".a.safetensors.backup",
    ],
)
def test_copies_that_people_keep_are_no_unfinished_ones(shop, name):
    """A model with a commit behind its name was left out, whatever risks it had."""
    shop.model(name)
    assert shop.crawl().skipped == ()


def test_a_file_that_may_not_be_read_keeps_its_document_and_is_tried_again(shop):
    shop.model("a.safetensors", values=4)
    shop.crawl()
    shop.model("a.safetensors", values=5)
    shop.source.denied = {"a.safetensors"}
    report = shop.crawl()
    assert report.unread[0][0] == "a.safetensors"
    assert shop.documents()["a.safetensors"]["parameters"] == 4
    shop.source.denied = set()
    assert shop.crawl().run.state is RunState.COMPLETE
    assert shop.documents()["a.safetensors"]["parameters"] == 5


def test_a_new_file_that_may_not_be_read_is_catalogued_from_its_listing(shop):
    shop.model("secret.safetensors")
    shop.source.denied = {"secret.safetensors"}
    shop.crawl()
    assert shop.statuses() == {"secret.safetensors": "unreadable"}
    shop.source.denied = set()
    shop.crawl()
    assert shop.statuses() == {"secret.safetensors": "ok"}
