"""A store that an earlier Modeldex wrote opens with nothing lost: models, their history, what waits for the index."""

import contextlib
import hashlib
import json
import lzma
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from fixtures.schemas import make_schema
from sqlalchemy import Engine, MetaData, func, insert, select, text

from catalog.errors import StoreError
from catalog.records.history import VerificationCounts
from catalog.settings import Settings
from catalog.store import open_store
from catalog.store.canonical import document_sha256
from catalog.store.codec import instant
from catalog.store.compression import DamagedText, unpacked
from catalog.store.database import open_database
from catalog.store.schema import COMPACTED, VERSIONS
from catalog.store.sql_views import NAMES
from catalog.store.tables import extractions, objects, revisions

DATA = Path(__file__).parents[3] / "data" / "store-0002"
CONTENTS = json.loads((DATA / "contents.json").read_text())
WITH_SECRETS = "sentiment-0.7"
NAMES_OF_IT = {"sentiment-0.5", "sentiment-0.6", "sentiment-0.7"}
"""The one model whose files hold secrets, and what its three revisions call it."""
COUNTED = {"revisions": "serial", "runs": "id", "edits": "id"}
"""Tables that number their rows."""


def write_sqlite(home: Path) -> Path:
    path = home / "store.sqlite3"
    path.write_bytes(lzma.decompress((DATA / "store.sqlite3.xz").read_bytes()))
    return path


@pytest.fixture
def on_sqlite(tmp_path):
    write_sqlite(tmp_path)
    return Settings(home=tmp_path)


@pytest.fixture
def on_postgresql(tmp_path, postgresql_url):
    """The same rows in the schema that the earlier version made there."""
    engine = open_database(postgresql_url, write=True)
    make_schema(engine, "0002")
    with sqlite3.connect(write_sqlite(tmp_path)) as database:
        copy_rows(database, engine)
    engine.dispose()
    return Settings(home=tmp_path / "home", database_url=postgresql_url)


def copy_rows(database: sqlite3.Connection, engine: Engine) -> None:
    database.row_factory = sqlite3.Row
    tables = MetaData()
    tables.reflect(engine)
    with engine.begin() as connection:
        for name, table in tables.tables.items():
            rows = [dict(row) for row in database.execute(f"SELECT * FROM {name}")]
            if rows and name != "alembic_version":
                connection.execute(insert(table), rows)
        for name, column in COUNTED.items():
            last = f"(SELECT coalesce(max({column}), 1) FROM {name})"
            connection.execute(text(f"SELECT setval(pg_get_serial_sequence('{name}', '{column}'), {last})"))


@pytest.fixture(params=["on_sqlite", "on_postgresql"])
def settings(request):
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize("write", [True, False], ids=["writing", "reading"])
def test_opening_brings_it_to_the_present_schema(on_sqlite, write):
    with open_store(on_sqlite, write=write) as store, store._engine.connect() as connection:
        assert (
            connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one() == VERSIONS[-1]
        )


def test_every_model_is_there_as_it_was(settings):
    expected = {row["id"]: row for row in CONTENTS["records"]}
    with open_store(settings, write=True) as store:
        present = {model: store.records.get(model) for model in expected}
        assert {stored.id for stored in store.records.iterate()} == {
            model for model, row in expected.items() if row["state"] != "gone"
        }
    for model, row in expected.items():
        assert present[model].revision == row["revision"]
        assert present[model].document["name"] == row["name"]
        if row["name"] != WITH_SECRETS:
            assert document_sha256(present[model].document) == row["sha256"]


def test_every_state_of_a_model_is_represented():
    assert {row["state"] for row in CONTENTS["records"]} == {"live", "missing", "gone"}
    assert any(row["moved_to"] for row in CONTENTS["records"])
    assert {row["state"] for row in CONTENTS["outbox"]} == {"pending", "dead"}
    assert {"running", "interrupted"} <= {row["state"] for row in CONTENTS["runs"]}


