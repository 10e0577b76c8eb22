"""A plan carried out: nothing but what it says goes, whatever happens meanwhile, and it comes back."""

import os
import shutil
import signal
import stat
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner
from fixtures.retention import Killed
from fixtures.warm_python import warm_python

from catalog.cli import cli
from catalog.errors import LeaseLost, UserError, WriterBusy
from catalog.recording.authorship import Authorship
from catalog.recording.edits import edit_model
from catalog.store.records import GONE
from catalog.store.tables import leases
from crawler.retention.carrying_out import PlanOutdated
from crawler.unfinished import TRASH

STAYS = ("fraud-3", "spam-2")
GOES = ("fraud-1", "fraud-2", "spam-1")
ROOT = Path(__file__).parents[4]


@pytest.fixture(params=["directory", "bucket"])
def filled(request):
    """Three versions of one model and two of another, of which the newest stay."""
    yard = request.getfixturevalue("yard" if request.param == "directory" else "bucket_yard")
    for name, versions in (("fraud", 3), ("spam", 2)):
        for version in range(1, versions + 1):
            yard.model(name, version)
    yard.declare(writable=True, deletable=True)
    yard.crawl()
    return yard


def named(contents):
    return {key.partition("/")[0] for key in contents}


def test_what_goes_is_in_the_trash_and_no_crawl_misses_it(filled):
    before = filled.contents()
    plan = filled.plan()
    freed = sum(len(data) for key, data in before.items() if key.startswith(GOES))
    assert plan.header["bytes"] == freed
    with pytest.raises(UserError, match="not the hash"):
        filled.steward().apply(plan.id, "0" * 64)
    done = filled.apply(plan)
    assert (done.models, done.bytes, done.left) == (3, freed, {})
    with pytest.raises(UserError, match="nothing to be done"):
        filled.apply(plan)
    assert named(filled.contents()) == set(STAYS)
    trash = {key.split("/", 2)[2]: data for key, data in filled.everything().items() if key.startswith(TRASH)}
    assert trash == {key: data for key, data in before.items() if key.startswith(GOES)}
    report = filled.crawl()
    assert (report.run.state, report.counts["missing"], report.counts["models"]) == ("complete", 0, 2)
    assert filled.statuses() == {**dict.fromkeys(GOES, "trashed"), **dict.fromkeys(STAYS, "ok")}


def test_what_went_comes_back_with_what_people_said_of_it(filled):
    before = filled.contents()
    model = next(row.id for row in filled.store.records.iterate() if row.document["version"] == "1")
    edit_model(
        filled.store, model, expected=1, values={"notes": "kept in mind"}, by=Authorship(made_by="ada")
    )
    plan = filled.plan()
    filled.apply(plan)
    filled.crawl()
    assert filled.steward().undo(plan.id).models == 3
    assert filled.everything() == before
    assert set(filled.statuses().values()) == {"ok"}
    report = filled.crawl()
    assert (report.counts["models"], report.counts["missing"], report.counts["new"]) == (5, 0, 0)
    assert filled.document(model)["notes"] == "kept in mind"
    assert filled.store.retention.plan(plan.id).state == "undone"


def test_whoever_is_killed_at_each_touch_of_an_object_goes_on_and_loses_nothing(filled):
    before = filled.contents()
    plan = filled.plan()
    assert filled.interrupted("apply", plan.id, plan.sha256) >= 6
    after = filled.everything()
    assert {
        key.split("/", 2)[2] if key.startswith(TRASH) else key: data for key, data in after.items()
    } == before
    assert named(filled.contents()) == set(STAYS)
    assert filled.interrupted("undo", plan.id) >= 6
    assert filled.everything() == before
    assert set(filled.statuses().values()) == {"ok"}


