"""Tables of a foreign SQLite file that are none: what answers for them is code, not the file's rows."""

import sqlite3
from contextlib import closing

import pytest

from crawler.formats.sqlite_reading import opened

TABLES = {
    "table": ("CREATE TABLE runs (name)", True),
    "view": ("CREATE TABLE other (name); CREATE VIEW runs AS SELECT name FROM other", False),
    "virtual": ("CREATE VIRTUAL TABLE runs USING fts5(name)", False),
}


@pytest.mark.parametrize(("script", "is_there"), TABLES.values(), ids=TABLES.keys())
def test_only_tables_that_are_rows_of_the_file_are_read(script, is_there):
    with closing(sqlite3.connect(":memory:")) as made:
        made.executescript(script)
        data = made.serialize()
    with opened([data], key="mlflow.db") as database:
        assert database.has("runs") is is_there
        assert list(database.rows("runs", ["name"])) == []
