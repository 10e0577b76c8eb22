"""Bytes of the record store that nobody wrote: a sentence and exit code 1 at every verb, and never a traceback."""

import json
import os
import random
import re
import shutil
import sqlite3
from contextlib import closing, contextmanager

import pytest
from fixtures.crawling import safetensors
from fixtures.shell import run

from catalog.settings import Settings
from catalog.store import open_store
from webui.app import create_app
from webui.contracts import close_services, open_services

MODELS = 12
FLIPS = 25
"""So many stores with random damage; a hundred were tried when this was written."""


@contextmanager
def opened(path):
    with closing(sqlite3.connect(path)) as database, database:
        yield database


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """The home of a catalog, and its models."""
    folder = tmp_path_factory.mktemp("sound")
    (folder / "models").mkdir()
    for number in range(MODELS):
        metadata = {"note": f"model {number} " * 40}
        (folder / f"models/m{number}.safetensors").write_bytes(safetensors(number + 1, metadata=metadata))
    assert run("--home", str(folder / "home"), "crawl", str(folder / "models")).exit_code == 0
    with opened(folder / "home/store.sqlite3") as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return folder


@pytest.fixture
def house(sound, tmp_path):
    shutil.copytree(sound / "home", tmp_path / "home")
    return House(tmp_path / "home", sound / "models")


class House:
    def __init__(self, home, root):
        self.home, self.root, self.store = home, root, home / "store.sqlite3"

    def run(self, verb):
        return run("--home", str(self.home), *self.verbs()[verb])

    def verbs(self):
        return {
            "crawl": ("crawl", str(self.root)),
            "re-read": ("crawl", str(self.root), "--reread"),
            "show": ("show", "m3.safetensors"),
            "models": ("models",),
            "models --json": ("models", "--json"),
            "reindex": ("reindex",),
            "forget": ("forget", str(self.root)),
            "forget --apply": ("forget", str(self.root), "--apply"),
        }

    def sql(self, statement, *values):
        with opened(self.store) as database:
            database.execute(statement, values)


VERBS = (
    "crawl",
    "re-read",
    "show",
    "models",
    "models --json",
    "reindex",
    "forget",
    "forget --apply",
)


