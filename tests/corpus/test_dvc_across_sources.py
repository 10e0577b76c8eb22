"""A clone of a repository by the real dvc, git and gto, and its remote, as two sources: a directory and a bucket."""

import shutil

import pytest
from fixtures.trackers import unpacked

from catalog.settings import Settings
from catalog.store import open_store
from crawler.crawl import crawl
from crawler.sources.local import LocalSource

SMALL, ORPHAN = "3c7cb2e0a47bec897cc673257060c1", "e75cf24a6fdadbf66874cb1c4ea664"
COMMIT = "2112fc5cb694a9263a2d123b95df40e6bdf27a59"


@pytest.fixture(scope="module")
def trackers(tmp_path_factory):
    return unpacked("dvc.tar.xz", tmp_path_factory.mktemp("dvc"))


@pytest.fixture
def place(trackers, tmp_path):
    for name in ("clone", "storage"):
        shutil.copytree(trackers / name, tmp_path / name)
    return tmp_path


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path / "home")


@pytest.fixture
def store(settings):
    with open_store(settings, write=True) as store:
        yield store


def stored(store, source):
    """The documents of a source that are there, by what they are called."""
    rows = [row.document for row in store.records.iterate() if row.document["source"] == source.id]
    return {row["name"]: row for row in rows if row["status"] != "missing"}


def old_layout(place):
    """As dvc before 3 wrote it: without `files/md5`."""
    (place / "storage" / "files" / "md5").rename(place / "old")
    shutil.rmtree(place / "storage")
    (place / "old").rename(place / "storage")


def remote_of(kind, place, request):
    if kind == "bucket":
        bucket = request.getfixturevalue("bucket")
        for file in (place / "storage").rglob("*"):
            if file.is_file():
                bucket.put(file.relative_to(place / "storage").as_posix(), file.read_bytes())
        return bucket.source()
    if kind == "old layout":
        old_layout(place)
    return LocalSource(place / "storage")


@pytest.mark.parametrize("kind", ["directory", "old layout", "bucket"])
@pytest.mark.parametrize("remote_first", [True, False], ids=["remote first", "clone first"])
def test_objects_of_the_remote_carry_what_the_repository_says_of_them(
    store, settings, place, request, kind, remote_first
):
    remote, clone = remote_of(kind, place, request), LocalSource(place / "clone")
    for source in (remote, clone) if remote_first else (clone, remote):
        assert crawl(store, source, settings).run.state == "complete"
    models, named = stored(store, remote), stored(store, clone)
    assert set(models) == {"small-classifier", "large", "base", ORPHAN}
    small, large = models["small-classifier"], models["large"]
    assert (small["metrics"]["accuracy"], small["metrics"]["f1"], large["metrics"]["accuracy"]) == (
        0.91,
        0.88,
        0.97,
    )
    assert small["training"] == {"learning_rate": 0.05, "epochs": 3}
    assert (small["code_version"], small["version"]) == (COMMIT, "v1.10.0")
    assert set(small["tags"]) == {"dev", "prod", "tabular", "edge"}
    assert small["parameters"] == 4
    assert small["extra"]["described_at"] == [named["small-classifier"]["uri"]]
    assert named["small-classifier"]["extra"]["stored_at"] == [small["uri"]]
    assert models["base"]["description"] == "From the vendor."
    flags = {name: row.get("flags", []) for name, row in models.items()}
    assert flags == {"small-classifier": [], "large": [], "base": [], ORPHAN: ["orphan"]}
    assert models[ORPHAN]["size_bytes"] == 91


def test_of_a_remote_whose_repository_nobody_crawled_to_its_end_nothing_is_an_orphan(store, settings, place):
    remote, clone = LocalSource(place / "storage"), LocalSource(place / "clone")
    crawl(store, remote, settings)
    assert not any("orphan" in row.get("flags", []) for row in stored(store, remote).values())
    crawl(store, clone, settings)
    assert [name for name, row in stored(store, remote).items() if "orphan" in row.get("flags", [])] == [
        ORPHAN
    ]
    (place / "clone" / "half").mkdir()
    broken = LocalSource(place / "clone")
    listed = broken.list
    broken.list = lambda: (step for step in _failing(listed))
    assert crawl(store, broken, settings).run.state == "partial"
    assert not any("orphan" in row.get("flags", []) for row in stored(store, remote).values())


def _failing(listed):
    from dataclasses import replace

    from catalog.errors import ListingIncomplete

    for step in listed():
        is_half = step.scope == "half"
        yield replace(step, complete=False, error=ListingIncomplete("half", "EIO")) if is_half else step


def test_what_the_repository_says_later_is_said_of_the_object_and_what_it_says_no_more_is_not(
    store, settings, place
):
    remote, clone = LocalSource(place / "storage"), LocalSource(place / "clone")
    crawl(store, remote, settings)
    crawl(store, clone, settings)
    untouched = stored(store, remote)["large"]["revision"]
    metrics = place / "clone" / "metrics" / "small.json"
    metrics.write_text('{"accuracy": 0.5}')
    crawl(store, clone, settings)
    assert stored(store, remote)["small-classifier"]["metrics"]["accuracy"] == 0.5
    assert stored(store, remote)["large"]["revision"] == untouched, "nothing is said anew of it"

    lock = place / "clone" / "dvc.lock"
    lock.write_text(lock.read_text().replace(f"08{SMALL}", f"86{ORPHAN}"))
    crawl(store, clone, settings)
    models = stored(store, remote)
    assert models["small-classifier"]["path"].endswith(ORPHAN)
    assert models[SMALL]["flags"] == ["orphan"]
    assert not models[SMALL].get("metrics")


def test_a_crawl_of_the_remote_alone_keeps_what_the_repository_says(store, settings, place):
    remote, clone = LocalSource(place / "storage"), LocalSource(place / "clone")
    crawl(store, remote, settings)
    crawl(store, clone, settings)
    before = stored(store, remote)
    crawl(store, remote, settings, reread=True)
    assert stored(store, remote) == {
        name: {**row, "last_seen": stored(store, remote)[name]["last_seen"]} for name, row in before.items()
    }