def test_a_deletion_that_is_killed_again_and_again_deletes_what_it_should_and_nothing_else(filled):
    before = filled.contents()
    plan = filled.plan(action="delete")
    filled.interrupted("apply", plan.id, plan.sha256)
    assert filled.everything() == {key: data for key, data in before.items() if key.startswith(STAYS)}
    assert filled.statuses() == {**dict.fromkeys(GOES, "deleted"), **dict.fromkeys(STAYS, "ok")}
    assert filled.crawl().counts["missing"] == 0
    assert len(filled.steward().undo(plan.id).left) == 3


@pytest.mark.parametrize(
    ("action", "told"), [("trash", "moved into the trash"), ("delete", "deleted for good")]
)
def test_the_command_says_what_became_of_models_and_whether_they_come_back(yard, action, told):
    for version in (1, 2):
        yard.model("fraud", version)
    yard.declare(writable=True, deletable=True)
    yard.crawl()
    plan = yard.plan(action=action)
    command = ["--home", str(yard.settings.home), "retention", "apply", plan.id, "--hash", plan.sha256]
    answer = CliRunner().invoke(cli, command)
    assert answer.exit_code == 0, answer.output
    assert f"1 model {told}" in answer.stdout
    assert ("retention undo" in answer.stderr) == (action == "trash")


def test_one_object_that_changed_since_the_crawl_refuses_the_whole_plan(filled):
    plan, key = filled.plan(), "fraud-1/modeldex.yaml"
    data = filled.contents()[key]
    filled.put(key, data[:-1] + b"!")
    before = filled.everything()
    with pytest.raises(PlanOutdated, match=key):
        filled.apply(plan)
    assert filled.everything() == before
    assert filled.store.retention.plan(plan.id).state == "ready"


def test_a_model_that_was_edited_since_refuses_the_whole_plan(yard):
    for version in (1, 2):
        yard.model("fraud", version)
    yard.declare(writable=True)
    yard.crawl()
    plan = yard.plan()
    model = next(row.model for row in yard.store.retention.models(plan.id, goes=True))
    edit_model(yard.store, model, expected=1, values={"stage": "production"}, by=Authorship(made_by="ada"))
    before = yard.everything()
    with pytest.raises(PlanOutdated, match="something else by now"):
        yard.apply(plan)
    assert yard.everything() == before


def test_an_object_that_changes_in_the_last_moment_stays_and_its_model_with_it(filled):
    plan = filled.plan()
    before = filled.contents()

    def step(row, state):
        if row.key == "fraud-1/modeldex.yaml" and state == "moving":
            filled.put(row.key, b"name: another one\n")

    done = filled.apply(plan, step=step)
    (left,) = done.left.values()
    assert "changed" in left
    assert done.models == 2
    after = filled.contents()
    assert after["fraud-1/modeldex.yaml"] == b"name: another one\n"
    assert after["fraud-1/model.safetensors"] == before["fraud-1/model.safetensors"]


def test_what_is_written_anew_between_two_attempts_stays_and_is_told(filled):
    """It was told as moved, and its model as in the trash."""
    plan, key = filled.plan(), "fraud-1/model.safetensors"
    before = filled.contents()

    def step(row, state):
        if row.key == key and state == "moved":
            filled.put(key, b"somebody's new model")
            raise Killed

    with pytest.raises(Killed):
        filled.apply(plan, step=step)
    done = filled.apply(plan)
    (left,) = done.left.values()
    assert "changed" in left
    assert (done.models, filled.statuses()["fraud-1"]) == (2, "ok")
    kept = {name: data for name, data in before.items() if name.startswith((*STAYS, "fraud-1"))}
    assert filled.contents() == {**kept, key: b"somebody's new model"}
    assert before[key] in filled.everything().values(), "what it was lies in the trash"
    assert "something else is in its place" in " ".join(filled.steward().undo(plan.id).left.values())


def test_nothing_is_brought_back_over_something_else(filled):
    plan = filled.plan()
    filled.apply(plan)
    filled.put("fraud-1/model.safetensors", b"somebody's new model")
    done = filled.steward().undo(plan.id)
    assert [reason for reason in done.left.values() if "something else is in its place" in reason]
    assert filled.contents()["fraud-1/model.safetensors"] == b"somebody's new model"
    assert any(
        key.endswith("fraud-1/model.safetensors") for key in filled.everything() if key.startswith(TRASH)
    )


