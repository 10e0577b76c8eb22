"""A rotation of keys that is killed anywhere: what is sensitive is readable all the time, and repeated it ends."""

from __future__ import annotations

import json
import random
import subprocess

import pytest
from fixtures.reaper import Killed
from fixtures.sealed import MARKER, SealedHome, holders
from fixtures.warm_python import warm_python
from sqlalchemy import create_engine, text

COPIES = 12
EARLY, MOST_EVENTS = 8, 40


@pytest.fixture(scope="module")
def sealed(tmp_path_factory):
    sealed = SealedHome(tmp_path_factory.mktemp("rotation"))
    for number in range(COPIES):
        folder = sealed.models / f"net-{number}"
        folder.mkdir()
        (folder / "README.md").write_text(f"---\ndatasets: [{MARKER}{number}]\n---\n# {number}\n")
        (folder / "model.safetensors").write_bytes((sealed.models / "net/model.safetensors").read_bytes())
    sealed.turn_on()
    sealed.add()
    sealed.run("crawl", "lab")
    sealed.run("edit", "net", f"datasets={MARKER}edited")
    return sealed


def is_readable(sealed):
    """Values of an edited model, of others and of an earlier revision."""
    assert sealed.document()["datasets"] == [f"{MARKER}edited"]
    assert sealed.document(f"net-{COPIES - 1}")["datasets"] == [f"{MARKER}{COPIES - 1}"]
    assert f"{MARKER}data" in sealed.run("diff", "net", "1", "2")


def free_leases(sealed):
    """Those of the process that is dead now."""
    engine = create_engine(f"sqlite:///{sealed.home / 'store.sqlite3'}")
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM leases"))
    engine.dispose()


def rotated_at_last(sealed, reaper, draw, *options):
    """Rotates again and again, each time in a process that ends somewhere, at least once before the end."""
    killed = 0
    while killed < 50:
        with reaper.after(draw.randrange(MOST_EVENTS if killed else EARLY)):
            try:
                sealed.run("keys", "rotate", *options)
            except Killed:
                killed += 1
            else:
                return killed
        free_leases(sealed)
        is_readable(sealed)
    raise AssertionError("it never ends")


@pytest.mark.parametrize("seed", range(3))
def test_a_rotation_that_is_killed_anywhere_loses_no_value_and_ends_when_repeated(sealed, reaper, seed):
    before = {row["key"] for row in sealed.json("keys", "list") if row["source"]}
    assert rotated_at_last(sealed, reaper, random.Random(seed), "lab") > 0
    is_readable(sealed)
    after = [row for row in sealed.json("keys", "list") if row["source"] and row["state"] == "active"]
    assert len(after) == 1
    assert after[0]["key"] not in before
    assert holders(sealed.home) == []
    assert "as they were written" in sealed.run("verify")


def test_a_new_master_key_takes_the_place_of_the_old_one_wherever_it_is_killed(sealed, reaper, tmp_path):
    """Until it ends the old one reads what is not wrapped by the new one yet."""
    new, config = tmp_path / "new.key", sealed.home / "modeldex.toml"
    sealed.run("keys", "create", "--file", str(new))
    old = config.read_text()
    config.write_text(f'[encryption]\nkey = "file:{new}"\nprevious_key = "file:{sealed.key}"\n')
    for moment in range(50):
        with reaper.after(moment):
            try:
                sealed.run("keys", "rotate", "--master")
            except Killed:
                free_leases(sealed)
            else:
                break
    assert 2 < moment < 49
    is_readable(sealed)
    config.write_text(old)
    show = [*warm_python(), "-m", "catalog", "--home", str(sealed.home), "show", "net", "--json"]
    shown = subprocess.run(
        show, capture_output=True, text=True, check=True
    )  # this process knows the data keys
    assert "unreadable" in str(json.loads(shown.stdout)["problems"])