def test_every_revision_is_there_with_its_hashes(settings):
    with open_store(settings, write=True) as store:
        history = [revision for row in CONTENTS["records"] for revision in store.records.history(row["id"])]
    found = {(revision.model_id, revision.number): revision for revision in history}
    assert len(found) == len(CONTENTS["revisions"])
    for row in CONTENTS["revisions"]:
        revision = found[row["model"], row["number"]]
        assert (revision.sha256, revision.parent_sha256) == (row["sha256"], row["parent_sha256"])
        assert (revision.made_by, instant(revision.made_at)) == (row["made_by"], row["made_at"])
        assert document_sha256(revision.document) == (revision.redacted_sha256 or row["sha256"])
    assert {revision.document["name"] for revision in history if revision.redacted_sha256} == NAMES_OF_IT


def test_every_revision_gets_a_link_of_a_chain_and_the_author_that_its_edit_had(settings):
    with open_store(settings, write=True) as store:
        counts = VerificationCounts()
        assert list(store.records.verify(counts)) == []
        with store._engine.connect() as connection:
            written = connection.execute(select(func.count()).select_from(revisions)).scalar_one()
            edited = connection.execute(select(revisions.c.author).where(revisions.c.made_by == "edit"))
            assert all(edited.scalars())
        assert counts.revisions == written > 0


def test_what_waited_for_the_index_still_waits(settings):
    with open_store(settings, write=True) as store:
        waiting = {(action.id, action.revision) for action in store.consumer("index").claim()}
        dead = {
            (letter.id, letter.revision, letter.reason) for letter in store.consumer("index").dead_letters()
        }
    rows = CONTENTS["outbox"]
    rewritten = {(row["id"], row["revision"]) for row in CONTENTS["records"] if row["name"] == WITH_SECRETS}
    assert (
        waiting == {(row["model"], row["revision"]) for row in rows if row["state"] == "pending"} | rewritten
    )
    assert dead == {(row["model"], row["revision"], row["reason"]) for row in rows if row["state"] == "dead"}


def test_the_runs_and_sources_are_there(settings):
    with open_store(settings, write=True) as store:
        runs = {run.id: (run.source, run.state.value, instant(run.started_at)) for run in store.runs.latest()}
        sources = {source.id: source.uri for source in store.records.sources()}
    assert runs == {row["id"]: (row["source"], row["state"], row["started_at"]) for row in CONTENTS["runs"]}
    assert sources == {row["id"]: row["uri"] for row in CONTENTS["sources"]}


def test_every_file_is_known_as_it_was(settings):
    columns = [
        objects.c[name]
        for name in ("source", "key", "size_bytes", "change_token", "state", "reading", "sha256")
    ]
    with open_store(settings, write=True) as store, store._engine.connect() as connection:
        rows = sorted(tuple(row) for row in connection.execute(select(*columns)))
        read = connection.execute(select(func.count()).select_from(extractions)).scalar_one()
    assert hashlib.sha256(repr(rows).encode()).hexdigest() == CONTENTS["objects_sha256"]
    assert read == CONTENTS["counts"]["extractions"]


def test_no_secret_is_left_in_the_file(on_sqlite):
    """Earlier versions kept readings raw, and took the signature of an address for a part of it."""
    with open_store(on_sqlite, write=True):
        pass
    for file in on_sqlite.home.iterdir():
        assert not secrets_in(file.read_bytes()), file.name
    with sqlite3.connect(on_sqlite.home / "store.sqlite3") as database:
        assert database.execute("PRAGMA freelist_count").fetchone() == (0,)
        assert not secrets_in(*inflated(database))


def test_the_secrets_were_there_before(tmp_path):
    """The test above can fail."""
    with sqlite3.connect(write_sqlite(tmp_path)) as database:
        assert secrets_in(*inflated(database)) == set(CONTENTS["secrets"])


def test_no_row_of_the_server_holds_a_secret(on_postgresql):
    with open_store(on_postgresql, write=True) as store, store._engine.connect() as connection:
        for table in ("extractions", "objects", "records", "revisions", "runs", "deliveries"):
            rows = connection.execute(text(f"SELECT * FROM {table}"))
            assert not secrets_in(*(plain(value) for row in rows for value in row)), table


def test_masking_is_told_as_the_risk_that_it_was(on_sqlite):
    with open_store(on_sqlite, write=True) as store:
        source = next(source.id for source in store.records.sources() if source.uri.endswith("small"))
        keys = ["token/model.safetensors", "token/model.modeldex.yaml"]
        found = store.manifest(source).extractions(keys)
    assert {key for key in keys if any(seen.masked for seen in found[key].observations)} == set(keys)


