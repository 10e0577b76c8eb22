"""The same on a real PostgreSQL: no byte of its data directory, nor of a dump, holds a sensitive value in clear."""

from __future__ import annotations

import psycopg
import pytest
from fixtures.sealed import MARKER, SealedHome, holders

pytestmark = pytest.mark.usefixtures("postgresql_server")


def rows_with(url, text):
    """Tables of which some row holds the text in any column, bytes included."""
    told = []
    with psycopg.connect(url) as connection:
        tables = connection.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'"
        ).fetchall()
        for (table,) in tables:
            hexed = text.encode().hex()
            query = f'SELECT count(*) FROM "{table}" AS t WHERE t::text LIKE %s OR t::text LIKE %s'
            (count,) = connection.execute(query, (f"%{text}%", f"%{hexed}%")).fetchone()
            told += [table] * bool(count)
    return told


def test_no_row_and_no_file_of_the_server_is_in_clear(tmp_path, postgresql_url, postgresql_server):
    sealed = SealedHome(tmp_path, environment={"MODELDEX_DATABASE_URL": postgresql_url})
    sealed.turn_on()
    sealed.add()
    sealed.run("crawl", "lab")
    sealed.run("edit", "net", f"datasets={MARKER}edited")
    sealed.run("saved", "add", "mine", f"datasets:{MARKER}edited")
    sealed.run("search", f"datasets:{MARKER}edited")
    sealed.run("keys", "rotate")
    assert sealed.document()["datasets"] == [f"{MARKER}edited"]
    assert "as they were written" in sealed.run("verify")
    with psycopg.connect(postgresql_url, autocommit=True) as connection:
        connection.execute("CHECKPOINT")
        (directory,) = connection.execute("SHOW data_directory").fetchone()
    assert rows_with(postgresql_url, MARKER) == []
    assert holders(directory) == []
    assert holders(sealed.home) == []


def test_turning_it_on_leaves_no_row_in_clear(tmp_path, postgresql_url):
    sealed = SealedHome(tmp_path, word="wv3qa", environment={"MODELDEX_DATABASE_URL": postgresql_url})
    sealed.run("crawl", str(sealed.models))
    sealed.run("edit", "net", "datasets=wv3qaedited")
    assert rows_with(postgresql_url, "wv3qa")
    sealed.turn_on()
    sealed.add()
    sealed.run("crawl", "lab")
    assert rows_with(postgresql_url, "wv3qa") == []
    assert "as they were written" in sealed.run("verify")
    assert sealed.document()["datasets"] == ["wv3qaedited"]
