"""Opening a store: new, too new, damaged, out of reach; by two processes; on PostgreSQL."""

import os
import sqlite3
import subprocess
import sys

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from fixtures.schemas import make_schema
from fixtures.warm_python import warm_python
from sqlalchemy.exc import OperationalError

from catalog.errors import StoreError, StoreTooNew, WriterBusy
from catalog.settings import Settings
from catalog.store import open_store
from catalog.store.database import open_database
from catalog.store.schema import VERSIONS, _definitions, version_of
from catalog.store.tables import narrow_on_postgresql


def test_a_new_home_is_made_and_can_be_read_at_once(tmp_path):
    with open_store(Settings(home=tmp_path / "new" / "home"), write=False) as store:
        assert store.records.count() == 0
        assert store.consumer("index").claim() == []
        assert store.runs.latest(5) == []


def test_the_schema_that_the_code_names_is_the_newest_migration():
    config = Config()
    config.set_main_option("script_location", "catalog/store/migrations")
    config.set_main_option("path_separator", "os")
    scripts = ScriptDirectory.from_config(config)
    assert [script.revision for script in reversed(list(scripts.walk_revisions()))] == list(VERSIONS)


@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index")
@pytest.mark.filterwarnings("ignore:autogenerate skipping metadata-specified expression-based index")
@pytest.mark.parametrize("begins_at", [None, VERSIONS[0]])
def test_migrations_and_tables_agree(tmp_path, begins_at):
    """Of a new store, which is made as the tables say, and of one that every migration was run on."""
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from catalog.store.tables import metadata

    settings = Settings(home=tmp_path)
    if begins_at is not None:
        engine = open_database(settings.store_url, write=True)
        make_schema(engine, begins_at)
        engine.dispose()
    with open_store(settings, write=True) as store, store._engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        assert version_of(connection) == VERSIONS[-1]


def test_a_new_store_and_one_that_was_migrated_are_alike(tmp_path):
    created, migrated = Settings(home=tmp_path / "created"), Settings(home=tmp_path / "migrated")
    engine = open_database(migrated.store_url, write=True)
    make_schema(engine, VERSIONS[0])
    engine.dispose()
    assert _described(created) == _described(migrated)


def test_the_same_indexes_are_of_a_part_of_their_rows_on_both_databases():
    """What narrows them is told to PostgreSQL's dialect only where that is used."""
    parts = {}
    narrow_on_postgresql()
    for dialect in ("sqlite", "postgresql"):
        words = [definition.split(" WHERE ") for definition in _definitions(dialect) if "INDEX" in definition]
        parts[dialect] = {index.split(" ON ")[0]: rows for index, *rows in words}
    assert parts["sqlite"] == parts["postgresql"]
    assert len([rows for rows in parts["sqlite"].values() if rows]) > 3


