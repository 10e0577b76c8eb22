"""A store that stays open notices what stands in its place."""

import sqlite3

import pytest

from catalog.errors import StoreDamaged, StoreError, StoreTooNew
from catalog.records import ObjectKey, SourceId
from catalog.settings import Settings
from catalog.store import open_store
from catalog.store.standing import StandingStore

SOURCE = SourceId("file:///a")


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path)


@pytest.fixture
def standing(settings):
    store = StandingStore(settings)
    with store.opened():
        pass
    yield store
    store.close()


def database(settings):
    return settings.home / "store.sqlite3"


def test_it_is_the_same_store_from_look_to_look_and_sees_what_others_write(settings, standing):
    with standing.opened() as first:
        pass
    with open_store(settings, write=True) as other:
        other.event_hints.note([(SOURCE, ObjectKey("k"))])
    with standing.opened() as second:
        assert second is first
        assert list(second.event_hints.due()) == [SOURCE]


def test_a_store_that_was_put_in_its_place_is_opened(settings, standing, tmp_path):
    with open_store(Settings(home=tmp_path / "other"), write=True) as other:
        other.event_hints.note([(SOURCE, ObjectKey("k"))])
    (tmp_path / "other" / "store.sqlite3").replace(database(settings))
    for name in ("store.sqlite3-wal", "store.sqlite3-shm"):
        (settings.home / name).unlink(missing_ok=True)
    with standing.opened() as store:
        assert list(store.event_hints.due()) == [SOURCE]


def test_a_store_of_a_later_version_is_left_alone(settings, standing):
    with sqlite3.connect(database(settings)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreTooNew), standing.opened():
        pass


def test_a_store_that_fails_is_opened_again(settings, standing):
    with pytest.raises(StoreError), standing.opened() as store, store.engine.connect() as connection:
        connection.exec_driver_sql("SELECT * FROM no_such_table")
    with standing.opened() as again:
        assert again is not store
        assert not again.event_hints.are_due()


def test_a_store_that_was_cut_to_nothing_is_not_taken_for_a_new_one(settings, standing):
    standing.close()
    (settings.index_path).mkdir(parents=True)
    (settings.index_path / "CURRENT").write_text("x")
    database(settings).write_bytes(b"")
    with pytest.raises(StoreDamaged), standing.opened():
        pass
