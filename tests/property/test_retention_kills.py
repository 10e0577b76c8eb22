"""A run of retention that is killed anywhere, or whose storage loses answers: nothing is lost that the plan kept, and
what went comes back.
"""

from __future__ import annotations

import json
import random
import struct
from contextlib import suppress

import pytest
from fixtures.buckets import Refusal
from fixtures.reaper import Killed
from sqlalchemy import delete

from catalog.errors import UserError
from catalog.store.tables import leases
from crawler.unfinished import TRASH

DIRECTORY, BUCKET, VERSIONS, LATER = (
    "directory",
    "bucket",
    "bucket with versions",
    "bucket with versions since later",
)
SEEDS = {DIRECTORY: (0, 1, 2), BUCKET: (3,), VERSIONS: (4,), LATER: (5,)}
MOST_EVENTS = 60
GOING = 3
KEPT = ("fraud-2", "pair-2")


ONE, TWO = "pair-Q4_K_M.gguf", "pair-Q8_0.gguf"
"""Quantisations of one network, which share a card."""


def gguf(fill):
    """A real GGUF file of one F32 tensor."""

    def text(value):
        return struct.pack("<Q", len(value)) + value

    pairs = text(b"general.architecture") + struct.pack("<I", 8) + text(b"llama")
    tensor = text(b"t") + struct.pack("<IQIQ", 1, 4, 0, 0)
    head = b"GGUF" + struct.pack("<IQQ", 3, 1, 1) + pairs + tensor
    return head + bytes(-len(head) % 32) + struct.pack("<4f", *[fill] * 4)


@pytest.fixture
def filled(request):
    """Series of which the newest stay; two models of one folder share what is said there; with versions, an older one
    lies behind an object.
    """
    yard = request.getfixturevalue("yard" if request.param == DIRECTORY else "bucket_yard")

    def keep_versions():
        yard.client.put_bucket_versioning(Bucket=yard.name, VersioningConfiguration={"Status": "Enabled"})

    if request.param == VERSIONS:
        keep_versions()
        yard.put("fraud-1/modeldex.yaml", b"name: draft\n")
    for version in (1, 2):
        yard.model("fraud", version)
        yard.put(f"pair-{version}/README.md", f"# Pair\n\nIts version {version}.\n".encode())
        for name, file in (("one", ONE), ("two", TWO)):
            yard.put(f"pair-{version}/{file}", gguf(float(version + len(file))))
            sidecar = {"name": name, "version": str(version)}
            yard.put(f"pair-{version}/{file}.modeldex.yaml", json.dumps(sidecar).encode())
    if request.param == LATER:
        keep_versions()
    yard.declare(writable=True, deletable=True)
    yard.crawl()
    return yard


@pytest.fixture
def draws(request):
    """Chances of which each is the same whenever the tests are run."""
    return [random.Random(seed) for seed in SEEDS[request.node.callspec.params["filled"]]]


def is_kept(key):
    return key.startswith(KEPT)


def unbinned(everything):
    """What is there, by where it belongs."""
    return {key.split("/", 2)[2] if key.startswith(TRASH) else key: data for key, data in everything.items()}


def killed_until_done(filled, reaper, draw, check, work, *arguments):
    """Asks for the work again and again, each time by a process that ends somewhere. None if the last one ended when all
    was done.
    """
    for _ in range(100):
        with reaper.after(draw.randrange(MOST_EVENTS)):
            try:
                return work(*arguments)
            except Killed:
                pass
            except UserError as error:
                if "in the state" not in str(error):
                    raise
                return None  # it ended after all was done
        with filled.store.engine.begin() as connection:
            connection.execute(delete(leases))  # whoever held them is dead
        check()
    raise AssertionError("it never ends")


def losing_answers(draw):
    """Of three requests that change something one is done, and its answer says that it was not."""

    def spoil(request, _content):
        return Refusal(403, "AccessDenied") if request.kind == "other" and draw.random() < 0.3 else None

    return spoil


@pytest.mark.parametrize("filled", [DIRECTORY, VERSIONS, LATER], indirect=True)
def test_a_run_that_is_killed_anywhere_loses_nothing_and_is_undone_to_the_last_byte(filled, reaper, draws):
    before = filled.everything()

    def nothing_is_lost():
        present = filled.everything()
        assert unbinned(present) == before
        assert {key for key in before if is_kept(key)} <= present.keys()

    for draw in draws:
        plan = filled.plan()
        done = killed_until_done(filled, reaper, draw, nothing_is_lost, filled.apply, plan)
        assert done is None or (done.models, done.left) == (GOING, {})
        assert filled.contents().keys() == {key for key in before if is_kept(key)}
        back = killed_until_done(filled, reaper, draw, nothing_is_lost, filled.steward().undo, plan.id)
        assert back is None or (back.models, back.left) == (GOING, {})
        assert done is None or back is None or back.bytes == done.bytes
        assert set(filled.statuses().values()) == {"ok"}
        assert filled.everything() == before
        filled.crawl()


