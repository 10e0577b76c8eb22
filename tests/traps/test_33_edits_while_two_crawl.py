"""Two sources crawled by two processes while a third edits models of both, each killed now and then: no edit is lost."""

import random
import time

import pytest
from fixtures.crawling import safetensors
from fixtures.patience import wait_until
from fixtures.warm_python import WarmProcess

from catalog.records.history import VerificationCounts
from catalog.settings import Settings
from catalog.store import open_store

KILLS = 9
SEED = 31
FIELDS = ("use_case", "owner", "training.seed")

CRAWLER = """
import sys, time
from pathlib import Path
from catalog.errors import WriterBusy
from catalog.settings import load_settings
from catalog.store import open_store
from crawler.crawl import crawl
from crawler.sources.local import LocalSource
import crawler.stages.committing
crawler.stages.committing.PAGE_MODELS = 3
settings = load_settings(sys.argv[1])
with open_store(settings, write=True) as store:
    while True:
        crawl(store, LocalSource(sys.argv[2]), settings, reread=True)
        print("crawled", flush=True)
        time.sleep(0.2)
"""

EDITOR = """
import random, sys, time
from catalog.errors import RevisionConflict
from catalog.recording.authorship import Authorship
from catalog.recording.edits import edit_model
from catalog.settings import load_settings
from catalog.store import open_store
draw = random.Random(sys.argv[2])
fields = sys.argv[3:]
with open_store(load_settings(sys.argv[1]), write=True) as store:
    while True:
        for model in list(store.records.iterate()):
            field, value = draw.choice(fields), draw.randrange(10**6)
            try:
                edit_model(
                    store,
                    model.id,
                    expected=model.revision,
                    values={field: str(value)},
                    by=Authorship(made_by="me"),
                )
            except RevisionConflict:
                continue
            print(model.id, field, value, flush=True)
            time.sleep(0.1)
"""


class Process:
    """A program that is started again whenever it was killed."""

    def __init__(self, home, log, program, *arguments):
        self.log = log
        self.kills = 0
        self._arguments = ["-c", program, str(home), *map(str, arguments)]
        self.start()

    def start(self):
        self._before = self._lines()
        with self.log.open("a") as out, self.log.with_suffix(".err").open("a") as err:
            self._process = WarmProcess(*self._arguments, stdout=out, stderr=err)

    def wait_for_work(self):
        """Something that it says it did since it was started."""
        wait_until(self._has_worked)

    def _has_worked(self):
        assert self._process.poll() is None, self.log.with_suffix(".err").read_text()
        return self._lines() != self._before

    def _lines(self):
        return self.log.read_bytes().count(b"\n") if self.log.exists() else 0

    def kill(self):
        assert self._process.poll() is None, self.log.with_suffix(".err").read_text()
        self._process.kill()
        self._process.wait()
        self.kills += 1


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_no_edit_is_lost_and_every_chain_is_whole(tmp_path, request, database):
    home = tmp_path / "home"
    home.mkdir()
    if database == "postgresql":
        url = request.getfixturevalue("postgresql_url")
        (home / "modeldex.toml").write_text(f'database_url = "{url}"\n')
    else:
        url = ""
    for source in "ab":
        for number in range(4):
            target = tmp_path / source / f"m{number}.safetensors"
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(safetensors(values=1 + number % 5))
    processes = [
        Process(home, tmp_path / "crawl-a", CRAWLER, tmp_path / "a"),
        Process(home, tmp_path / "crawl-b", CRAWLER, tmp_path / "b"),
        Process(home, tmp_path / "edits", EDITOR, SEED, *FIELDS),
    ]
    draw = random.Random(SEED)
    try:
        for number in range(KILLS):
            process = processes[number % 3]
            process.wait_for_work()
            time.sleep(draw.uniform(0.0, 0.7))
            process.kill()
            process.start()
        processes[2].wait_for_work()
    finally:
        for process in processes:
            process.kill()

    settings = Settings(home=home, database_url=url)
    with open_store(settings, write=True) as store:
        from crawler.crawl import crawl
        from crawler.sources.local import LocalSource

        for source in "ab":
            assert crawl(store, LocalSource(tmp_path / source), settings).run.state == "complete"
        models = list(store.records.iterate())
        assert len(models) == 8
        edits = store.edits.of([model.id for model in models])
        told = {}
        for line in (tmp_path / "edits").read_text().splitlines():
            model, field, value = line.split(" ")
            told[model, field] = value
        assert len(told) > KILLS // 3
        for model in models:
            kept = {edit.field: edit for edit in edits.get(model.id, ())}
            for field, edit in kept.items():
                head, _, rest = field.partition(".")
                value = model.document[head][rest] if rest else model.document[head]
                assert str(value) == edit.value
            history = store.records.history(model.id)
            assert [revision.number for revision in history] == list(range(1, model.revision + 1))
            assert [revision.parent_sha256 for revision in history[1:]] == [
                revision.sha256 for revision in history[:-1]
            ]
        assert list(store.records.verify(VerificationCounts())) == []
        # What the editor was told is kept; only the last of each process may have been kept without being told.
        kept = {(model, edit.field): edit.value for model in edits for edit in edits[model]}
        assert told.keys() <= kept.keys()
        untold = [place for place in kept if kept[place] != told.get(place)]
        assert len(untold) <= processes[2].kills
    assert all((tmp_path / name).read_text() for name in ("crawl-a", "crawl-b"))