def inflated(database):
    for (table,) in list(database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")):
        for row in database.execute(f"SELECT * FROM {table}"):
            yield from map(plain, row)


def plain(value) -> bytes:
    """The bytes behind a column: unpacked, if they are packed."""
    if not isinstance(value, bytes):
        return str(value).encode("utf-8", "backslashreplace")
    try:
        return unpacked(value)
    except DamagedText:
        return value


def secrets_in(*texts: bytes) -> set[str]:
    return {
        name for name, secret in CONTENTS["secrets"].items() if any(secret.encode() in data for data in texts)
    }


KILLED_WHILE_DIGESTS_BECOME_BYTES = """
import os, signal, sys
from pathlib import Path
from catalog.settings import Settings
from catalog.store import digests, open_store

calls, whole = 0, digests.raw_digest

def killing(value):
    global calls
    calls += 1
    if calls == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
    return whole(value)

killing.__name__ = "raw_digest"
digests.raw_digest = killing
open_store(Settings(home=Path(sys.argv[1])), write=True)
"""


KILLED_WHILE_DOCUMENTS_ARE_CUT = """
import os, signal, sys
from pathlib import Path
from catalog.settings import Settings
from catalog.store import open_store, view_values

calls, whole = 0, view_values.view_values

def killing(document, row):
    global calls
    calls += 1
    if calls == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return whole(document, row)

view_values.view_values = killing
open_store(Settings(home=Path(sys.argv[1])), write=True)
"""


@pytest.mark.parametrize("calls", [1, 400])
def test_a_kill_while_the_store_is_written_anew_leaves_it_as_it_was(on_sqlite, calls):
    killed = subprocess.run(
        [sys.executable, "-c", KILLED_WHILE_DIGESTS_BECOME_BYTES, str(on_sqlite.home), str(calls)],
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    with sqlite3.connect(on_sqlite.home / "store.sqlite3") as database:
        assert database.execute("SELECT version_num FROM alembic_version").fetchall() == [("0002",)]
        ids = {row for (row,) in database.execute("SELECT id FROM records")}
    assert ids == {row["id"] for row in CONTENTS["records"]}
    with open_store(on_sqlite, write=True) as store:
        assert all(store.records.get(model) for model in ids)


@pytest.mark.parametrize("databases", ["on_sqlite", "on_postgresql"])
def test_digests_are_bytes_afterwards_and_rows_find_each_other(request, databases):
    with (
        open_store(request.getfixturevalue(databases), write=True) as store,
        store.engine.connect() as connection,
    ):
        lengths = connection.execute(text("SELECT length(id) FROM records")).scalars()
        assert set(lengths) == {32}
        joined = text("SELECT count(*) FROM revisions JOIN records ON records.id = revisions.model")
        assert connection.execute(joined).scalar_one() == len(CONTENTS["revisions"])
        owned = text("SELECT count(*) FROM record_files JOIN records ON records.id = record_files.model")
        assert connection.execute(owned).scalar_one() > 0


@pytest.fixture(params=["on_sqlite", "on_postgresql"])
def at_0028(request):
    """The same store as the version wrote it that had each document twice, with an engine to look into it."""
    settings = request.getfixturevalue(request.param)
    is_sqlite = request.param == "on_sqlite"
    url = (
        f"sqlite:///{settings.home / 'store.sqlite3'}"
        if is_sqlite
        else request.getfixturevalue("postgresql_url")
    )
    engine = open_database(url, write=True)
    make_schema(engine, "0028")
    yield settings, engine
    engine.dispose()


def rows_of_views(engine: Engine) -> dict[str, list[str]]:
    with engine.connect() as connection:
        return {
            name: sorted(repr(tuple(row)) for row in connection.execute(text(f"SELECT * FROM {name}")))
            for name in NAMES
        }


def test_views_show_every_row_as_before_when_documents_are_kept_once(at_0028):
    settings, engine = at_0028
    before = rows_of_views(engine)
    with open_store(settings, write=True):
        pass
    assert rows_of_views(engine) == before
    assert all(before.values())


def test_a_document_that_one_of_its_two_places_still_had_is_kept(at_0028):
    settings, engine = at_0028
    newest = "SELECT max(serial) FROM revisions"
    with engine.begin() as connection:
        model = connection.execute(
            text(f"SELECT model FROM revisions WHERE serial = ({newest})")
        ).scalar_one()
        connection.execute(
            text(f"UPDATE revisions SET document = :data WHERE serial = ({newest})"), {"data": b"x"}
        )
        others = text("UPDATE records SET document = '{' WHERE id <> :model")
        connection.execute(others, {"model": model})
    with open_store(settings, write=True) as store:
        assert {each.id for each in store.records.iterate()} == {
            row["id"] for row in CONTENTS["records"] if row["state"] != "gone"
        }
        assert store.records.get(bytes(model).hex()).document["id"] == bytes(model).hex()
        assert list(store.records.verify(VerificationCounts())) == []


def test_a_kill_while_documents_are_cut_leaves_the_store_as_it_was(on_sqlite):
    engine = open_database(f"sqlite:///{on_sqlite.home / 'store.sqlite3'}", write=True)
    make_schema(engine, "0028")
    before = rows_of_views(engine)
    killed = subprocess.run(
        [sys.executable, "-c", KILLED_WHILE_DOCUMENTS_ARE_CUT, str(on_sqlite.home)], check=False
    )
    assert killed.returncode == -signal.SIGKILL
    with engine.connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all() == ["0028"]
    assert rows_of_views(engine) == before
    with open_store(on_sqlite, write=True) as store:
        assert list(store.records.verify(VerificationCounts())) == []
    engine.dispose()


def test_views_of_their_own_that_people_built_on_ours_hinder_no_update_and_still_answer(tmp_path):
    """SQLite renamed no table while a view asked for one that was not there, and the store could not be opened at all."""
    settings = Settings(home=tmp_path)
    engine = open_database(f"sqlite:///{tmp_path / 'store.sqlite3'}", write=True)
    make_schema(engine, "0027")
    engine.dispose()
    with sqlite3.connect(tmp_path / "store.sqlite3") as database:
        database.execute("CREATE VIEW lab AS SELECT name, tag FROM models JOIN tags USING (model_id)")
    with open_store(settings, write=True) as store, store.engine.connect() as connection:
        assert (
            connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one() == VERSIONS[-1]
        )
        assert not connection.execute(text("SELECT * FROM lab")).all()


def test_triggers_of_their_own_that_people_put_on_our_views_stay(tmp_path):
    """SQLite takes a trigger away with its view, and ours were taken away before anybody had looked for it."""
    path = tmp_path / "store.sqlite3"
    engine = open_database(f"sqlite:///{path}", write=True)
    make_schema(engine, "0028")
    engine.dispose()
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TRIGGER kept INSTEAD OF DELETE ON models BEGIN SELECT 1; END")
    open_store(Settings(home=tmp_path), write=True).close()
    with contextlib.closing(sqlite3.connect(path)) as database:
        assert database.execute(
            "SELECT name, tbl_name FROM sqlite_master WHERE type = 'trigger'"
        ).fetchall() == [("kept", "models")]


@pytest.mark.parametrize("column", ["document", "shown"])
@pytest.mark.parametrize("databases", ["on_sqlite", "on_postgresql"])
def test_an_earlier_program_that_is_still_under_way_is_told_that_it_cannot_go_on(request, databases, column):
    """It took what views show for the whole document, indexed that, and made the next revisions of it."""
    with (
        pytest.raises(StoreError, match=column),
        open_store(request.getfixturevalue(databases), write=True) as store,
        store.engine.connect() as connection,
    ):
        connection.execute(text(f"SELECT id, {column} FROM records"))


def test_the_log_of_an_updated_store_does_not_grow_with_each_opening_while_somebody_reads_it(on_sqlite):
    """Each command tried to compact the store, which waited for a minute and left another copy of it in the log."""
    path = on_sqlite.home / "store.sqlite3"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("PRAGMA journal_mode=WAL")
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM records").fetchone()
        open_store(on_sqlite, write=True).close()
        size = path.with_name("store.sqlite3-wal").stat().st_size
        for write in (True, False):
            open_store(on_sqlite, write=write).close()
        assert path.with_name("store.sqlite3-wal").stat().st_size == size
    open_store(on_sqlite, write=True).close()
    with contextlib.closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (COMPACTED,)
        assert database.execute("PRAGMA freelist_count").fetchone() == (0,)
