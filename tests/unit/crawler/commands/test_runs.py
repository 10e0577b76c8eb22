"""`modeldex runs`, `crawl --dry-run`: what was done, what would be, and what waits for a person."""

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from fixtures.crawling import safetensors
from sqlalchemy import update

from catalog.cli import cli
from catalog.errors import NotAcceptable
from catalog.records import RunState
from catalog.settings import Settings
from catalog.store import open_store
from catalog.store.tables import runs

MODELS = 52  # more than the guard lets go by itself


class Desk:
    def __init__(self, folder):
        self.root, self.home = folder / "models", folder / "home"
        for number in range(MODELS):
            target = self.root / f"m{number}" / "net.safetensors"
            target.parent.mkdir(parents=True)
            target.write_bytes(safetensors(values=4 + number))

    def run(self, *arguments):
        return CliRunner().invoke(cli, ["--home", str(self.home), *map(str, arguments)])

    def json(self, *arguments):
        return json.loads(self.run(*arguments, "--json").stdout)


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)


def test_a_held_run_is_listed_shown_and_accepted_for_as_much_as_it_would_lose(desk):
    assert desk.run("crawl", desk.root).exit_code == 0
    gone = [shutil.move(desk.root / f"m{number}", desk.home.parent / f"m{number}") for number in range(51)]
    ahead = desk.run("crawl", desk.root, "--dry-run")
    assert (ahead.exit_code, "51 files of 51 models are no longer there" in ahead.stdout) == (3, True)
    assert len(desk.json("runs")) == 1, "a dry run is none"
    held = desk.run("crawl", desk.root)
    assert held.exit_code == 3
    assert "modeldex runs accept 2" in held.stderr
    assert [(run["id"], run["state"]) for run in desk.json("runs")] == [(2, "held"), (1, "complete")]
    assert desk.json("runs", "show", 2)["counts"]["would_lose"] == 51
    shown = desk.run("runs", "show", 2)
    assert "Accept it with: modeldex runs accept 2" in shown.stderr
    assert ("no longer there: m0/net\n" in shown.stdout, "no longer there: 31 more" in shown.stdout) == (
        True,
        True,
    )

    shutil.rmtree(desk.root / "m51")
    assert desk.run("runs", "accept", 2).exit_code == 3, "more is absent than somebody looked at"
    assert "run 3 is" in str(desk.run("runs", "accept", 2).exception)
    shutil.move(gone[0], desk.root / "m0")
    done = desk.run("runs", "accept", 3)
    assert done.exit_code == 0, done.output
    assert "51 missing" in done.stdout
    assert "is complete, and not held" in str(desk.run("runs", "accept", 4).exception)


def test_what_was_accepted_holds_for_the_next_crawl_that_concludes_something_whoever_begins_it(desk):
    desk.run("crawl", desk.root)
    for number in range(51):
        shutil.rmtree(desk.root / f"m{number}")
    desk.run("crawl", desk.root)
    with open_store(Settings(home=desk.home), write=True) as store:
        held = store.runs.accept(2)
        with store.source_lease(held.source) as lease:  # and dies
            store.runs.start(held.source, held.source, lease)
    done = desk.run("crawl", desk.root)
    assert (done.exit_code, "51 missing" in done.stdout) == (0, True), done.output
    with (
        pytest.raises(NotAcceptable, match="run 4 is, and is complete"),
        open_store(Settings(home=desk.home), write=True) as store,
    ):
        store.runs.accept(2)


def test_what_a_crawl_that_failed_did_not_write_is_accepted_anew(desk):
    """The storage was in trouble since a person looked: what is absent by now may be so because of that."""
    desk.run("crawl", desk.root)
    shutil.move(desk.root, desk.home.parent / "away")
    desk.root.mkdir()
    desk.run("crawl", desk.root)
    with open_store(Settings(home=desk.home), write=True) as store:
        held = store.runs.accept(2)
        with store.source_lease(held.source) as lease:
            run = store.runs.start(held.source, held.source, lease)
            store.runs.finish(run, RunState.FAILED, {}, ["the disk is away"])
    assert desk.run("crawl", desk.root).exit_code == 3


