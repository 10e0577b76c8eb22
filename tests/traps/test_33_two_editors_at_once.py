"""Two people edit the same models at once, one of their processes is killed: whoever is told that it was done finds it."""

import subprocess
from pathlib import Path

import pytest
from fixtures.crawling import safetensors
from fixtures.patience import PATIENCE_SECONDS, wait_until
from fixtures.warm_python import warm_python

from catalog.records.history import VerificationCounts
from catalog.settings import Settings
from catalog.store import open_store
from crawler.crawl import crawl
from crawler.sources.local import LocalSource

ROOM = Path(__file__).parents[2]
MODELS = 3
EDITS_EACH = 12

EDITOR = """
import sys
from catalog.errors import RevisionConflict
from catalog.recording.authorship import Authorship
from catalog.recording.edits import Target, edit_models
from catalog.recording.field_changes import FieldChange
from catalog.settings import load_settings
from catalog.store import open_store
name = sys.argv[2]
with open_store(load_settings(sys.argv[1]), write=True) as store:
    for number in range(int(sys.argv[3])):
        seen = list(store.records.iterate())
        targets = [Target(model=model.id, revision=model.revision) for model in seen]
        change = FieldChange(field="extra.count", value=f"{name}-{number}")
        done = edit_models(store, targets, [change], by=Authorship(made_by=name))
        for model in done.changed:
            print(model, number, "changed", flush=True)
        for model in done.left:
            print(model, number, "left", flush=True)
"""


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_every_change_that_was_told_is_a_revision_and_the_loser_is_told(tmp_path, request, database):
    home = tmp_path / "home"
    home.mkdir()
    url = ""
    if database == "postgresql":
        url = request.getfixturevalue("postgresql_url")
        (home / "modeldex.toml").write_text(f'database_url = "{url}"\n')
    for number in range(MODELS):
        target = tmp_path / "models" / f"m{number}.safetensors"
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(safetensors(values=1 + number))
    settings = Settings(home=home, database_url=url)
    with open_store(settings, write=True) as store:
        crawl(store, LocalSource(tmp_path / "models"), settings)
        logs = {name: tmp_path / name for name in ("ann", "bob", "cat")}
        running = {name: start(home, log, name) for name, log in logs.items()}
        wait_until(lambda: logs["cat"].exists() and logs["cat"].stat().st_size)
        running["cat"].kill()
        for name in ("ann", "bob"):
            assert running[name].wait(timeout=PATIENCE_SECONDS) == 0
        running["cat"].wait()

        lines = {name: [line.split() for line in log.read_text().splitlines()] for name, log in logs.items()}
        assert list(store.records.verify(VerificationCounts())) == []
        for model in store.records.iterate():
            told = {
                (name, number)
                for name, rows in lines.items()
                for where, number, what in rows
                if where == model.id and what == "changed"
            }
            made = [
                (
                    revision.author,
                    str(revision.document["extra"]["count"]).removeprefix(f"{revision.author}-"),
                )
                for revision in store.records.history(model.id)
                if revision.made_by == "bulk"
            ]
            assert len(made) == len(set(made))
            assert told <= set(made)
            untold = set(made) - told  # committed, and killed before it could say so
            assert {name for name, _ in untold} <= {"cat"}
            assert len(untold) <= 1
        for name in ("ann", "bob"):  # every attempt was answered, whoever was faster
            assert len(lines[name]) == MODELS * EDITS_EACH


def start(home, log, name):
    command = [*warm_python(), "-c", EDITOR, str(home), name, str(EDITS_EACH)]
    with log.open("w") as out, log.with_suffix(".err").open("w") as err:
        return subprocess.Popen(command, cwd=ROOM, stdout=out, stderr=err)