def test_two_at_once_and_a_crawl_meanwhile_are_refused(yard):
    yard.model("fraud", 1)
    yard.model("fraud", 2)
    yard.declare(writable=True)
    yard.crawl()
    plan = yard.plan()
    refused = []

    def step(_row, _state):
        for other in (lambda: yard.apply(plan), yard.crawl):
            with pytest.raises(WriterBusy):
                other()
            refused.append(other)

    yard.apply(plan, step=step)
    assert refused


def test_a_source_that_nobody_declared_is_not_touched(yard):
    for version in (1, 2):
        yard.model("fraud", version)
    yard.declare()
    yard.crawl()
    assert yard.reasons(yard.plan()) == {"fraud-1": "source", "fraud-2": "newest"}
    yard.declare(writable=True)
    assert yard.reasons(yard.plan(action="delete"))["fraud-1"] == "source"
    assert yard.reasons(yard.plan(action="trash"))["fraud-1"] == "none"


def test_a_second_name_of_the_weights_of_a_model_that_stays_keeps_the_first(yard):
    for version in (1, 2, 3):
        yard.model("fraud", version)
    yard.model("other", 1)
    root = Path(yard.address)
    (root / "other-1/model.safetensors").unlink()
    os.link(root / "fraud-1/model.safetensors", root / "other-1/model.safetensors")
    (root / "elsewhere").mkdir()
    os.link(root / "fraud-2/modeldex.yaml", root / "elsewhere/said.txt")
    yard.declare(writable=True)
    yard.crawl()
    plan = yard.plan()
    assert yard.reasons(plan)["fraud-1"] == "shared"
    (goes,) = yard.store.retention.models(plan.id, goes=True)
    weights = (root / "fraud-2/model.safetensors").stat().st_size
    assert goes.line["bytes"] == weights  # the sidecar has another name, so nothing of it is freed
    yard.apply(plan)
    assert (root / "elsewhere/said.txt").exists()
    assert not (root / "fraud-2/modeldex.yaml").exists()


def test_a_link_is_moved_as_a_link_and_back(yard):
    for version in (1, 2):
        yard.model("fraud", version)
    link, target = Path(yard.address) / "fraud-1/modeldex.yaml", Path(yard.address) / "said" / "said.txt"
    target.parent.mkdir()
    shutil.move(link, target)
    link.symlink_to("../said/said.txt")
    yard.declare(writable=True)
    yard.crawl()
    plan = yard.plan()
    yard.apply(plan)
    assert target.exists()
    assert not link.is_symlink()
    yard.steward().undo(plan.id)
    assert str(link.readlink()) == "../said/said.txt"


def test_the_trash_shows_nobody_what_they_could_not_see_before(yard):
    """Folders there have the modes of those that they stand for, and lead back to such ones if these are gone by then."""
    for version in (1, 2):
        yard.model("fraud", version)
    place = Path(yard.address) / "fraud-1"
    place.chmod(0o2750)
    yard.declare(writable=True)
    yard.crawl()
    plan = yard.plan()
    yard.apply(plan)
    trash = Path(yard.address) / TRASH
    modes = [
        stat.S_IMODE(each.stat().st_mode) for each in (trash, trash / plan.id, trash / plan.id / "fraud-1")
    ]
    assert modes == [0o700, 0o700, 0o2750]
    place.rmdir()
    yard.steward().undo(plan.id)
    assert stat.S_IMODE(place.stat().st_mode) == 0o2750