@pytest.mark.parametrize("filled", [BUCKET, VERSIONS], indirect=True)
def test_a_run_that_is_given_up_after_a_kill_is_undone_to_the_last_byte(filled, reaper, draws):
    before = filled.everything()
    for draw in draws:
        plan = filled.plan()
        with reaper.after(draw.randrange(20, MOST_EVENTS)), suppress(Killed):
            filled.apply(plan)
        if filled.store.retention.plan(plan.id).state == "ready":
            continue
        assert filled.steward().undo(plan.id).left == {}
        assert filled.everything() == before
        assert set(filled.statuses().values()) == {"ok"}
        filled.crawl()


@pytest.mark.parametrize("filled", [DIRECTORY, VERSIONS, LATER], indirect=True)
def test_a_deletion_that_is_killed_anywhere_deletes_what_goes_and_nothing_else(filled, reaper):
    before, plan = filled.everything(), filled.plan(action="delete")
    kept = {key: data for key, data in before.items() if is_kept(key)}

    def what_is_kept_is_there():
        assert filled.contents().items() >= kept.items()

    done = killed_until_done(filled, reaper, random.Random(1), what_is_kept_is_there, filled.apply, plan)
    assert done is None or (done.models, done.left) == (GOING, {})
    assert filled.everything() == kept
    assert versions_of_the_gone(filled) <= {"draft"}


def versions_of_the_gone(filled):
    """What is left of objects that were deleted: names that their older versions say."""
    if not hasattr(filled, "client"):
        return set()
    listed = filled.client.list_object_versions(Bucket=filled.name).get("Versions", ())
    return {
        filled.client.get_object(Bucket=filled.name, Key=version["Key"], VersionId=version["VersionId"])[
            "Body"
        ]
        .read()
        .decode(errors="replace")
        .strip()
        .removeprefix("name: ")
        for version in listed
        if not is_kept(version["Key"].removeprefix("models/"))
    }


@pytest.mark.parametrize("filled", [BUCKET, VERSIONS], indirect=True)
def test_answers_of_a_bucket_that_are_lost_cost_nothing(filled, bucket, draws):
    """The storage does what it is asked and says something else, at random."""
    before = filled.everything()
    for draw in draws:
        plan = filled.plan()
        bucket.storage.spoil = losing_answers(draw)
        filled.apply(plan)
        assert unbinned(filled.everything()) == before
        filled.steward().undo(plan.id)
        bucket.storage.calm()
        filled.steward().undo(plan.id)
        assert filled.everything() == before
        assert set(filled.statuses().values()) == {"ok"}


@pytest.mark.parametrize("filled", [DIRECTORY, BUCKET], indirect=True)
def test_a_file_of_two_models_goes_last_and_only_with_both(filled):
    before, plan = filled.contents(), filled.plan()
    changed = f"pair-1/{TWO}.modeldex.yaml"

    def step(row, state):
        if row.key == changed and state == "moving":
            filled.put(changed, b"name: another one\n")

    assert len(filled.apply(plan, step=step).left) == 1
    after = filled.contents()
    assert f"pair-1/{ONE}" not in after
    assert after["pair-1/README.md"] == before["pair-1/README.md"]
    assert after[f"pair-1/{TWO}"] == before[f"pair-1/{TWO}"]
    assert filled.statuses()["one-1"] == "trashed"
    assert filled.statuses()["two-1"] == "ok"
    assert filled.steward().undo(plan.id).models == GOING - 1
    assert filled.everything() == {**before, changed: b"name: another one\n"}


@pytest.mark.parametrize("filled", [DIRECTORY], indirect=True)
def test_a_file_of_two_models_that_changes_in_the_last_moment_keeps_both(filled):
    before, plan = filled.contents(), filled.plan()

    def step(row, state):
        if row.key == "pair-1/README.md" and state == "moving":
            filled.put(row.key, b"# Other\n")

    left = filled.apply(plan, step=step).left
    assert len(left) == 2
    assert all("pair-1/README.md: it changed" in reason for reason in left.values())
    kept = {key: data for key, data in before.items() if key.startswith((*KEPT, "pair-1"))}
    assert filled.contents() == {**kept, "pair-1/README.md": b"# Other\n"}