def test_a_store_in_sqlite_loads_nothing_for_postgresql(tmp_path):
    program = (
        "import sys; from catalog.store import open_store; from catalog.settings import Settings\n"
        "from pathlib import Path\n"
        "with open_store(Settings(home=Path(sys.argv[1])), write=True) as store: store.records.count()\n"
        "print([name for name in sys.modules if 'postgresql' in name or 'psycopg' in name])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert ran.stdout == "[]\n"


def _described(settings):
    """Every table: its columns as the database describes them, its indexes and its rows."""
    with open_store(settings, write=True):
        pass
    with sqlite3.connect(settings.home / "store.sqlite3") as connection:
        tables = [
            name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
        return {
            table: (
                sorted(row[1:] for row in connection.execute(f"PRAGMA table_info({table})")),
                sorted(row[1:] for row in connection.execute(f"PRAGMA index_list({table})")),
                connection.execute(f"SELECT * FROM {table}").fetchall(),
            )
            for table in tables
        }


@pytest.mark.parametrize("write", [True, False])
def test_a_store_of_a_newer_version_is_refused_by_name(tmp_path, write):
    with open_store(Settings(home=tmp_path), write=True):
        pass
    connection = sqlite3.connect(tmp_path / "store.sqlite3")
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()
    with pytest.raises(StoreTooNew, match=r"newer Modeldex \(schema 9999\)"):
        open_store(Settings(home=tmp_path), write=write)


def test_a_file_that_is_no_database_is_one_clear_sentence(tmp_path):
    (tmp_path / "store.sqlite3").write_bytes(b"not a database, but long enough to be looked at" * 10)
    with pytest.raises(StoreError, match="cannot be opened: file is not a database"):
        open_store(Settings(home=tmp_path), write=True)


def test_a_home_that_cannot_be_made_is_one_clear_sentence(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match="cannot be created"):
        open_store(Settings(home=tmp_path / "file" / "home"), write=True)


def test_an_url_that_means_nothing_is_one_clear_sentence(tmp_path):
    with pytest.raises(StoreError, match="database_url"):
        open_store(Settings(home=tmp_path, database_url="nonsense://x"), write=True)


def test_readers_read_while_a_writer_writes(tmp_path):
    settings = Settings(home=tmp_path)
    with (
        open_store(settings, write=True) as writer,
        open_store(settings, write=False) as reader,
        writer._engine.begin() as connection,
    ):
        connection.exec_driver_sql("INSERT INTO leases VALUES ('x', '{}', 1, 0)")
        assert reader.records.count() == 0


def test_two_stores_on_one_home_share_one_lease(tmp_path):
    settings = Settings(home=tmp_path)
    with open_store(settings, write=True) as one, open_store(settings, write=True) as two:
        with one.lease("writer"), pytest.raises(WriterBusy, match="since"), two.lease("writer"):
            pass
        with two.lease("writer") as lease:
            assert lease.token == 2


def test_the_lease_of_a_process_that_died_is_taken_at_once(tmp_path):
    import json
    import socket
    import time

    with open_store(Settings(home=tmp_path), write=True) as store:
        holder = {"pid": 2**22 - 3, "host": socket.gethostname(), "since": "now", "started": "1"}
        with store._engine.begin() as connection:
            from sqlalchemy import insert

            from catalog.store.tables import leases

            connection.execute(
                insert(leases).values(
                    name="writer", holder=json.dumps(holder), token=7, expires=time.time() + 999
                )
            )
        with store.lease("writer") as lease:
            assert lease.token == 8


def test_a_database_that_fails_while_it_is_used_is_one_clear_sentence(tmp_path):
    """A table that went missing stands for every damage that shows only after opening."""
    with (  # noqa: PT012 - leaving the store is what raises
        pytest.raises(StoreError, match="cannot be used: no such table: records"),
        open_store(Settings(home=tmp_path), write=True) as store,
    ):
        with store._engine.begin() as connection:
            connection.exec_driver_sql("DROP TABLE records")
        store.records.count()


def test_a_home_that_only_others_write_can_be_read(tmp_path, monkeypatch):
    """A catalog on a shared or read-only disk: SQLite would write a lock file to read, and failed."""
    with open_store(Settings(home=tmp_path), write=True) as store, store.lease("writer"):
        pass
    before = sorted(path.name for path in tmp_path.iterdir())
    monkeypatch.setattr(os, "access", lambda *_: False)
    with open_store(Settings(home=tmp_path), write=False) as store:
        assert store.records.count() == 0
        assert sorted(path.name for path in tmp_path.iterdir()) == before
        with pytest.raises(OperationalError, match="readonly"), store._engine.begin() as connection:
            connection.exec_driver_sql("INSERT INTO leases VALUES ('x', '{}', 1, 0)")


def test_a_reader_of_a_read_only_home_sees_what_its_owner_writes_meanwhile(tmp_path, monkeypatch):
    with open_store(Settings(home=tmp_path), write=True) as writer:
        monkeypatch.setattr(os, "access", lambda *_: False)
        with open_store(Settings(home=tmp_path), write=False) as reader:
            for number in range(2):
                with writer._engine.begin() as connection:
                    connection.exec_driver_sql(f"INSERT INTO leases VALUES ('{number}', '{{}}', 1, 0)")
                with reader._engine.connect() as connection:
                    found = connection.exec_driver_sql("SELECT count(*) FROM leases").scalar_one()
                assert found == number + 1


def test_readers_and_writers_that_open_a_new_home_at_once_all_open_it(tmp_path):
    """`serve` brings a worker, a crawl and the page at once; the page was answered "database is locked"."""
    import subprocess

    program = (
        "import sys, pathlib; from catalog.settings import Settings; from catalog.store import open_store\n"
        "with open_store(Settings(home=pathlib.Path(sys.argv[1])), write=sys.argv[2] == 'w') as store:\n"
        "    store.runs.latest(1)"
    )
    processes = [
        subprocess.Popen([*warm_python(), "-c", program, tmp_path, how], stderr=subprocess.PIPE, text=True)
        for how in ("r", "w", "r", "w")
    ]
    assert [process.communicate()[1] for process in processes] == [""] * 4
