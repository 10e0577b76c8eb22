"""Directories that are watched: what changes is noted, looked at, and nothing else."""

import shutil
import time

import pytest
from fixtures.crawling import safetensors
from fixtures.patience import wait_until

from crawler.event_inbox import take_waiting
from crawler.registry import Registry
from crawler.watching import DirectoryWatch


@pytest.fixture
def watch(shop):
    """The shop's directory, crawled once and watched."""
    shop.registry = Registry.installed()  # a worker has no other
    shop.model("a.safetensors")
    shop.model("sub/b.safetensors", values=7)
    shop.model("stays.safetensors", values=8)
    shop.crawl()
    watching = DirectoryWatch(without=[shop.settings.home])
    watching.follow(shop.store.sources.all())
    yield watching
    watching.stop()


def waits(shop, watch, *keys):
    """The objects that wait, once these are among them."""
    waiting = set()

    def are_there():
        watch.flush(shop.store)
        waiting.update(key for keys in shop.store.event_hints.due().values() for key in keys)
        return waiting.issuperset(keys)

    wait_until(are_there)
    return waiting


def is_asked_for(shop, watch):
    """Whether a crawl of a source is asked for."""
    watch.flush(shop.store)
    return shop.store.sources.asked()


def test_what_is_written_moved_and_deleted_is_in_the_catalog_without_a_crawl(shop, watch):
    (shop.root / "new").mkdir()
    (shop.root / "new" / "c.safetensors").write_bytes(safetensors(values=9))
    (shop.root / "a.safetensors").rename(shop.root / "d.safetensors")
    (shop.root / "sub" / "b.safetensors").unlink()
    changed = {"new/c.safetensors", "a.safetensors", "d.safetensors", "sub/b.safetensors"}
    assert waits(shop, watch, *changed) == changed
    take_waiting(shop.store, shop.settings)
    live = {path for path, status in shop.statuses().items() if status == "ok"}
    assert live == {"new/c.safetensors", "d.safetensors", "stays.safetensors"}
    assert watch.flush(shop.store) == 0, "reading them was no change"


def test_a_directory_that_goes_away_asks_for_a_crawl(shop, watch, tmp_path):
    shutil.move(shop.root / "sub", tmp_path / "elsewhere")
    wait_until(lambda: is_asked_for(shop, watch))
    assert set(shop.store.sources.asked()) == {shop.source.id}


def test_files_that_no_crawl_reads_are_no_events(shop, watch):
    home = shop.root / "home"
    home.mkdir()
    other = DirectoryWatch(without=[home])
    other.follow(shop.store.sources.all())
    try:
        (home / "store.sqlite3").write_bytes(b"1")
        for name in ("x.safetensors.part", ".nfs0001"):
            (shop.root / name).write_bytes(b"1")
        (shop.root / "last.safetensors").write_bytes(safetensors(values=5))
        assert waits(shop, other, "last.safetensors") == {"last.safetensors"}
    finally:
        other.stop()


def test_a_source_that_is_no_longer_followed_is_not_watched(shop, watch):
    watch.follow([])
    (shop.root / "e.safetensors").write_bytes(safetensors(values=3))
    time.sleep(0.3)
    assert watch.flush(shop.store) == 0


def test_more_changes_than_are_worth_a_look_each_ask_for_a_crawl(shop, watch, monkeypatch):
    monkeypatch.setattr("crawler.watching.MOST_WAITING", 3)
    for number in range(8):
        (shop.root / f"m{number}.safetensors").write_bytes(safetensors(values=number + 10))
    wait_until(lambda: is_asked_for(shop, watch))
    assert set(shop.store.sources.asked()) == {shop.source.id}
