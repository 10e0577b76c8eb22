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

DIRECTORY, BUCKET, VERSIONS, LATER, SUSPENDED = (
    "directory",
    "bucket",
    "bucket with versions",
    "bucket with versions since later",
    "bucket whose versions are suspended",
)
SQLITE, POSTGRESQL = "sqlite", "postgresql"
SEEDS = {
    DIRECTORY: (0, 1, 2),
    BUCKET: (3,),
    VERSIONS: (4,),
    LATER: (5,),
    SUSPENDED: (6, 7),
}
SEEDS_ON_POSTGRESQL = {DIRECTORY: (8,), VERSIONS: (9,)}
EVERYWHERE = [
    *((kind, SQLITE) for kind in (DIRECTORY, VERSIONS, LATER, SUSPENDED)),
    *((kind, POSTGRESQL) for kind in SEEDS_ON_POSTGRESQL),
]
"""Where the objects are, and the store."""
DRAFT = b"name: draft\n"
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
def yard_database(request):
    is_server = getattr(request, "param", SQLITE) == POSTGRESQL
    return request.getfixturevalue("postgresql_url") if is_server else ""


@pytest.fixture
def filled(request, yard_database):
    """Series of which the newest stay; two models of one folder share what is said there; with versions, an older one
    lies behind an object. Where they are suspended since, some objects have a version and some have none.
    """
    kind = request.param
    if kind == SUSPENDED:
        request.getfixturevalue("suspended_versions")
    yard = request.getfixturevalue("yard" if kind == DIRECTORY else "bucket_yard")
    if kind in {VERSIONS, SUSPENDED}:
        yard.keep_versions()
        yard.put("fraud-1/modeldex.yaml", DRAFT)
        yard.put(f"pair-1/{TWO}", DRAFT)
    for version in (1, 2):
        if kind == SUSPENDED and version == 1:
            yard.put("pair-1/README.md", DRAFT)
        yard.model("fraud", version)
        yard.put(f"pair-{version}/README.md", f"# Pair\n\nIts version {version}.\n".encode())
        for name, file in (("one", ONE), ("two", TWO)):
            yard.put(f"pair-{version}/{file}", gguf(float(version + len(file))))
            sidecar = {"name": name, "version": str(version)}
            yard.put(f"pair-{version}/{file}.modeldex.yaml", json.dumps(sidecar).encode())
        if kind == SUSPENDED:
            yard.keep_versions("Suspended")
            yard.model("fraud", version)
    if kind == LATER:
        yard.keep_versions()
    yard.declare(writable=True, deletable=True)
    yard.crawl()
    return yard


@pytest.fixture
def draws(request):
    """Chances of which each is the same whenever the tests are run."""
    where = request.node.callspec.params
    seeds = SEEDS_ON_POSTGRESQL if where.get("yard_database") == POSTGRESQL else SEEDS
    return [random.Random(seed) for seed in seeds[where["filled"]]]


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


def older(filled):
    """Versions that lie behind the objects of a bucket; in the trash that may be a copy which nobody came to note."""
    listed = filled.versions(latest=False) if hasattr(filled, "versions") else set()
    return {(key, data) for key, data in listed if not key.startswith(TRASH)}


@pytest.mark.parametrize(("filled", "yard_database"), EVERYWHERE, indirect=True)
def test_a_run_that_is_killed_anywhere_loses_nothing_and_is_undone_to_the_last_byte(filled, reaper, draws):
    before, behind = filled.everything(), older(filled)

    def nothing_is_lost():
        present = filled.everything()
        assert unbinned(present) == before
        assert {key for key in before if is_kept(key)} <= present.keys()
        assert older(filled) >= behind

    for draw in draws:
        plan = filled.plan()
        done = killed_until_done(filled, reaper, draw, nothing_is_lost, filled.apply, plan)
        assert done is None or (done.models, done.left) == (GOING, {})
        assert filled.contents().keys() == {key for key in before if is_kept(key)}
        back = killed_until_done(filled, reaper, draw, nothing_is_lost, filled.steward().undo, plan.id)
        assert back is None or (back.models, back.left) == (GOING, {})
        assert done is None or back is None or back.bytes == done.bytes
        assert set(filled.statuses().values()) == {"ok"}
        assert (filled.everything(), older(filled)) == (before, behind)
        filled.crawl()


@pytest.mark.parametrize("filled", [BUCKET, VERSIONS, SUSPENDED], indirect=True)
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


@pytest.mark.parametrize(("filled", "yard_database"), EVERYWHERE, indirect=True)
def test_a_deletion_that_is_killed_anywhere_deletes_what_goes_and_nothing_else(filled, reaper):
    before, behind, plan = filled.everything(), older(filled), filled.plan(action="delete")
    kept = {key: data for key, data in before.items() if is_kept(key)}

    def what_is_kept_is_there():
        assert filled.contents().items() >= kept.items()

    done = killed_until_done(filled, reaper, random.Random(1), what_is_kept_is_there, filled.apply, plan)
    assert done is None or (done.models, done.left) == (GOING, {})
    assert filled.everything() == kept
    assert older(filled) == behind, "what was written before is nobody's to delete, and does not come back"


@pytest.mark.parametrize("filled", [BUCKET, VERSIONS, SUSPENDED], indirect=True)
def test_answers_of_a_bucket_that_are_lost_cost_nothing(filled, bucket, draws):
    """The storage does what it is asked and says something else, at random."""
    before, behind = filled.everything(), older(filled)
    for draw in draws:
        plan = filled.plan()
        bucket.storage.spoil = losing_answers(draw)
        filled.apply(plan)
        assert unbinned(filled.everything()) == before
        left = filled.steward().undo(plan.id).left
        bucket.storage.calm()
        assert not left or filled.steward().undo(plan.id).left == {}
        assert filled.everything() == before
        assert older(filled) >= behind
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
