"""A directory of a source at which another file system was mounted, and is not any more: nothing there was deleted."""

import shutil

import pytest
from fixtures.crawling import safetensors
from sqlalchemy import func, update

from catalog.records import RunState
from catalog.settings import Settings
from catalog.store import open_store
from catalog.store.tables import objects
from crawler.crawl import crawl
from crawler.sources.local import LocalSource

OTHER_DEVICE = "123456789:1"


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path / "home")


@pytest.fixture
def root(tmp_path):
    for number, name in enumerate(("here", "share/a", "share/b")):
        place = tmp_path / "models" / name
        place.mkdir(parents=True)
        (place / "model.safetensors").write_bytes(safetensors(values=number + 1))
    return tmp_path / "models"


@pytest.fixture
def store(settings, root):
    """A catalog in which what lies below `share` came from another file system, as far as it knows."""
    with open_store(settings, write=True) as store:
        crawl(store, LocalSource(root), settings)
        with store._engine.begin() as connection:
            mounted = update(objects).where(objects.c.key.between(b"share/", b"share0"))
            connection.execute(mounted.values(file_identity=OTHER_DEVICE))
        for name in ("a", "b"):
            shutil.rmtree(root / "share" / name)
        yield store


def statuses(store):
    return sorted(row.document["status"] for row in store.records.iterate())


@pytest.mark.parametrize("reread", [False, True], ids=["crawl", "reread"])
def test_an_empty_directory_whose_files_lay_in_another_file_system_proves_nothing(
    store, root, settings, reread
):
    """A disk below a source that was not mounted for two crawls took its models out of the catalog."""
    report = crawl(store, LocalSource(root), settings, reread=reread)
    assert (report.run.state, report.counts["missing"]) == (RunState.PARTIAL, 0)
    assert "share: the listing broke off: it is empty" in report.problems[0]
    assert statuses(store) == ["ok", "ok", "ok"]


def test_what_lay_there_is_gone_where_somebody_says_so(store, root, settings):
    report = crawl(store, LocalSource(root), settings, accept=True)
    assert (report.run.state, report.counts["missing"]) == (RunState.COMPLETE, 2)


def test_what_lay_there_is_gone_where_the_directory_is(store, root, settings):
    (root / "share").rmdir()
    assert crawl(store, LocalSource(root), settings).counts["missing"] == 2


def test_a_directory_that_was_emptied_in_its_own_file_system_is_empty(store, root, settings):
    (root / "here" / "model.safetensors").unlink()
    assert crawl(store, LocalSource(root), settings).counts["missing"] == 1


def test_a_directory_that_was_emptied_is_empty_where_file_systems_have_other_numbers_now(
    store, root, settings
):
    """Systems number them anew at each start: what was emptied after one was never missing, and each crawl partial."""
    shutil.copytree(root / "here", root / "other")
    crawl(store, LocalSource(root), settings, accept=True)
    with store._engine.begin() as connection:
        renumbered = func.replace(objects.c.file_identity, f"{root.stat().st_dev}:", "987654321:")
        connection.execute(update(objects).values(file_identity=renumbered))
    (root / "here" / "model.safetensors").unlink()
    report = crawl(store, LocalSource(root), settings)
    assert (report.run.state, report.problems) == (RunState.COMPLETE, ())