def cut_in_half(house):
    os.truncate(house.store, house.store.stat().st_size // 2)


def cut_to_nothing(house):
    house.store.write_bytes(b"")


def replace_by_text(house):
    house.store.write_bytes(b"not a database, but long enough to be looked at" * 100)


def zero_the_pages(house):
    data = bytearray(house.store.read_bytes())
    data[4096:] = bytes(len(data) - 4096)
    house.store.write_bytes(data)


def add_a_version(house):
    house.sql("INSERT INTO alembic_version VALUES ('0001')")


def make_the_version_unknown(house):
    house.sql("UPDATE alembic_version SET version_num = 'beef'")


def make_it_newer(house):
    house.sql("UPDATE alembic_version SET version_num = '9999'")


def lose_the_version(house):
    house.sql("DELETE FROM alembic_version")


def lose_a_table(house):
    house.sql("DROP TABLE records")


def garble_a_name_of_the_schema(house):
    """What SQLite says of it is no UTF-8, and the driver fails over that; found by random flips."""
    with opened(house.store) as database:
        database.execute("PRAGMA writable_schema=ON")
        garbled = "name = CAST(x'cd41' AS TEXT), sql = 'CREATE TABLE'"
        database.execute(f"UPDATE sqlite_master SET {garbled} WHERE name = 'records'")


WHOLE = (
    garble_a_name_of_the_schema,
    cut_in_half,
    cut_to_nothing,
    replace_by_text,
    zero_the_pages,
    add_a_version,
    make_the_version_unknown,
    make_it_newer,
    lose_the_version,
    lose_a_table,
)


def is_sentence(done):
    return (
        done.exit_code == 1
        and done.stderr.startswith("modeldex: ")
        and done.stderr.count("\n") == 1
        and "Traceback" not in done.stderr
    )


@pytest.mark.parametrize("damage", WHOLE)
@pytest.mark.parametrize("verb", VERBS)
def test_a_damaged_store_is_one_sentence(house, damage, verb):
    damage(house)
    done = house.run(verb)
    assert is_sentence(done), done


@pytest.mark.parametrize("damage", WHOLE)
def test_the_pages_that_read_it_say_so(house, damage):
    """The page of crawls is there to say what is wrong; a model's page cannot be shown."""
    damage(house)
    answers = pages(house, "/runs", "/api/runs", "/models/aaaaaaaa")
    assert all("The store" in text and "Traceback" not in text for _, text in answers)
    assert answers[-1][0] == (503 if damage is make_it_newer else 500)


def test_a_page_over_a_store_that_a_newer_version_wrote_says_that_and_calls_nothing_damaged(house):
    """A server that ran on through an upgrade said that every record was damaged, and to make each anew."""

    (known, *_) = json.loads(house.run("models --json").stdout)
    address = f"/api/models/{known['id']}"

    def upgraded():
        house.sql("UPDATE alembic_version SET version_num = '9999'")
        house.sql("UPDATE records SET record = 'other'")
        return address

    before, after = pages(house, lambda: address, upgraded)
    assert before[0] == 200
    assert after[0] == 503
    assert "written by a newer Modeldex than the one that answers here" in after[1]


def pages(house, *paths):
    services = open_services(Settings(home=house.home))
    app = create_app(Settings(home=house.home), services)
    client = app.test_client()
    addresses = (path() if callable(path) else path for path in paths)
    answers = [(answer.status_code, answer.text) for answer in map(client.get, addresses)]
    app.extensions["modeldex-es"].close()
    close_services(services)
    return answers


def test_a_locked_store_is_one_sentence(house, monkeypatch):
    monkeypatch.setattr("catalog.store.database.BUSY_TIMEOUT_MS", 100)
    holder = sqlite3.connect(house.store, isolation_level=None)
    holder.execute("PRAGMA locking_mode=EXCLUSIVE")
    holder.execute("BEGIN EXCLUSIVE")
    done = house.run("crawl")
    holder.close()
    assert is_sentence(done), done
    assert "locked" in done.stderr


def flip(house, table, column, where):
    """One byte in the middle of a compressed value."""
    with opened(house.store) as database:
        ((value,),) = database.execute(f"SELECT {column} FROM {table} WHERE {where}").fetchall()
        data = bytearray(value)
        data[len(data) // 2] ^= 0xFF
        database.execute(f"UPDATE {table} SET {column} = ? WHERE {where}", (bytes(data),))


def test_a_flipped_record_costs_its_model_and_not_the_list(house):
    flip(house, "records", "record", "name = 'm3'")
    listed = house.run("models")
    assert listed.stdout.count("\n") == MODELS  # the heading, and all models but one
    assert is_sentence(listed), listed
    assert re.search(r"The record of the model m3 \([0-9a-f]{12}\) is damaged .* --reread", listed.stderr)
    assert "m3" in run("--home", str(house.home), "show", "m3").stderr
    assert run("--home", str(house.home), "show", "m4").exit_code == 0
    assert house.run("re-read").exit_code == 0
    assert house.run("models").exit_code == 0


def test_a_document_that_cannot_be_read_costs_its_model_and_not_the_index(house):
    flip(house, "revisions", "document", "model = (SELECT id FROM records WHERE name = 'm3')")
    assert is_sentence(house.run("models"))
    rebuilt = house.run("reindex")
    assert rebuilt.exit_code == 1
    assert rebuilt.stdout.startswith(f"{MODELS - 1} models indexed")
    assert "its record in the store is damaged" in rebuilt.stderr
    assert house.run("re-read").exit_code == 0
    assert house.run("models").exit_code == 0
    assert f"{MODELS} models" in run("--home", str(house.home), "search").stderr
    assert run("--home", str(house.home), "verify").exit_code == 0


def test_what_views_show_of_a_document_and_is_no_json_is_named_and_written_anew(house):
    house.sql("UPDATE records SET view_values = '{\"id\": ' WHERE name = 'm3'")
    assert house.run("models").exit_code == 0
    assert "record's document is stored as unreadable" in run("--home", str(house.home), "verify").stdout
    assert house.run("re-read").exit_code == 0
    assert run("--home", str(house.home), "verify").exit_code == 0


def test_an_entry_that_cannot_be_read_is_read_again_from_its_file(house):
    flip(house, "objects", "outline", "CAST(key AS TEXT) = 'm3.safetensors'")
    assert house.run("crawl").exit_code == 0
    with open_store(Settings(home=house.home), write=False) as store:
        (source,) = store.records.sources()
        entry = store.manifest(source.id).entries(["m3.safetensors"])["m3.safetensors"]
    assert entry.outline is not None


def test_a_reading_that_cannot_be_read_is_named_with_its_file(house):
    flip(house, "extractions", "body", "CAST(key AS TEXT) = 'm3.safetensors'")
    house.sql("UPDATE records SET signature = ''")
    house.sql("UPDATE sources SET recipe = ''")
    done = house.run("crawl")
    assert is_sentence(done), done
    assert "m3.safetensors" in done.stderr
    assert house.run("re-read").exit_code == 0


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE runs SET counts = '{', problems = '['",
        "UPDATE leases SET holder = 'x'",
        "UPDATE objects SET reading = 'x', state = 'live'",
    ],
)
def test_an_account_that_is_damaged_is_no_reason_to_refuse_work(house, statement):
    house.sql(statement)
    assert house.run("crawl").exit_code == 0
    assert [status for status, _ in pages(house, "/runs")] == [200]


@pytest.mark.parametrize("seed", range(FLIPS))
def test_random_flips_make_no_traceback(house, seed):
    """Flipped bytes all over the file: every verb ends, well or with a sentence."""
    dice = random.Random(seed)
    data = bytearray(house.store.read_bytes())
    for _ in range(dice.choice([1, 3, 30])):
        data[dice.randrange(100 if dice.random() < 0.9 else 0, len(data))] ^= dice.randrange(1, 256)
    house.store.write_bytes(data)
    for verb in dice.sample(VERBS, 3):
        done = house.run(verb)
        assert done.exit_code in {0, 1, 2, 3}, done
        assert "Traceback" not in done.stderr
    for status, text in pages(house, "/runs", "/models/aaaaaaaa"):
        assert status in {200, 404, 500}
        assert status != 500 or "tore" in text
