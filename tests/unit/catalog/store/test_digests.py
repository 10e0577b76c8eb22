"""Digests in half of their letters: whatever goes in comes out, and nothing else is equal to it."""

import importlib

import pytest
from sqlalchemy import Column, MetaData, Table, create_engine, select
from sqlalchemy import text as sql
from sqlalchemy.pool import StaticPool

from catalog.store.database import insert_rows, open_database
from catalog.store.digests import Digest, RawTie, digest_text, raw_digest, raw_tie, tie_name

DIGEST = "00ff" * 16
TEXTS = [
    *("", DIGEST, f"tensors:{DIGEST}", f"moved:{DIGEST}", f"objects:{DIGEST}", f"files:{DIGEST}"),
    *(
        DIGEST.upper(),
        DIGEST[:-1],
        f"{DIGEST[:-2]}  ",
        f"{DIGEST}0",
        f":{DIGEST}",
        f"other:{DIGEST}",
        "tensors:",
        "m1",
    ),
    *("x" * 30, "x" * 31, "x" * 32, "x" * 33, "ä" * 16, "٣" * 64, f"moved:{DIGEST.upper()}"),
]
TIES = [
    *(
        b"",
        b"sha256:" + DIGEST.encode(),
        b"sha256:" + DIGEST.upper().encode(),
        b"sha256:",
        b"md5:0",
        b"10" + b"a" * 64,
    ),
    *(b"\xff", b"\xfe", b"\xff" + b"a" * 32, b"\xfe\xff" + b"a" * 32, b"sha256:" + b"\xe4" * 64),
    *(b"sha256:\xff", b"sha256:\xfe", b"sha256:\xff" + b"a" * 32, b"sha256:\xfe\xff" + b"a" * 32),
]


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_comes_back_as_it_was(text):
    assert digest_text(raw_digest(text)) == text
    assert sum(raw_digest(other) == raw_digest(text) for other in TEXTS) == 1


@pytest.mark.parametrize("tie", TIES)
def test_a_tie_comes_back_as_it_was(tie):
    assert tie_name(raw_tie(tie)) == tie
    assert sum(raw_tie(other) == raw_tie(tie) for other in TIES) == 1


@pytest.mark.parametrize("tie", TIES)
def test_a_tie_stays_between_the_ends_of_its_kind(tie):
    """Who asks whether there is any tie of a kind asks for a range of texts."""
    assert (b"sha256:" <= raw_tie(tie) < b"sha256;") == (b"sha256:" <= tie < b"sha256;")


def test_digests_take_half_of_their_letters_and_are_in_the_same_order():
    digests = [f"{number:064x}" for number in (0, 9, 10, 255, 256, 16**63, 16**64 - 1)]
    raw = list(map(raw_digest, digests))
    assert {len(data) for data in raw} == {32}
    assert raw == sorted(raw)
    assert len(raw_digest(f"tensors:{DIGEST}")) == 33


def test_both_ways_into_the_database_write_the_same():
    """Rows that go past SQLAlchemy's types are to be found by it."""
    engine = create_engine("sqlite://", poolclass=StaticPool)
    table = Table(
        "t",
        MetaData(),
        Column("id", Digest, primary_key=True),
        Column("tie", RawTie),
        Column("alone", Digest),
    )
    row = {"id": DIGEST, "tie": b"sha256:" + DIGEST.encode(), "alone": None}
    with engine.begin() as connection:
        table.create(connection)
        insert_rows(connection, table, [row])
        connection.execute(table.insert(), [{**row, "id": "m1"}])
        for chosen in (table.c.id == DIGEST, table.c.id.in_(["m1"])):
            (stored,) = connection.execute(select(table).where(chosen, table.c.tie == row["tie"])).mappings()
            assert stored["tie"] == row["tie"]
        assert set(connection.execute(select(table.c.id)).scalars()) == {DIGEST, "m1"}


def test_the_migration_on_postgresql_writes_what_the_program_does(postgresql_url):
    migration = importlib.import_module("catalog.store.migrations.versions.0028_digests_as_bytes")
    engine = open_database(postgresql_url, write=True)
    with engine.connect() as connection:
        connection.exec_driver_sql(migration.POSTGRESQL)

        def answers(call, values):
            return [
                connection.execute(sql(f"SELECT pg_temp.{call}"), {"value": value}).scalar_one()
                for value in values
            ]

        raw, ties = answers("raw_digest(:value)", TEXTS), answers("raw_tie(:value)", TIES)
        assert raw == [raw_digest(text) for text in TEXTS]
        assert ties == [raw_tie(tie) for tie in TIES]
        assert answers("digest_text(:value)", raw) == TEXTS
        assert answers("tie_name(:value)", ties) == TIES
    engine.dispose()


@pytest.mark.parametrize("data", [b"\x09" + b"a" * 32, b"\xff" * 31, b"\x01", "a text"])
def test_what_nobody_wrote_there_is_read_without_a_fault_and_is_no_digest(data):
    assert len(digest_text(data)) != 64
