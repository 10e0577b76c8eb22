"""A chain of lines: what was changed, taken out, put in or cut off shows."""

from __future__ import annotations

import threading

import pytest
from fixtures.schemas import make_schema
from sqlalchemy import event, text

from catalog.records.accounts import Happening
from catalog.settings import Settings
from catalog.store import open_store
from catalog.store.audit import FIRST, hash_of
from catalog.store.audit_keys import keys_of
from catalog.store.database import open_database

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
                    "UPDATE audit SET line = :line, parent_sha256 = :parent, sha256 = :digest,"
                    " resource_key = :resource_key WHERE serial = :serial"
                ),
                {"line": line, "parent": parent, "digest": digest, "serial": row.serial, **keys_of(line)},
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


FOUND = {
    "one part": ({"actor": "eve"}, [3, 6]),
    "two parts": ({"actor": "eve", "outcome": "refused"}, [6]),
    "no such line": ({"actor": "eve", "action": "users.add"}, []),
    "a sign that a pattern takes for any": ({"actor": "e_e"}, []),
    "a part of a name": ({"actor": "ev"}, []),
    "another case": ({"actor": "Eve"}, []),
}


def tell_of_eve(store):
    """Lines 3 and 6 are by her, the others speak of her."""
    nested = {"actor": "eve", "outcome": "refused", "list": [{"actor": "eve", "action": "edit"}]}
    for number in range(1, LINES):
        by_her = {"actor": "eve", "outcome": "refused" if number == 6 else "done"} if number % 3 == 0 else {}
        store.audit.add(happening(number, before=nested, after=nested, **by_her))


def numbers(lines):
    return sorted(int(line.happening.resource.removeprefix("model ")) for line in lines)


@pytest.mark.parametrize(("where", "expected"), FOUND.values(), ids=FOUND)
def test_lines_are_found_by_what_they_say_themselves(store, where, expected):
    """A member of the same name in `before` or `after` was taken for the line's own."""
    tell_of_eve(store)
    assert numbers(store.audit.latest(10, where=where)) == expected
    assert numbers(store.audit.latest(1, where=where)) == expected[-1:]
    assert numbers(store.audit.latest(10, where=where, before=6)) == [n for n in expected if n < 6]


MODEL = f"{7:064x}"


@pytest.mark.parametrize(
    ("resource", "number"),
    [(MODEL, 3), (MODEL[:12], 4), (f"{MODEL} revision 3", 1), (MODEL[:11], 0), (MODEL.replace("7", "8"), 0)],
    ids=["the id", "its beginning", "one line", "too little of it", "another model"],
)
def test_all_that_was_done_with_a_model_is_found_by_its_id(store, resource, number):
    for about in (MODEL, f"model {MODEL}", f"{MODEL} revision 3", f"{MODEL[:12]}{0:052}", "plan 1"):
        store.audit.add(happening(resource=about))
    assert len(store.audit.latest(9, where={"resource": resource})) == number
    assert list(store.audit.faults()) == []


def test_finding_lines_reads_no_others(store):
    tell_of_eve(store)
    asked = []

    def note(_connection, _cursor, statement, parameters, _context, _many):
        if statement.startswith("SELECT"):
            asked.append((statement, parameters))

    event.listen(store._engine, "before_cursor_execute", note)
    store.audit.latest(10, where={"resource": "model 3"})
    event.remove(store._engine, "before_cursor_execute", note)
    with store._engine.connect() as connection:
        ((statement, parameters),) = asked
        steps = [row[-1] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
    assert len(steps) == 1
    assert "USING INDEX audit_by_resource" in steps[0]


def test_a_line_that_is_filed_as_another_shows_and_is_found_as_neither(store):
    tell_of_eve(store)
    (hers,) = store.audit.latest(1, where={"actor": "eve"})
    changed(
        store,
        f"UPDATE audit SET actor_key = (SELECT actor_key FROM audit WHERE line LIKE '%\"ada\"%' LIMIT 1) WHERE serial = {hers.serial}",
    )
    (sentence,) = store.audit.faults()
    assert f"Line {hers.serial}" in sentence
    assert numbers(store.audit.latest(2, where={"actor": "ada"})) == [4, 5], "and it hides none behind it"


def written_before(engine, *lines):
    """An audit that an earlier version wrote; its end."""
    make_schema(engine, "0025")
    parent = FIRST
    statement = "INSERT INTO audit (line, parent_sha256, sha256) VALUES (:line, :parent, :sha256)"
    with engine.begin() as connection:
        for line in lines:
            row = {"line": line, "parent": parent, "sha256": hash_of(parent, line)}
            connection.execute(text(statement), row)
            parent = row["sha256"]
    engine.dispose()
    return parent


def test_lines_of_an_earlier_version_are_found_and_their_chain_is_the_same(tmp_path):
    settings = Settings(home=tmp_path)
    line = '{"actor":"eve","action":"edit","resource":"model 1"}'
    head = written_before(open_database(settings.store_url, write=True), line, "no JSON", "[1]")
    with open_store(settings, write=True) as store:
        assert list(store.audit.faults(head=head)) == []
        assert numbers(store.audit.latest(5, where={"actor": "eve"})) == [1]
        assert len(store.audit.latest(5)) == 3


def test_the_chain_is_the_same_on_postgresql(postgresql_url, tmp_path):
    with open_store(Settings(home=tmp_path, database_url=postgresql_url), write=True) as store:
        tell_of_eve(store)
        found = [numbers(store.audit.latest(10, where=where)) for where, _ in FOUND.values()]
        assert found == [expected for _, expected in FOUND.values()]
        changed(store, "DELETE FROM audit")
        filled(store)
        written_at_once(store)
        assert list(store.audit.faults()) == []
        assert len(list(store.audit.lines())) == LINES + 20
        changed(store, TAMPERED["a flipped character"])
        assert len(list(store.audit.faults())) == 5  # each of the lines about that model
