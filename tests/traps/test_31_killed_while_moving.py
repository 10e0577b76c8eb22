"""A crawl is killed before any of its transactions: the next one ends as if nothing had happened."""

import os
import shutil
import sqlite3

import pytest
from fixtures.crawling import EXTRACTORS, Shop
from sqlalchemy import event

from catalog import plugins
from catalog.recording.authorship import Authorship
from catalog.recording.edits import edit_model
from catalog.records import ModelId, RunState
from catalog.settings import Settings
from catalog.store import open_store
from catalog.store.tables import copies_due, record_files
from crawler.registry import Registry

REGISTRY = Registry([plugins.load("extractor", name)() for name in EXTRACTORS])


@pytest.fixture
def small_pages(monkeypatch):
    monkeypatch.setattr("crawler.stages.committing.PAGE_MODELS", 2)
    monkeypatch.setattr("crawler.stages.judging.PAGE_MODELS", 2)
    monkeypatch.setattr("crawler.stages.key_sets.PACKED_AT_ONCE", 2)


SURVIVED, KILLED = 0, 9


def crawled_in_a_process_that_is_killed(shop, number):
    """A crawl in a process of its own, killed just before its transaction of this number is committed."""
    child = os.fork()
    if child == 0:
        commits = []

        def die(_connection):
            commits.append(1)
            if len(commits) == number:
                os._exit(KILLED)

        with open_store(shop.settings, write=True) as shop.store:
            event.listen(shop.store._engine, "commit", die)
            shop.crawl()
        os._exit(SURVIVED)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def filled(shop):
    for number in range(5):
        shop.model(f"old/m{number}/model.safetensors", values=number + 1)
    shop.model("kept.safetensors", values=40)
    shop.crawl()


def renamed_collection(shop):
    filled(shop)
    model = ModelId(shop.documents()["old/m2/model.safetensors"]["id"])
    edit_model(shop.store, model, expected=1, values={"license": "mit"}, by=Authorship(made_by="me"))
    (shop.root / "old").rename(shop.root / "new")


def everything_moved(shop):
    filled(shop)
    (shop.root / "new").mkdir()
    for name in ("old", "kept.safetensors"):
        (shop.root / name).rename(shop.root / "new" / name)


def onto_names_used_before(shop):
    filled(shop)
    (shop.root / "old").rename(shop.root / "new")
    shop.crawl()
    (shop.root / "new").rename(shop.root / "old")


def taken_in_by_a_directory_model(shop):
    filled(shop)
    for number in range(3):
        shop.put(f"old/m{number}/config.json", {"model_type": "bert"})


def moved_copies(shop):
    for name in ("a", "b", "c", "d"):
        shop.model(f"old/{name}.safetensors", values=7)
    shop.model("kept.safetensors", values=7)
    shop.crawl()
    (shop.root / "old").rename(shop.root / "new")


def changed_and_lost(shop):
    filled(shop)
    for number in range(3):
        shop.model(f"old/m{number}/model.safetensors", values=100 + number)
    shutil.rmtree(shop.root / "old/m4")
    shop.model("more.safetensors", values=50)


def first_crawl(shop):
    for number in range(5):
        shop.model(f"m{number}/model.safetensors", values=1 + number % 2)


SITUATIONS = (
    renamed_collection,
    everything_moved,
    onto_names_used_before,
    taken_in_by_a_directory_model,
    moved_copies,
    changed_and_lost,
    first_crawl,
)


def state(store, known):
    """All that a reader sees, but for the dates and numbers that depend on when it was made."""
    documents = {}
    for model in store.records.iterate():
        document = {k: v for k, v in model.document.items() if k not in {"revision", "last_seen"}}
        if document["first_seen"] not in known:
            document["first_seen"] = "new"
        documents[document["path"]] = document
        history = store.records.history(model.id)
        assert [revision.number for revision in history] == list(range(1, model.revision + 1))
        assert [revision.parent_sha256 for revision in history[1:]] == [
            revision.sha256 for revision in history[:-1]
        ]
    with store._engine.connect() as connection:
        files = sorted(tuple(row) for row in connection.execute(record_files.select()))
        due = list(connection.execute(copies_due.select()))
    return documents, files, due


@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize("situation", SITUATIONS)
def test_whenever_a_crawl_is_killed_the_next_ends_with_everything_right(situation, tmp_path):
    (tmp_path / "models").mkdir()
    base = tmp_path / "base.sqlite3"
    shop = Shop(root=tmp_path / "models", store=None, settings=Settings(home=tmp_path), registry=REGISTRY)

    def opened(name):
        home = tmp_path / name
        home.mkdir()
        if base.exists():
            shutil.copy(base, home / "store.sqlite3")
        shop.settings = Settings(home=home)
        return open_store(shop.settings, write=True)

    with opened("base") as shop.store:
        situation(shop)
        known = {model.document["first_seen"] for model in shop.store.records.iterate()}
    connection = sqlite3.connect(tmp_path / "base/store.sqlite3")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    shutil.copy(tmp_path / "base/store.sqlite3", base)

    with opened("whole") as shop.store:
        assert shop.crawl().run.state is RunState.COMPLETE
        expected = state(shop.store, known)
    assert expected[2] == []

    for number in range(1, 200):
        with opened(f"killed-{number}"):
            pass
        code = crawled_in_a_process_that_is_killed(shop, number)
        assert code in {SURVIVED, KILLED}
        if code == SURVIVED:
            break
        with open_store(shop.settings, write=True) as shop.store:
            report = shop.crawl()
            assert (number, report.run.state) == (number, RunState.COMPLETE)
            assert state(shop.store, known) == expected
    assert number > 8


def test_the_origin_of_a_move_is_never_seen_beside_its_arrival(shop, monkeypatch):
    """After every transaction of the crawl each file is live under one name."""
    monkeypatch.setattr("crawler.stages.committing.PAGE_MODELS", 2)
    monkeypatch.setattr("crawler.stages.judging.PAGE_MODELS", 2)
    monkeypatch.setattr("crawler.stages.key_sets.PACKED_AT_ONCE", 2)
    for number in range(6):
        shop.model(f"old/m{number}/model.safetensors", values=number + 1)
    shop.crawl()
    (shop.root / "old").rename(shop.root / "new")
    live = []

    def watch(_progress):
        live.append(sum(status == "ok" for status in shop.statuses().values()))

    shop.crawl(watch=watch)
    assert set(live) == {6}
    assert len(live) > 4


def test_a_model_that_moves_takes_its_edits_along_and_back(shop):
    path = shop.model("a/model.safetensors")
    shop.model("kept.safetensors", values=9)
    shop.crawl()

    def document(place):
        return shop.documents()[f"{place}/model.safetensors"]

    edit_model(
        shop.store,
        ModelId(document("a")["id"]),
        expected=1,
        values={"license": "mit"},
        by=Authorship(made_by="me"),
    )
    path.parent.rename(shop.root / "b")
    assert shop.crawl().counts["moved"] == 1
    assert document("b")["license"] == "mit"
    model = ModelId(document("b")["id"])
    edit_model(
        shop.store,
        model,
        expected=shop.store.records.get(model).revision,
        values={"task": "text-classification"},
        clear=["license"],
        by=Authorship(made_by="you"),
    )
    (shop.root / "b").rename(shop.root / "a")
    assert shop.crawl().counts["moved"] == 1
    assert "license" not in document("a")
    assert document("a")["task"] == "text-classification"
