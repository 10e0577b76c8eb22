"""Directories of CephFS in which nothing changed are not listed, and nothing is concluded from that but that they are as before."""

import errno
import os
import time
from datetime import UTC, datetime, timedelta

import pytest
from fixtures.crawling import EXTRACTORS, safetensors

from catalog import plugins
from catalog.records import RunState
from catalog.records.sources import SourceDefinition, SourceRow
from catalog.settings import Settings
from catalog.store import open_store
from crawler.crawl import crawl
from crawler.registry import Registry
from crawler.sources.local import CHANGED_BELOW, LocalSource

LONG_AGO = time.time() - 1_000_000
DAY = timedelta(days=1)


class FakeCeph:
    """Plays the metadata server: the newest change in or below each directory of an ordinary file system, by its inode."""

    def __init__(self, root):
        self.root = root
        self.times = {}
        self.asked = []

    def change(self, path, at=None):
        """The directory and all above it get the time, as the server does it."""
        for directory in (path, *path.parents):
            self.times[directory.stat().st_ino] = at or time.time() + 100
            if directory == self.root:
                return

    def settle(self):
        self.settle_below(self.root)

    def settle_below(self, path):
        for directory in (path, *path.rglob("*/")):
            self.times[directory.stat().st_ino] = LONG_AGO

    def read(self, descriptor, name):
        assert name == CHANGED_BELOW
        inode = os.fstat(descriptor).st_ino
        self.asked.append(inode)
        if inode not in self.times:
            raise OSError(errno.ENODATA, "No data available")
        return f"{self.times[inode]:.0f}.09{123456}".encode()


class Share:
    def __init__(self, tmp_path):
        self.root = tmp_path / "share"
        self.settings = Settings(home=tmp_path / "home")
        for name in ("a/x", "a/y", "b/x", "b/y"):
            self.model(name)
        self.ceph = FakeCeph(self.root)
        self.ceph.settle()
        self.registry = Registry([plugins.load("extractor", name)() for name in EXTRACTORS])

    def model(self, name, **options):
        path = self.root / name / "model.safetensors"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(safetensors(metadata={"name": name}, **options))

    def crawl(self, store, *, every=DAY, **options):
        self.ceph.asked.clear()
        source = LocalSource(self.root, everything_every=every, attribute=self.ceph.read)
        return crawl(store, source, self.settings, registry=options.pop("registry", self.registry), **options)


def refusing(name):
    """The system's `open` that denies access to what has this name."""
    system = os.open

    def opened(path, *args, **options):
        if path == name:
            raise PermissionError(errno.EACCES, "Permission denied")
        return system(path, *args, **options)

    return opened


def left_out(report):
    """How many objects the crawl did not look at."""
    return report.counts.get("as_before", 0)


@pytest.fixture
def share(tmp_path):
    return Share(tmp_path)


@pytest.fixture
def store(share):
    with open_store(share.settings, write=True) as store:
        yield store


def states(store):
    return {row.document["path"]: row.document["status"] for row in store.records.iterate()}


def test_a_source_in_which_nothing_changed_costs_one_question(share, store):
    assert left_out(share.crawl(store)) == 0
    report = share.crawl(store)
    assert len(share.ceph.asked) == 1
    assert (report.run.state, left_out(report), report.counts["opened"]) == (
        RunState.COMPLETE,
        4,
        0,
    )
    assert len(states(store)) == 4


def test_one_changed_directory_is_listed_and_its_neighbours_are_asked_for_their_time_alone(share, store):
    share.crawl(store)
    share.model("a/y", values=7)
    share.ceph.change(share.root / "a" / "y")
    report = share.crawl(store)
    assert (report.counts["changed"], report.counts["opened"], left_out(report)) == (1, 1, 3)
    assert len(share.ceph.asked) == 5  # the root, a, a/x, a/y, b
    assert report.counts["missing"] == 0


def test_a_deletion_is_seen_where_the_time_says_so_and_never_concluded_elsewhere(share, store):
    share.crawl(store)
    for name in ("a/y", "b/y"):
        (share.root / name / "model.safetensors").unlink()
    share.ceph.change(share.root / "a" / "y")
    assert share.crawl(store).counts["missing"] == 1
    assert sorted(states(store).values()) == ["missing", "ok", "ok", "ok"]


def test_what_the_times_did_not_tell_is_seen_when_everything_is_listed_again(share, store):
    share.crawl(store)
    share.model("b/x", values=9)
    assert share.crawl(store).counts["changed"] == 0
    assert left_out(share.crawl(store, every=timedelta(hours=1))) == 4
    report = share.crawl(store, every=timedelta(0))
    assert (report.counts["changed"], left_out(report)) == (1, 0)


@pytest.mark.parametrize("seconds", [-30, 3600], ids=["just before the last crawl", "a clock that is ahead"])
def test_a_time_that_may_come_late_or_from_another_clock_is_not_trusted(share, store, seconds):
    share.crawl(store)
    share.model("a/x", values=5)
    share.ceph.change(share.root / "a" / "x", at=time.time() + seconds)
    assert share.crawl(store).counts["changed"] == 1


