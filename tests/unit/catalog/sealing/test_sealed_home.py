"""Sensitive values stand nowhere in clear, whatever is done to a catalog, and whoever may read them still does."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from datetime import UTC, datetime

import pytest
from fixtures.sealed import MARKER, SENSITIVE, SealedHome, holders, values_of

from catalog.recording import making
from catalog.records.webhooks import Webhook
from catalog.settings import load_settings
from catalog.store import open_store, record_rows
from catalog.store.codec import pack


@pytest.fixture(scope="module")
def crawled(tmp_path_factory):
    """A catalog that was crawled with a key from the start; tests take copies of it."""
    sealed = SealedHome(tmp_path_factory.mktemp("sealed"))
    sealed.turn_on()
    sealed.add()
    sealed.run("crawl", "lab")
    return sealed


@pytest.fixture
def sealed(crawled, tmp_path):
    """A copy of it, at the place that its settings name: the key and the models are those of the original."""
    copy = SealedHome.__new__(SealedHome)
    copy.__dict__.update(crawled.__dict__)
    copy.home = tmp_path / "home"
    shutil.copytree(crawled.home, copy.home)
    return copy


def test_no_byte_at_rest_is_in_clear_and_who_may_reads_all(sealed):
    assert holders(sealed.home) == []
    document = sealed.document()
    assert document["datasets"] == [f"{MARKER}data"]
    assert document["preprocessing"] == [f"{MARKER}prep"]
    assert document["training"]["optimizer"] == f"{MARKER}optimizer"
    assert document["hyperparameters"] == {"learning_rate": f"{MARKER}notanumber"}
    assert document["extra"] == {"cost_centre": f"{MARKER}centre"}
    assert document["provenance"]["datasets"]["winners"]
    assert set(SENSITIVE) < set(document["hidden_fields"])
    assert document["license"] == "mit"


def test_edits_history_exports_and_searches_leave_nothing_in_clear(sealed):
    sealed.run("edit", "net", f"datasets={MARKER}edited", "license=apache-2.0")
    sealed.run("edit", "--query", "task:ner", f"preprocessing={MARKER}bulk", "--yes", code=None)
    sealed.run("saved", "add", "mine", f"datasets:{MARKER}edited")
    assert "mine" in sealed.run("saved", "show", "mine", code=None)
    sealed.run("history", "net")
    assert f"{MARKER}edited" in sealed.run("diff", "net", "1", "2")
    sealed.run("search", f"datasets:{MARKER}edited")
    sealed.run("search", MARKER, code=None)
    sealed.run("export", "card", "net")
    sealed.run("restore", "net", "1")
    assert sealed.document()["datasets"] == [f"{MARKER}data"]
    sealed.run("crawl", "lab", "--reread")
    sealed.run("keys", "rotate")
    assert holders(sealed.home) == []
    assert MARKER not in sealed.run("audit", "export")
    assert "as they were written" in sealed.run("verify")


def test_queries_of_webhooks_and_policies_of_plans_are_sealed_with_the_searches(sealed):
    query = f"datasets:{MARKER}data"
    header = json.dumps({"policy": {"protect": {"queries": [query]}}})
    with open_store(load_settings(home=str(sealed.home), environment={}), write=True) as store:
        store.webhooks.add(Webhook(name="report", url="https://example.org/", secret="env:S", query=query))
        store.retention.writer("p1").header(header, "0" * 64, made_at=datetime.now(UTC), state="ready")
    sealed.run("keys", "rotate")
    assert holders(sealed.home) == []
    with open_store(load_settings(home=str(sealed.home), environment={}), write=False) as store:
        assert [webhook.query for webhook in store.webhooks.all()] == [query]
        assert json.dumps(store.retention.plan("p1").header) == header


@pytest.mark.parametrize(
    ("models", "protect", "field"),
    [
        ("has:name", "has:datasets", "datasets"),
        ("has:name", f"datasets:{MARKER}*", "datasets"),
        ("has:name", "net", "data_sources"),
        ("-preprocessing:x*", "license:gpl", "preprocessing"),
        ("has:name", f"datasets:{MARKER}data", None),
        ("has:name", "license:mit", None),
    ],
)
def test_a_policy_that_would_overlook_what_is_sensitive_is_refused(sealed, tmp_path, models, protect, field):
    policy = tmp_path / "policy.yaml"
    policy.write_text(json.dumps({"name": "old", "models": models, "protect": {"queries": [protect]}}))
    told = sealed.run("retention", "plan", str(policy), code=None)
    assert (f"{field} is sensitive in some source" in told) is (field is not None), told


def test_one_whole_value_finds_its_models_and_nothing_else_does(sealed):
    def names(query):
        found_rows = sealed.run("search", query, "--json", code=None)
        return MARKER if "Traceback" in found_rows else "net" in found_rows and '"name": "net"' in found_rows

    assert names(f"datasets:{MARKER}data")
    assert names(f"datasets:{MARKER.upper()}DATA")
    assert names(f"training.optimizer:{MARKER}optimizer")
    assert not names(f"datasets:{MARKER}")
    assert not names(f"datasets:{MARKER}*")
    assert not names(f"{MARKER}data")


def test_a_damaged_document_gives_away_nothing_that_was_sealed(tmp_path, monkeypatch):
    """The names of what is sealed went with it: the next state had all values in clear, where an earlier version wrote the record."""
    for module in (record_rows, making):
        monkeypatch.setattr(module, "pack_record", lambda record, _content: pack(record))
    sealed = SealedHome(tmp_path)
    sealed.turn_on()
    sealed.add()
    sealed.run("crawl", "lab")
    with sqlite3.connect(sealed.home / "store.sqlite3") as database:
        database.execute("UPDATE revisions SET document = x'00'")
    shutil.rmtree(sealed.models / "net")
    sealed.run("crawl", "lab", "--accept")
    assert holders(sealed.home) == []
    assert sealed.document()["status"] == "missing"
    assert sealed.document()["datasets"] == [f"{MARKER}data"]


def test_each_read_leaves_a_line_in_the_audit(sealed):
    sealed.document()
    sealed.document("other")
    lines = [
        line for line in sealed.json_lines("audit", "export") if line["action"] == "models.read_sensitive"
    ]
    assert [line["after"]["fields"] for line in lines] == [sealed.document()["hidden_fields"]] * 2


def test_turning_it_on_seals_what_is_there_and_the_history_holds(tmp_path):
    sealed = SealedHome(tmp_path)
    sealed.run("crawl", str(sealed.models))
    sealed.run("edit", "net", f"datasets={MARKER}edited")
    assert holders(sealed.home)
    sealed.turn_on()
    sealed.add()
    sealed.run("crawl", "lab")
    assert holders(sealed.home) == []
    assert "as they were written" in sealed.run("verify")
    assert sealed.document()["datasets"] == [f"{MARKER}edited"]
    assert f"{MARKER}data" in sealed.run("diff", "net", "1", "2")
    sealed.run("sources", "set", "lab", "--clear", "sensitive")
    sealed.run("crawl", "lab")
    assert "as they were written" in sealed.run("verify")
    assert "hidden_fields" not in sealed.document()


def test_a_lost_key_costs_the_values_and_nothing_else(sealed):
    aside = sealed.key.with_name("away.key")
    sealed.key.rename(aside)
    try:
        document = sealed.document()
        assert "datasets" not in document
        assert "unreadable" in str(document["problems"])
        assert "license:mit" in sealed.run("search", "license:mit")
        assert "key" in sealed.run("crawl", "lab", "--reread", code=None)
        assert "cannot be read" in sealed.run("edit", "net", "license=bsd-3-clause", code=None)
        assert "as they were written" in sealed.run("verify")
    finally:
        aside.rename(sealed.key)
    assert sealed.document()["datasets"] == [f"{MARKER}data"]


def test_a_lost_keyring_is_replaced_by_nothing_until_somebody_says_so(sealed):
    (sealed.home / "keyring.json").unlink()
    refused = sealed.run("crawl", "lab", "--reread", code=None)
    assert "is not here" in refused
    last = sealed.json("runs")[0]
    assert (last["state"], "is not here" in last["problems"][0]) == ("failed", True)
    assert not (sealed.home / "keyring.json").exists()
    sealed.run("keys", "create", "lab")
    sealed.run("crawl", "lab", "--reread")
    assert sealed.document()["datasets"] == [f"{MARKER}data"]


def test_shredded_values_are_gone_also_from_a_copy_of_the_database(sealed):
    copy = sealed.home / "copy.sqlite3"
    shutil.copy(sealed.home / "store.sqlite3", copy)
    assert "would be" in sealed.run("keys", "shred", "lab")
    assert sealed.document()["datasets"]
    sealed.run("keys", "shred", "lab", "--apply")
    copy.replace(sealed.home / "store.sqlite3")
    document = sealed.document()
    assert "datasets" not in document
    assert "was destroyed" in str(document["problems"])
    assert "was destroyed" in sealed.run("crawl", "lab", code=None)
    assert f"{MARKER}data" not in sealed.run("search", f"datasets:{MARKER}data", code=None).replace(
        f"datasets {MARKER}data", ""
    ).replace(f"datasets:{MARKER}data", "")


def test_swapped_ciphertexts_are_told(sealed):
    sealed.run("edit", "net", f"datasets={MARKER}edited")
    database = sqlite3.connect(sealed.home / "store.sqlite3")
    with database:
        rows = dict(database.execute("SELECT id, sealed FROM records"))
        first, second = rows
        for model, other in ((first, second), (second, first)):
            database.execute("UPDATE records SET sealed = ? WHERE id = ?", (rows[other], model))
            database.execute("UPDATE revisions SET sealed = ? WHERE model = ?", (rows[other], model))
    database.close()
    told = sealed.run("verify", code=None)
    assert told.count("sealed values") >= 3


def test_a_new_master_key_wraps_the_data_keys_and_touches_no_value(sealed, tmp_path):
    before = (sealed.home / "store.sqlite3").read_bytes()
    new = tmp_path / "new.key"
    sealed.run("keys", "create", "--file", str(new))
    (sealed.home / "modeldex.toml").write_text(
        f'[encryption]\nkey = "file:{new}"\nprevious_key = "file:{sealed.key}"\n'
    )
    assert "unreadable" in str(sealed.document()["problems"])
    sealed.run("keys", "rotate", "--master")
    assert sealed.document()["datasets"] == [f"{MARKER}data"]
    tables = ("records", "revisions", "extractions")
    assert _bodies(before, tmp_path, tables) == _bodies(
        (sealed.home / "store.sqlite3").read_bytes(), tmp_path, tables
    )


def _bodies(database, folder, tables):
    path = folder / "looked-at.sqlite3"
    path.write_bytes(database)
    connection = sqlite3.connect(path)
    rows = [connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall() for table in tables]
    connection.close()
    return rows


def test_a_rotation_that_is_killed_goes_on(tmp_path):
    """Killed after random times: who reads meanwhile reads, and the last repetition ends it."""
    sealed = SealedHome(tmp_path)
    for number in range(60):
        folder = sealed.models / f"copy-{number}"
        folder.mkdir()
        (folder / "README.md").write_text(f"---\ndatasets: [{MARKER}{number}]\n---\n# {number}\n")
        (folder / "model.safetensors").write_bytes(_weights(number))
    sealed.turn_on()
    sealed.add()
    sealed.run("crawl", "lab")
    keys = {row["key"] for row in sealed.json("keys", "list")}
    command = [sys.executable, "-m", "catalog", "--home", str(sealed.home), "keys", "rotate", "lab"]
    for pause in (0.35, 0.45, 0.55):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(pause)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert sealed.document()["datasets"] == [f"{MARKER}data"]
    sealed.run("keys", "rotate", "lab")
    after = [row for row in sealed.json("keys", "list") if row["source"]]
    assert [row["state"] for row in after] == ["active"]
    assert after[0]["key"] not in keys
    assert holders(sealed.home) == []
    assert "as they were written" in sealed.run("verify")
    assert sealed.document("copy-7")["datasets"] == [f"{MARKER}7"]


def _weights(number):
    from fixtures.crawling import safetensors

    return safetensors(fill=float(number + 10))


def test_a_command_prints_the_master_key_and_is_bounded(tmp_path):
    sealed = SealedHome(tmp_path)
    sealed.run("keys", "create", "--file", str(sealed.key))
    sealed.turn_on(f"command:cat {sealed.key}")
    sealed.add()
    sealed.run("crawl", "lab")
    assert sealed.document()["datasets"] == values_of(MARKER)["datasets"]
    for command, told in (
        ("sleep 60", "did not end"),
        ("yes", "did not end"),
        ("false", "exit code 1"),
        ("echo nonsense", "no key"),
        ("/no/such/command", "cannot be run"),
    ):
        sealed.turn_on(f"command:{command}")
        config = sealed.home / "modeldex.toml"
        config.write_text(config.read_text() + "command_seconds = 0.5\n")
        assert told in sealed.run("edit", "net", "license=mit", code=None), command
