"""A chain of lines: what was changed, taken out, put in or cut off shows."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import text

from catalog.records.accounts import Happening
from catalog.settings import Settings
from catalog.store import open_store
from catalog.store.audit import FIRST, hash_of

LINES = 7


@pytest.fixture
def store(tmp_path):
    with open_store(Settings(home=tmp_path), write=True) as store:
        yield store


def happening(number=0, **values):
    return Happening(
        **{"actor": "ada", "action": "edit", "resource": f"model {number}", "origin": "127.0.0.1", **values}
    )


def filled(store):
    for number in range(LINES):
        store.audit.add(
            happening(number, before={"license": None}, after={"license": "mit\n\u202e", "n": 1.5})
        )


def changed(store, statement):
    with store._engine.begin() as connection:
        assert connection.execute(text(statement)).rowcount >= 1


def test_a_chain_that_nobody_touched_holds(store):
    assert list(store.audit.faults()) == []
    filled(store)
    assert list(store.audit.faults()) == []
    lines = list(store.audit.lines())
    assert [line.serial for line in lines] == sorted(line.serial for line in lines)
    assert (len(lines), lines[0].parent_sha256) == (LINES, FIRST)
    assert [line.serial for line in store.audit.latest(3)] == [line.serial for line in lines[:-4:-1]]
    assert [line.serial for line in store.audit.latest(2, before=lines[3].serial)] == [
        lines[2].serial,
        lines[1].serial,
    ]
    assert lines[2].happening == happening(2, before={}, after={"license": "mit\n\u202e", "n": 1.5})
    assert [line.serial for line in store.audit.lines(after=lines[4].serial)] == [
        lines[5].serial,
        lines[6].serial,
    ]


TAMPERED = {
    "a flipped character": "UPDATE audit SET line = replace(line, 'model 3', 'model 4') WHERE line LIKE '%model 3%'",
    "a line that is no JSON": "UPDATE audit SET line = 'x' WHERE line LIKE '%model 3%'",
    "a changed hash": "UPDATE audit SET sha256 = parent_sha256 WHERE line LIKE '%model 3%'",
    "a line taken out": "DELETE FROM audit WHERE line LIKE '%model 3%'",
    "the first line taken out": "DELETE FROM audit WHERE line LIKE '%model 0%'",
    "two lines that changed places": "UPDATE audit SET line = CASE WHEN line LIKE '%model 3%' THEN replace(line, 'model 3', 'model 2') ELSE replace(line, 'model 2', 'model 3') END WHERE line LIKE '%model 2%' OR line LIKE '%model 3%'",
}


@pytest.mark.parametrize("statement", TAMPERED.values(), ids=TAMPERED)
def test_what_was_done_to_it_shows(store, statement):
    filled(store)
    changed(store, statement)
    assert list(store.audit.faults()) != []
    assert len(list(store.audit.lines())) >= LINES - 1  # and the rest is still read
    store.audit.add(happening(99))
    assert len(list(store.audit.faults())) >= 1


def test_lines_cut_off_at_the_end_show_against_a_hash_noted_elsewhere(store):
    filled(store)
    (head,) = store.audit.latest(1)
    changed(store, "DELETE FROM audit WHERE line LIKE '%model 6%'")
    assert list(store.audit.faults()) == []
    (sentence,) = store.audit.faults(head=head.sha256)
    assert head.sha256 in sentence


def test_a_chain_that_was_made_anew_shows_against_a_hash_noted_elsewhere(store):
    filled(store)
    (head,) = store.audit.latest(1)
    parent = FIRST
    with store._engine.begin() as connection:
        for row in connection.execute(text("SELECT serial, line FROM audit ORDER BY serial")).all():
            line = row.line.replace("model 3", "model x")
            digest = hash_of(parent, line)
            connection.execute(
                text(
                    "UPDATE audit SET line = :line, parent_sha256 = :parent, sha256 = :digest WHERE serial = :serial"
                ),
                {"line": line, "parent": parent, "digest": digest, "serial": row.serial},
            )
            parent = digest
    assert list(store.audit.faults()) == []
    assert list(store.audit.faults(head=head.sha256)) != []


def written_at_once(store):
    writers = [
        threading.Thread(target=lambda: [store.audit.add(happening(number)) for number in range(5)])
        for _ in range(4)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()


def test_many_writers_at_once_make_one_chain(store):
    written_at_once(store)
    assert list(store.audit.faults()) == []
    assert len(list(store.audit.lines())) == 20


def test_the_chain_is_the_same_on_postgresql(postgresql_url, tmp_path):
    with open_store(Settings(home=tmp_path, database_url=postgresql_url), write=True) as store:
        filled(store)
        written_at_once(store)
        assert list(store.audit.faults()) == []
        assert len(list(store.audit.lines())) == LINES + 20
        changed(store, TAMPERED["a flipped character"])
        assert len(list(store.audit.faults())) == 5  # each of the lines about that model