def test_a_newer_extractor_reads_again_what_lies_where_nothing_changed(share, store):
    share.crawl(store)
    newer = [plugins.load("extractor", name)() for name in EXTRACTORS]
    for extractor in newer:
        if extractor.name == "safetensors":
            extractor.version += 1
    assert share.crawl(store, registry=Registry(newer)).counts["opened"] == 4


def test_what_could_not_be_read_is_looked_at_again(share, store, monkeypatch):
    share.crawl(store)
    (share.root / "a" / "only.safetensors").write_bytes(safetensors(values=3))
    share.ceph.change(share.root / "a")
    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refusing("only.safetensors"))
        assert share.crawl(store).run.state is RunState.PARTIAL
        share.ceph.settle()
        report = share.crawl(store)
        assert (report.run.state, left_out(report)) == (RunState.PARTIAL, 5)
    assert share.crawl(store).counts["opened"] == 1
    assert set(states(store).values()) == {"ok"}


def test_what_was_left_unopened_is_gone_on_with_where_nothing_changed(share, store, monkeypatch):
    """It was counted twice among what a run may look at, and where that was less than a page nothing was looked at any more."""
    monkeypatch.setattr("crawler.reading.LOOKED_AT_HERE", 2)
    for number in range(6):
        (share.root / f"{number}.jpg").write_bytes(b"\xff\xd8")
    share.ceph.settle()
    runs = [share.crawl(store) for _ in range(4)]
    assert [run.counts["skipped"] for run in runs] == [4, 2, 0, 0]


def test_other_patterns_than_before_list_everything(share, store):
    share.crawl(store)
    source = LocalSource(share.root)
    store.sources.put(
        [SourceRow(id=source.id, uri=source.uri, address=source.uri, definition=SourceDefinition(name="n"))]
    )
    assert left_out(share.crawl(store)) == 0
    assert left_out(share.crawl(store)) == 4


def test_after_a_crawl_that_saw_not_all_everything_since_the_last_complete_one_is_listed(
    share, store, monkeypatch
):
    share.crawl(store)
    share.model("a/only")
    share.ceph.change(share.root / "a" / "only", at=time.time())
    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refusing("only"))
        assert share.crawl(store).run.state is RunState.PARTIAL
    assert share.crawl(store).counts["new"] == 1


@pytest.mark.parametrize("answer", [b"", b"0.090", b"never"], ids=["empty", "zero", "no number"])
def test_an_answer_that_is_no_time_hides_nothing(share, store, answer):
    share.crawl(store)
    source = LocalSource(share.root, everything_every=DAY, attribute=lambda _descriptor, _name: answer)
    report = crawl(store, source, share.settings, registry=share.registry)
    assert (left_out(report), report.counts["objects"]) == (0, 4)


def renamed(share, old, new):
    """As the server does it: the directory and those above it get the time, what lies below keeps its own."""
    share.ceph.settle()
    (share.root / old).rename(share.root / new)
    for path in (share.root / old, share.root / new):
        if share.root in path.parents:
            share.ceph.change(path if path.exists() else path.parent)


def test_a_tree_that_is_moved_in_is_listed_down_to_its_leaves(share, store):
    share.crawl(store)
    share.model("../outside/deep/down", values=3)
    share.ceph.settle_below(share.root.parent / "outside")
    renamed(share, "../outside", "c")
    report = share.crawl(store)
    assert (report.counts["new"], left_out(report)) == (1, 4)
    assert left_out(share.crawl(store)) == 5


def test_a_model_below_a_renamed_directory_is_the_same_model(share, store):
    share.crawl(store)
    renamed(share, "a", "c")
    report = share.crawl(store)
    assert (report.counts["moved"], report.counts["missing"], left_out(report)) == (2, 0, 2)


@pytest.mark.parametrize("is_linked", [False, True], ids=["another tree", "a tree of the same files"])
def test_a_tree_that_takes_the_place_of_another_is_read(share, store, is_linked):
    if is_linked:
        for name in ("x", "y"):
            share.model(f"../next/{name}")
            (share.root / f"b/{name}/model.safetensors").unlink()
            path = f"{name}/model.safetensors"
            os.link(share.root.parent / "next" / path, share.root / "b" / path)
    share.crawl(store)
    share.model("../next/x/more" if is_linked else "../next/x", values=7)
    share.ceph.settle_below(share.root.parent / "next")
    renamed(share, "b", "../old")
    renamed(share, "../next", "b")
    share.ceph.change(share.root / "b")
    report = share.crawl(store)
    assert (report.counts["opened"] > 0, left_out(report)) == (True, 2)
    assert share.crawl(store, every=timedelta(0)).counts["opened"] == 0


def test_what_a_broken_listing_saw_of_a_new_tree_stands_for_nothing(share, store, monkeypatch):
    share.crawl(store)
    for name in ("v/one", "v/two"):
        share.model(f"../next/{name}", values=7)
    share.ceph.settle_below(share.root.parent / "next")
    renamed(share, "../next", "c")
    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refusing("two"))
        assert share.crawl(store).run.state is RunState.PARTIAL
    assert share.crawl(store).counts["new"] == 1


def test_another_file_system_is_listed_as_ever(share, store):
    source = LocalSource(share.root, everything_every=DAY)
    source.remember(since=datetime.now(UTC), whole=datetime.now(UTC))
    assert sum(len(step.objects) for step in source.list()) == 4
