"""From the store to the engine, with crashes and refusals in between."""

import json
import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner
from fixtures.warm_python import warm_python

from catalog.cli import cli
from catalog.errors import EngineUnavailable, WriterBusy
from catalog.query.request import SearchRequest
from catalog.records import ModelRecord, SourceId, model_id
from catalog.search.engine import IndexOutcome
from catalog.settings import Settings
from catalog.store import open_store
from catalog.store.records import RecordChange
from indexer import drain as draining
from indexer.drain import drain, drain_now
from indexer.engines import open_engine, open_writer
from indexer.engines.memory import MemoryIndex, MemoryWriter
from indexer.engines.tantivy.writer import TantivyWriter
from indexer.following import ANOTHER_INDEX, ANOTHER_LOG
from indexer.rebuild import rebuild

SOURCE = SourceId("file:///models")
HEADER = json.dumps({"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode()
SAFETENSORS = len(HEADER).to_bytes(8, "little") + HEADER + bytes(8)


def change(path, **document):
    made = model_id(SOURCE, path)
    held = {"id": made, "name": path, "uri": f"file:///models/{path}", "status": "ok", **document}
    record = ModelRecord(id=made, source=SOURCE, group_key=path, document=held, file_keys=(path,))
    return RecordChange(record=record, signature=str(document), fingerprint=None, moved_from=None)


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path)


@pytest.fixture
def store(settings):
    with open_store(settings, write=True) as opened:
        yield opened


def commit(store, *changes):
    with store.lease("writer") as lease:
        store.records.commit(changes, lease=lease)


def total(settings):
    return open_engine(settings).search(SearchRequest()).total


def test_the_first_drain_builds_the_index_and_later_ones_follow(settings, store):
    commit(store, change("a"), change("b"))
    first = drain_now(settings, store)
    assert (first.indexed, first.waiting, total(settings)) == (2, 0, 2)
    commit(store, change("c"))
    second = drain_now(settings, store)
    assert (second.indexed, second.rebuilt, total(settings)) == (1, None, 3)
    assert drain_now(settings, store).indexed == 0


def test_a_crash_between_commit_and_index_is_repaired_by_the_next_drain(settings, store):
    """The process that committed is killed before it could write the index."""
    commit(store, change("a"))
    drain_now(settings, store)
    code = f"""
import os, sys
sys.path[:0] = {[str(Path(__file__).parent), str(Path(__file__).parents[2])]!r}
from pathlib import Path
from catalog.settings import Settings
from catalog.store import open_store
from test_drain import change, commit
store = open_store(Settings(home=Path({str(settings.home)!r})), write=True)
commit(store, change("b"), change("c"))
os.kill(os.getpid(), 9)
"""
    assert subprocess.run([*warm_python(), "-c", code], check=False).returncode == -9
    assert total(settings) == 1
    assert store.consumer("index").size() == 2
    assert drain_now(settings, store).indexed == 2
    assert total(settings) == 3


def test_a_crash_after_the_index_and_before_the_store_knows_does_no_harm(settings, store):
    commit(store, change("a"))
    with closing(open_writer(settings)) as writer:
        writer.write(
            store.consumer("index").claim()
        )  # and the process dies here: the store never hears of it
        assert drain(store.consumer("index"), writer).indexed == 1
    assert total(settings) == 1


def test_one_bad_document_becomes_a_dead_letter_with_its_reason(settings, store):
    commit(store, change("good"), change("bad", parameters="many"))
    with closing(open_writer(settings)) as writer:
        report = drain(store.consumer("index"), writer)
    assert report.indexed == 1
    (letter,) = store.consumer("index").dead_letters()
    assert "parameters" in letter.reason
    assert store.consumer("index").size() == 0


def test_an_engine_that_another_process_writes_leaves_everything_waiting(settings, store):
    commit(store, change("a"))
    with closing(open_writer(settings)):
        report = drain_now(settings, store)
    assert report.waiting == 1
    assert "another process writes" in report.unavailable
    assert drain_now(settings, store).indexed == 1


def test_an_engine_that_goes_away_in_the_middle_keeps_the_rest(store):
    class Leaving(MemoryWriter):
        calls = 0

        def write(self, actions):
            self.calls += 1
            if self.calls > 1:
                raise EngineUnavailable("memory", "it went away.")
            return super().write(actions[:1])

    commit(store, change("a"), change("b"))
    index = MemoryIndex()
    report = drain(store.consumer("index"), Leaving(index))
    assert (report.indexed, report.waiting, report.unavailable) == (1, 1, "memory: it went away.")
    assert drain(store.consumer("index"), MemoryWriter(index)).indexed == 1
    assert len(index.items) == 2


def test_reindex_needs_no_model_file_and_prints_counts(settings, store):
    commit(store, change("a"), change("b"))
    result = CliRunner().invoke(cli, ["--home", str(settings.home), "reindex", "--json"])
    assert result.exit_code == 0, result.output
    assert '"documents": 2' in result.stdout
    assert total(settings) == 2
    assert store.consumer("index").size() == 0


def test_what_a_rebuild_rejects_is_a_dead_letter_until_it_is_mended(settings, store):
    """A rebuild once took the rows of rejected models away, and nobody was told why they are not found."""
    commit(store, change("good"), change("bad", parameters="many"))
    first = drain_now(settings, store)
    assert (first.rebuilt is not None, first.indexed, first.waiting) == (True, 1, 0)
    (letter,) = store.consumer("index").dead_letters()
    assert (letter.id, "parameters" in letter.reason) == (model_id(SOURCE, "bad"), True)
    with closing(open_writer(settings)) as writer:
        rebuild(store, writer)  # rejected once more, and still told
    assert [again.id for again in store.consumer("index").dead_letters()] == [letter.id]
    commit(store, change("bad", parameters=7))
    with closing(open_writer(settings)) as writer:
        rebuild(store, writer)
    assert (store.consumer("index").dead_letters(), store.consumer("index").size(), total(settings)) == (
        [],
        0,
        2,
    )


def test_a_model_that_changed_while_a_rebuild_rejected_it_still_waits(store):
    class Slow(MemoryWriter):
        def rebuild(self, documents, *, catch_up=()):
            outcome = super().rebuild(documents)
            commit(store, change("bad", parameters=7))
            return outcome

    commit(store, change("bad", parameters="many"))
    rebuild(store, Slow(MemoryIndex()))
    assert (store.consumer("index").dead_letters(), store.consumer("index").size()) == ([], 1)


class Choosy(MemoryWriter):
    """Takes nothing while it is told to be busy."""

    busy = True
    asked = 0

    def write(self, actions):
        self.asked += 1
        if self.busy:
            return IndexOutcome(retry={action.id: "memory: its disk is full." for action in actions})
        return super().write(actions)


def test_an_engine_that_takes_nothing_is_asked_once_and_says_why(store, monkeypatch):
    monkeypatch.setattr(draining, "BATCH", 2)
    commit(store, *(change(name) for name in "abcde"))
    writer = Choosy(MemoryIndex())
    report = drain(store.consumer("index"), writer)
    assert (report.indexed, report.waiting, report.unavailable) == (0, 5, "memory: its disk is full.")
    assert writer.asked == 1
    (trouble,) = store.consumer("index").troubles()
    assert (trouble.models, trouble.reason, trouble.final) == (2, "memory: its disk is full.", False)


def test_what_was_put_off_is_written_by_the_next_drain_not_minutes_later(store):
    """After an hour of refusals the next try of a model lay five minutes ahead, and a crawl left it there."""
    commit(store, change("a"), change("b"))
    writer = Choosy(MemoryIndex())
    for _ in range(12):
        drain(store.consumer("index"), writer)
    writer.busy = False
    report = drain(store.consumer("index"), writer)
    assert (report.indexed, report.waiting, report.unavailable) == (2, 0, None)
    assert store.consumer("index").troubles() == []


def modeldex(settings, *arguments):
    return CliRunner().invoke(cli, ["--home", str(settings.home), *arguments])


def test_a_restored_store_is_followed_though_the_index_shows_newer_revisions(settings, tmp_path):
    """New revisions count on from below those of the index, which took each of them for older than what it had."""
    with open_store(settings, write=True) as store:
        commit(store, change("a", owner="first"))
        drain_now(settings, store)
    backup = tmp_path / "backup.sqlite3"
    shutil.copyfile(settings.home / "store.sqlite3", backup)
    with open_store(settings, write=True) as store:
        for owner in ("second", "third", "fourth"):
            commit(store, change("a", owner=owner))
        commit(store, change("b"))
        drain_now(settings, store)
    shutil.copyfile(backup, settings.home / "store.sqlite3")
    with open_store(settings, write=True) as store:
        for owner in (
            "another",
            "one more",
            "yet another",
            "the last",
        ):  # its log is longer than the other was
            commit(store, change("a", owner=owner))
        commit(store, change("c"))
        report = drain_now(settings, store)
        assert report.rebuilt == ANOTHER_LOG
        shown = open_engine(settings).search(SearchRequest()).hits
        assert {hit.document["name"]: hit.document.get("owner") for hit in shown} == {
            "a": "the last",
            "c": None,
        }
        assert drain_now(settings, store).rebuilt is None


def test_a_store_that_is_begun_anew_does_not_keep_the_index_of_the_one_before(settings):
    for name in ("a", "b"):
        (settings.home / "store.sqlite3").unlink(missing_ok=True)
        with open_store(settings, write=True) as store:
            commit(store, change(name))
            drain_now(settings, store)
    shown = open_engine(settings).search(SearchRequest()).hits
    assert [hit.document["name"] for hit in shown] == ["b"]


def test_an_index_of_which_no_position_was_noted_is_believed_to_be_of_this_store(settings, store):
    """As those are that earlier versions made: an upgrade rebuilds nothing."""
    commit(store, change("a"))
    drain_now(settings, store)
    (note,) = settings.index_path.glob("index-*/FOLLOWED")
    note.unlink()
    commit(store, change("b"))
    assert (drain_now(settings, store).rebuilt, note.exists()) == (None, True)


@pytest.fixture
def two_homes(tmp_path):
    """Two homes with an index each on one database."""
    url = f"sqlite:///{tmp_path / 'shared.sqlite3'}"
    return [Settings(home=tmp_path / name, database_url=url) for name in ("first", "second")]


def test_an_index_lacks_nothing_that_one_in_another_home_took(two_homes):
    """Two workers on one database with the embedded engine: each index had the changes that its own worker came to take."""
    first, second = two_homes
    for turn, settings in enumerate((first, second, first, first, second)):
        with open_store(settings, write=True) as store:
            commit(store, change("a", owner=str(turn)), change(f"b{turn}"))
            report = drain_now(settings, store)
        shown = open_engine(settings).search(SearchRequest()).hits
        assert {hit.document["name"]: hit.document.get("owner") for hit in shown} == {
            "a": str(turn),
            **dict.fromkeys(f"b{number}" for number in range(turn + 1)),
        }
        assert (report.rebuilt == ANOTHER_INDEX) is (turn in {2, 4})


def test_an_index_that_is_put_back_from_a_backup_lacks_what_it_was_given_since(settings, store):
    """Where the home is in the backup and the database is not, changed models showed what they were."""
    commit(store, change("a", owner="first"))
    drain_now(settings, store)
    backup = shutil.copytree(settings.index_path, settings.home / "backup")
    commit(store, change("a", owner="second"))
    drain_now(settings, store)
    shutil.rmtree(settings.index_path)
    backup.rename(settings.index_path)
    assert drain_now(settings, store).rebuilt == ANOTHER_INDEX
    assert [hit.document["owner"] for hit in open_engine(settings).search(SearchRequest()).hits] == ["second"]


def test_a_restore_is_noticed_where_the_last_drain_broke_off(settings, tmp_path, monkeypatch):
    """What was written before a full disk or a kill was in the index, and not in its note."""
    with open_store(settings, write=True) as store:
        commit(store, change("a", owner="first"))
        drain_now(settings, store)
    backup = shutil.copyfile(settings.home / "store.sqlite3", tmp_path / "backup.sqlite3")
    with open_store(settings, write=True) as store, monkeypatch.context() as patched:
        commit(store, change("a", owner="lost"))
        patched.setattr(draining, "note_complete", lambda *_: None)  # as after a kill
        drain_now(settings, store)
    shutil.copyfile(backup, settings.home / "store.sqlite3")
    with open_store(settings, write=True) as store:
        assert drain_now(settings, store).rebuilt == ANOTHER_LOG
    assert [hit.document["owner"] for hit in open_engine(settings).search(SearchRequest()).hits] == ["first"]


def test_an_index_that_could_not_be_built_anew_is_built_the_next_time(two_homes, monkeypatch):
    for settings in two_homes:
        with open_store(settings, write=True) as store:
            commit(store, change("a", owner=settings.home.name))
            drain_now(settings, store)
    first, _ = two_homes

    def full(*_, **__):
        raise EngineUnavailable("tantivy", "the disk is full.")

    with open_store(first, write=True) as store:
        with monkeypatch.context() as patched:
            patched.setattr(TantivyWriter, "rebuild", full)
            assert "disk is full" in (drain_now(first, store).unavailable or "")
        assert drain_now(first, store).rebuilt == ANOTHER_INDEX
    assert [hit.document["owner"] for hit in open_engine(first).search(SearchRequest()).hits] == ["second"]


def test_changes_that_another_index_took_during_a_drain_are_found_out(two_homes, monkeypatch):
    first, second = two_homes
    with open_store(first, write=True) as store, open_store(second, write=True) as other:
        commit(store, change("a"))
        drain_now(first, store)
        commit(store, change("a", owner="new"))

        def other_first(waiting, writer):
            monkeypatch.setattr(draining, "drain", drain)
            drain_now(second, other)
            return drain(waiting, writer)

        monkeypatch.setattr(draining, "drain", other_first)
        drain_now(first, store)
        assert drain_now(first, store).rebuilt == ANOTHER_INDEX
        assert drain_now(second, other).rebuilt is None  # it had all of it
        assert drain_now(first, store).rebuilt is None
        assert [hit.document["owner"] for hit in open_engine(first).search(SearchRequest()).hits] == ["new"]


def test_an_index_that_was_built_while_models_were_committed_is_not_built_once_more(
    settings, store, monkeypatch
):
    """The drain after the rebuild took them up and kept no note of it: the next one believed that another index had them."""

    def rebuilt_meanwhile(*arguments):
        report = rebuild(*arguments)
        commit(store, change("b"))
        return report

    commit(store, change("a"))
    monkeypatch.setattr(draining, "rebuild", rebuilt_meanwhile)
    assert drain_now(settings, store).indexed == 2
    assert drain_now(settings, store).rebuilt is None
    assert total(settings) == 2


def test_a_roll_back_brings_the_earlier_index_and_what_changed_since(settings, store):
    commit(store, change("a"))
    drain_now(settings, store)
    assert modeldex(settings, "reindex").exit_code == 0
    commit(store, change("b"))
    drain_now(settings, store)
    rolled = modeldex(settings, "reindex", "--roll-back")
    assert (rolled.exit_code, "2 models wait" in rolled.stdout) == (0, True), rolled.output
    assert total(settings) == 1
    assert drain_now(settings, store).waiting == 0
    assert total(settings) == 2


def test_a_roll_back_without_an_earlier_index_is_one_sentence(settings, store):
    commit(store, change("a"))
    drain_now(settings, store)
    with pytest.raises(EngineUnavailable, match="no earlier index"), closing(open_writer(settings)) as writer:
        writer.roll_back()
    rolled = modeldex(settings, "reindex", "--roll-back")
    assert rolled.exit_code == 1
    assert store.consumer("index").size() == 0


def test_a_crawl_ends_with_one_and_the_reason_while_models_wait(settings, tmp_path):
    models = tmp_path / "models"
    models.mkdir()
    (models / "tiny.safetensors").write_bytes(SAFETENSORS)
    with closing(open_writer(settings)):  # another process writes the index
        crawled = modeldex(settings, "crawl", str(models), "--json")
    assert crawled.exit_code == 1
    said = json.loads(crawled.stdout)
    assert said["waiting_for_index"] == 1
    assert "another process writes" in said["index_problem"]
    assert crawled.stderr.count("\n") == 2
    assert "1 model waits for the index" in crawled.stderr
    again = modeldex(settings, "crawl", str(models), "--json")
    said = json.loads(again.stdout)
    assert (again.exit_code, said["waiting_for_index"], said["opened"]) == (0, 0, 0)
    assert total(settings) == 1


def test_two_rebuilds_at_once_are_one_and_a_sentence(settings, store):
    """On Elasticsearch each once swept away the index that the other was loading."""
    commit(store, change("a"))
    code = f"""
import time
from pathlib import Path
from catalog.settings import Settings
from catalog.store import open_store
from indexer.rebuild import REBUILD
with open_store(Settings(home=Path({str(settings.home)!r})), write=True) as store, store.lease(REBUILD):
    print("held", flush=True)
    time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as other:
        try:
            assert other.stdout.readline() == "held\n"
            second = CliRunner().invoke(cli, ["--home", str(settings.home), "reindex"])
            report = drain_now(settings, store)
        finally:
            other.kill()
    assert isinstance(second.exception, WriterBusy)
    assert report.waiting == 1
    assert "Another Modeldex process" in report.unavailable
    assert drain_now(settings, store).indexed == 1  # the other one is dead