def test_what_was_accepted_lapses_after_a_day_and_the_next_crawl_is_held_with_that_reason(desk):
    """With no worker it was used weeks later, at the next outage, against any as many models."""
    desk.run("crawl", desk.root)
    for number in range(51):
        shutil.rmtree(desk.root / f"m{number}")
    desk.run("crawl", desk.root)
    with open_store(Settings(home=desk.home), write=True) as store:
        accepted = store.runs.accept(2)
        accepted_at = accepted.counts["accepted_at"]
        moments = [datetime.fromtimestamp(accepted_at + hours * 3600, UTC) for hours in (-1, 23, 25)]
        assert [accepted.accepted_at(moment) for moment in moments] == [51, 51, 0]
        counts = {**accepted.counts, "accepted_at": accepted_at - 25 * 3600}
        with store.engine.begin() as connection:
            connection.execute(update(runs).where(runs.c.id == 2).values(counts=json.dumps(counts)))
        assert store.runs.get(2).accepted == 0, "it waits for a person again"
    held = desk.run("crawl", desk.root)
    assert (held.exit_code, "What was accepted of run 2 lapsed: it holds for 24 hours." in held.stderr) == (
        3,
        True,
    )
    assert "What was accepted of run 2 lapsed" in desk.run("runs", "show", 3).stdout
    assert desk.run("runs", "accept", 3).exit_code == 0


def test_what_was_accepted_is_taken_back_where_its_crawl_could_not_begin(desk):
    desk.run("crawl", desk.root)
    for number in range(51):
        shutil.rmtree(desk.root / f"m{number}")
    desk.run("crawl", desk.root)
    with open_store(Settings(home=desk.home), write=True) as store:
        with store.source_lease(store.runs.get(2).source):
            refused = desk.run("runs", "accept", 2)
        assert (refused.exit_code, "run 2 is held as before" in refused.stderr) == (1, True)
        run = store.runs.get(2)
        assert (run.state, run.accepted, "accepted_at" in run.counts) == (RunState.HELD, 0, False)
        told = [
            (line.happening.before, line.happening.after)
            for line in store.audit.latest(2, where={"action": "runs.accept"})
        ]
        assert told == [({"may_lose": 51}, {"may_lose": 0}), (None, {"may_lose": 51})]
    assert desk.run("crawl", desk.root).exit_code == 3


@pytest.mark.parametrize("address", [str, Path.as_uri, lambda _root: "lab"], ids=["path", "address", "name"])
def test_a_source_that_is_no_longer_there_has_a_failed_run_and_keeps_what_it_has(desk, address):
    """Its last run was the good one before, so that nobody was told."""
    desk.run("sources", "add", desk.root, "--name", "lab")
    desk.run("crawl", desk.root)
    shutil.move(desk.root, desk.home.parent / "away")
    assert "does not exist" in str(desk.run("crawl", address(desk.root)).exception)
    last = desk.json("runs")[0]
    assert (last["state"], last["counts"]["models"], last["id"]) == ("failed", MODELS, 2)
    assert "does not exist" in last["problems"][0]
    assert "does not exist" in str(desk.run("crawl", desk.root, "--dry-run").exception)
    assert "does not exist" in str(desk.run("crawl", desk.home.parent / "other").exception)
    assert len(desk.json("runs")) == 2, "neither a look ahead nor what was never a source has one"


def test_what_a_crawl_would_do_is_told_and_not_done(desk):
    desk.run("crawl", desk.root)
    (desk.root / "m0/net.safetensors").write_bytes(safetensors(values=99))
    (desk.root / "new.safetensors").write_bytes(safetensors(values=98))
    (desk.root / "m1/net.safetensors").unlink()
    for _ in range(2):
        ahead = desk.json("crawl", desk.root, "--dry-run")
        assert [ahead[name] for name in ("new", "changed", "unchanged", "absent", "models_absent")] == [
            1,
            1,
            50,
            1,
            1,
        ]
    assert desk.run("crawl", desk.root, "--dry-run").exit_code == 0


def test_problems_are_shown_by_the_name_of_the_file(desk):
    (desk.root / "cut.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0{")
    desk.run("crawl", desk.root)
    assert desk.json("runs", "show", 1)["unread"][0]["key"] == "cut.safetensors"
    assert "cut.safetensors" in desk.run("runs", "show", 1).stdout


def test_a_run_that_is_not_there_is_one_sentence(desk):
    assert desk.run("runs").exit_code == 0
    assert "There is no run 7" in str(desk.run("runs", "show", 7).exception)
