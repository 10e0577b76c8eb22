"""The chain of revisions: what earlier versions wrote gets one without loss, and whatever is changed in it is named."""

import json
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from fixtures.warm_python import warm_python
from sqlalchemy import select, update

from catalog.recording.authorship import Authorship
from catalog.recording.edits import edit_model
from catalog.records import ModelId
from catalog.records.history import VerificationCounts
from catalog.store.chain import chain_sha256
from catalog.store.codec import pack_json, unpack_json
from catalog.store.tables import records, revisions

ROOT = Path(__file__).parents[4]


@pytest.fixture
def net(shop):
    """A model with three revisions, beside another one."""
    shop.model("net.safetensors")
    shop.model("other.safetensors", values=9)
    shop.crawl()
    model = ModelId(shop.documents()["net.safetensors"]["id"])
    edit_model(shop.store, model, expected=1, values={"license": "mit"}, by=Authorship(made_by="ann"))
    edit_model(shop.store, model, expected=2, values={"license": "isc"}, by=Authorship(made_by="bob"))
    return model


def faults(store):
    counts = VerificationCounts()
    return [(fault.number, fault.what) for fault in store.records.verify(counts)], counts


def test_revisions_name_author_and_cause_and_each_is_bound_to_the_one_before(shop, net):
    history = shop.store.records.history(net)
    assert [(row.made_by, row.author) for row in history] == [("crawl", ""), ("edit", "ann"), ("edit", "bob")]
    assert history[0].cause == "run 1"
    parent = ""
    for row in history:
        assert row.chain_sha256 == chain_sha256(
            model=net,
            number=row.number,
            sha256=row.sha256,
            parent=parent,
            made_by=row.made_by,
            author=row.author,
            cause=row.cause,
            made_at=row.made_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        )
        parent = row.chain_sha256
    assert history[0].document["content_hash" if "content_hash" in history[0].document else "uri"]
    found, counts = faults(shop.store)
    assert (found, counts.models, counts.revisions) == ([], 2, 4)


def flipped(data: bytes) -> bytes:
    """One bit of the document's text is another: a letter of a name."""
    document = unpack_json(data)
    document["name"] = chr(ord(document["name"][0]) ^ 1) + document["name"][1:]
    return pack_json(document)


def broken(data: bytes) -> bytes:
    return data[:-4] + bytes([data[-4] ^ 1]) + data[-3:]


TAMPERING = {
    "a bit of a document": (2, {"document": flipped}, [(2, "sha256")]),
    "a bit of its compressed bytes": (2, {"document": broken}, [(2, "sha256")]),
    "a hash": (2, {"sha256": lambda _: "0" * 64}, [(2, "sha256"), (2, "chain_sha256"), (3, "parent_sha256")]),
    "a parent": (2, {"parent_sha256": lambda _: "0" * 64}, [(2, "parent_sha256")]),
    "an author": (2, {"author": lambda _: "eve"}, [(2, "chain_sha256")]),
    "a cause": (2, {"cause": lambda _: ""}, [(2, "chain_sha256")]),
    "a time": (2, {"made_at": lambda at: at.replace("20", "21", 1)}, [(2, "chain_sha256")]),
    "a chain hash": (2, {"chain_sha256": lambda _: "0" * 64}, [(2, "chain_sha256"), (3, "chain_sha256")]),
    "the last hash": (
        3,
        {"chain_sha256": lambda _: "0" * 64},
        [(3, "chain_sha256"), (3, "record's chain_sha256")],
    ),
}


@pytest.mark.parametrize("what", TAMPERING)
def test_whatever_is_changed_afterwards_is_named_by_model_and_revision(shop, net, what):
    number, changes, told = TAMPERING[what]
    chosen = (revisions.c.model == net) & (revisions.c.number == number)
    with shop.store._engine.begin() as connection:
        row = connection.execute(select(revisions).where(chosen)).one()
        values = {name: change(getattr(row, name)) for name, change in changes.items()}
        connection.execute(update(revisions).where(chosen).values(**values))
    found, _ = faults(shop.store)
    assert found == told


def test_a_revision_that_was_taken_out_and_a_present_record_that_differs_are_named(shop, net):
    with shop.store._engine.begin() as connection:
        connection.execute(revisions.delete().where((revisions.c.model == net) & (revisions.c.number == 2)))
    found, _ = faults(shop.store)
    assert [fault for fault in found if fault[1] == "number"] == [(3, "number")]
    with shop.store._engine.begin() as connection:
        connection.execute(revisions.delete().where((revisions.c.model == net) & (revisions.c.number == 3)))
        document = connection.execute(select(records.c.view_values).where(records.c.id == net)).scalar_one()
        changed = json.dumps({**json.loads(document), "a": "eve"})
        connection.execute(update(records).where(records.c.id == net).values(view_values=changed))
    found, _ = faults(shop.store)
    assert found == [(1, "record's revision")]
    with shop.store._engine.begin() as connection:
        connection.execute(revisions.delete().where(revisions.c.model == net))
    found, _ = faults(shop.store)
    assert found == [(3, "revisions")]


def test_the_command_names_a_flipped_bit_and_ends_with_1(shop, net):
    def verify():
        program = [*warm_python(), "-m", "catalog", "--home", str(shop.settings.home), "verify"]
        return subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)

    whole = verify()
    assert (whole.returncode, whole.stdout) == (0, "")
    assert "4 revisions of 2 models: all as they were written." in whole.stderr
    chosen = (revisions.c.model == net) & (revisions.c.number == 1)
    with shop.store._engine.begin() as connection:
        data = connection.execute(select(revisions.c.document).where(chosen)).scalar_one()
        connection.execute(update(revisions).where(chosen).values(document=flipped(data)))
        stored = connection.execute(select(revisions.c.sha256).where(chosen)).scalar_one()
    told = verify()
    assert told.returncode == 1
    assert f"{net[:12]} revision 1: sha256 is stored as {stored}, computed " in told.stdout


def test_states_of_a_time_are_those_of_the_revisions_made_by_then(shop, net):
    history = shop.store.records.history(net)
    at = history[1].made_at
    states = {state.model_id: state.number for state in shop.store.records.states_at(at)}
    assert states[net] == 2
    assert len(states) == 2
    assert list(shop.store.records.states_at(history[0].made_at - timedelta(days=1))) == []