def test_files_of_a_forgotten_model_come_back_and_it_is_told_apart(yard):
    for version in (1, 2, 3):
        yard.model("fraud", version)
    yard.declare(writable=True)
    yard.crawl()
    before, plan = yard.everything(), yard.plan()
    assert yard.apply(plan).models == 2
    forgotten = next(row.model for row in yard.store.retention.models(plan.id, goes=True))
    source = yard.store.sources.all()[0].id
    with yard.store.source_lease(source) as lease:  # as `modeldex forget` does it
        yard.store.manifest(source).unsettle(lease=lease)
        yard.store.records.mark({forgotten: GONE}, lease=lease, run=1)
    done = yard.steward().undo(plan.id)
    assert (done.models, done.left) == (1, {})
    assert yard.everything() == before
    notes = {row.model: row.note for row in yard.store.retention.models(plan.id, goes=True)}
    assert "forgotten" in notes[forgotten]
    assert yard.crawl().counts["models"] == 3


KILLED = """
import os, signal, sys
from pathlib import Path
from catalog.access.opening import open_catalog
from catalog.retention.plans import Planner
from catalog.settings import Settings
from catalog.store import open_store
from crawler.commands.index_state import bring_up_to_date
from crawler.retention.carrying_out import Steward

home, plan, digest, at = sys.argv[1:]
settings, count = Settings(home=Path(home)), iter(range(10**6))

def step(_object, _state):
    if next(count) == int(at):
        os.kill(os.getpid(), signal.SIGKILL)

with open_catalog(settings) as catalog, open_store(settings, write=True) as store:
    planner = Planner(settings=settings, catalog=catalog, store=store, author="ada", follow=bring_up_to_date)
    Steward(planner, step=step).apply(plan, digest)
"""


def test_a_process_that_is_killed_for_real_leaves_a_plan_that_goes_on(filled):
    """A kill leaves the leases held by a dead process, and whatever the database had not written."""
    before = filled.contents()
    plan = filled.plan()
    for at in ("1", "2"):
        arguments = [*warm_python(), "-c", KILLED, str(filled.settings.home), plan.id, plan.sha256, at]
        killed = subprocess.run(arguments, cwd=ROOT, check=False, timeout=120)
        assert killed.returncode == -signal.SIGKILL
        after = filled.everything()
        there = {key.split("/", 2)[2] if key.startswith(TRASH) else key: data for key, data in after.items()}
        assert there == before
    filled.apply(plan)
    assert named(filled.contents()) == set(STAYS)


def test_whoever_goes_on_asks_again_and_brings_back_what_stays_by_now(yard):
    for version in (1, 2):
        yard.model("fraud", version)
    yard.declare(writable=True)
    yard.crawl()
    before, plan = yard.everything(), yard.plan()

    def step(_object, state):
        if state == "moved":
            raise Killed

    with pytest.raises(Killed):
        yard.apply(plan, step=step)
    yard.model("adapter", 1, base_model="fraud-1")
    before |= {key: data for key, data in yard.everything().items() if key.startswith("adapter")}
    (goes,) = yard.store.retention.models(plan.id, goes=True)
    edit_model(
        yard.store, goes.model, expected=1, values={"stage": "production"}, by=Authorship(made_by="ada")
    )
    assert yard.apply(plan).left
    assert yard.everything() == before
    with pytest.raises(UserError, match="not the hash"):
        yard.steward().apply(plan.id, "é")


def test_a_deletion_of_which_one_object_changed_deletes_no_other_of_its_model(yard):
    for version in (1, 2):
        yard.model("fraud", version)
    yard.declare(writable=True, deletable=True)
    yard.crawl()
    before, plan = yard.everything(), yard.plan(action="delete")
    changed = max(row.key for row in yard.store.retention.objects(plan.id))

    def step(row, state):
        if row.key == changed and state == "moving":
            yard.put(changed, b"name: other\n")

    assert yard.apply(plan, step=step).left
    assert yard.everything() == {**before, changed: b"name: other\n"}


def test_whoever_lost_the_lease_touches_nothing_more(yard):
    for version in (1, 2):
        yard.model("fraud", version)
    yard.declare(writable=True)
    yard.crawl()
    before, plan = yard.everything(), yard.plan()

    def step(_row, _state):
        with yard.store.engine.begin() as connection:
            connection.execute(leases.update().values(token=leases.c.token + 1))

    with pytest.raises(LeaseLost):
        yard.apply(plan, step=step)
    assert yard.everything() == before
