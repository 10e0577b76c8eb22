"""A whole store copied between databases: equal to the last byte, or nothing of it."""

import json
import tracemalloc

import pytest
from click.testing import CliRunner
from fixtures.crawling import EXTRACTORS, Shop
from sqlalchemy import insert, select, text

from catalog import plugins
from catalog.cli import cli
from catalog.errors import ModeldexError, UserError
from catalog.recording.authorship import Authorship
from catalog.recording.edits import edit_model
from catalog.records import ModelId
from catalog.settings import Settings
from catalog.store import open_store
from catalog.store.copying import copy_store
from catalog.store.tables import extractions, records, runs
from crawler.registry import Registry


@pytest.fixture
def shop(tmp_path):
    """A store with everything in it that crawls and persons leave, names of files that are no text included."""
    (tmp_path / "models").mkdir()
    settings = Settings(home=tmp_path / "home")
    registry = Registry([plugins.load("extractor", name)() for name in EXTRACTORS])
    with open_store(settings, write=True) as store:
        shop = Shop(root=tmp_path / "models", store=store, settings=settings, registry=registry)
        for number in range(6):
            shop.model(f"n{number}/model.safetensors", fill=number % 3)
            shop.put(
                f"n{number}/modeldex.json", {"tags": ["é\u202e😀"], "metrics": {"accuracy": 0.1 * number}}
            )
        shop.put("odd\udcff.safetensors", b"x")
        shop.crawl()
        model = ModelId(next(iter(shop.documents().values()))["id"])
        revision = store.records.get(model).revision
        edit_model(store, model, expected=revision, values={"license": "mit"}, by=Authorship(made_by="me"))
        yield shop


def documents(store):
    return [(stored.id, stored.revision, stored.document) for stored in store.records.iterate()]


def test_a_store_goes_to_postgresql_and_back_and_is_equal(shop, postgresql_url, tmp_path):
    there = Settings(home=tmp_path / "there", database_url=postgresql_url)
    back = Settings(home=tmp_path / "back")
    with open_store(there, write=True) as target:
        first = copy_store(shop.store, target)
        assert documents(target) == documents(shop.store)
        model = documents(target)[0][0]
        assert target.records.history(model) == shop.store.records.history(model)
        with open_store(back, write=True) as again:
            assert copy_store(target, again) == first
            assert documents(again) == documents(shop.store)
            assert again.birth() == target.birth() == shop.store.birth() != ""
    assert {table.name: table.rows for table in first}["records"] == 7


def test_a_copied_store_goes_on_where_the_old_one_was(shop, postgresql_url, tmp_path):
    there = Settings(home=tmp_path / "there", database_url=postgresql_url)
    with open_store(there, write=True) as target:
        copy_store(shop.store, target)
        copied = Shop(root=shop.root, store=target, settings=there, registry=shop.registry)
        assert copied.crawl().counts["changed"] == 0
        copied.model("n9/model.safetensors", fill=9)
        assert copied.crawl().counts["new"] == 1
        model = ModelId(next(iter(copied.documents().values()))["id"])
        edit_model(
            target,
            model,
            expected=target.records.get(model).revision,
            values={"license": "isc"},
            by=Authorship(made_by="me"),
        )
        assert target.records.get(model).document["license"] == "isc"


def test_a_database_with_something_in_it_is_left_alone(shop, tmp_path):
    with open_store(Settings(home=tmp_path / "there"), write=True) as target:
        copy_store(shop.store, target)
        before = documents(target)
        with pytest.raises(UserError, match="There is something in the table"):
            copy_store(shop.store, target)
        assert documents(target) == before


def test_a_store_is_not_copied_while_somebody_writes_to_it_or_into_itself(shop, tmp_path):
    with open_store(Settings(home=tmp_path / "there"), write=True) as target:
        with shop.store.lease("worker"), pytest.raises(UserError, match="Somebody writes"):
            copy_store(shop.store, target)
        copy_store(shop.store, target)
    with open_store(shop.settings, write=False) as reader, pytest.raises(UserError, match="the store itself"):
        copy_store(reader, shop.store)


def test_what_breaks_off_leaves_nothing_and_can_be_done_again(shop, postgresql_url, tmp_path):
    def fails(table, _rows):
        if table == "revisions":
            raise ConnectionError("gone")

    with open_store(Settings(home=tmp_path / "there", database_url=postgresql_url), write=True) as target:
        with pytest.raises(ConnectionError):
            copy_store(shop.store, target, progress=fails)
        assert documents(target) == []
        copy_store(shop.store, target)
        assert documents(target) == documents(shop.store)


def test_what_the_source_gets_meanwhile_is_in_neither_half(shop, tmp_path):
    other = open_store(shop.settings, write=True)

    def add(table, _rows):
        if table == "objects":
            with other.engine.begin() as connection:
                row = {
                    "source": "x",
                    "started_at": "",
                    "state": "failed",
                    "token": 0,
                    "counts": "{}",
                    "problems": "[]",
                }
                connection.execute(insert(runs), [row])

    with (
        open_store(shop.settings, write=False) as reader,
        open_store(Settings(home=tmp_path / "t"), write=True) as target,
    ):
        copied = {table.name: table.rows for table in copy_store(reader, target, progress=add)}
        assert copied["runs"] == 1
    other.close()


def test_memory_is_that_of_a_page_and_not_of_the_store(shop, tmp_path):
    with shop.store.engine.begin() as connection:
        body = b"x" * 200_000
        rows = [{"source": "x", "key": str(number).encode(), "body": body} for number in range(300)]
        connection.execute(insert(extractions), rows)
    del rows
    with open_store(Settings(home=tmp_path / "there"), write=True) as target:
        tracemalloc.start()
        copy_store(shop.store, target)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 45 * 1024 * 1024, "of 60 MB"


def test_a_row_that_is_another_over_there_is_noticed(shop, tmp_path):
    with open_store(Settings(home=tmp_path / "there"), write=True) as target:
        with target.engine.begin() as connection:
            connection.execute(
                text(
                    "CREATE TRIGGER other AFTER INSERT ON records BEGIN "
                    "UPDATE records SET name = 'other' WHERE id = NEW.id; END"
                )
            )
        with pytest.raises(Exception, match="records is not the same"):
            copy_store(shop.store, target)
        with target.engine.connect() as connection:
            assert connection.execute(select(records)).first() is None


def test_the_command_copies_and_says_what_it_copied(shop, tmp_path):
    url = f"sqlite:///{tmp_path}/copy.sqlite3"
    done = CliRunner().invoke(cli, ["--home", str(shop.settings.home), "store", "copy", url, "--json"])
    assert done.exit_code == 0, done.stderr
    rows = {table["name"]: table["rows"] for table in json.loads(done.stdout)["tables"]}
    assert rows["records"] == 7
    with open_store(Settings(home=tmp_path / "x", database_url=url), write=False) as target:
        assert documents(target) == documents(shop.store)
    for wrong in (
        url,
        f"sqlite:///{shop.settings.home}/store.sqlite3",
        "mysql://x",
        f"sqlite:///{tmp_path}/mistyped/copy",
    ):
        done = CliRunner().invoke(cli, ["--home", str(shop.settings.home), "store", "copy", wrong])
        assert isinstance(done.exception, ModeldexError)
        assert (done.stdout, "\n" in str(done.exception)) == ("", False)
    assert not (tmp_path / "mistyped").exists()
