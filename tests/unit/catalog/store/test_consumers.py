"""Consumers of revisions: cursors of their own, work shared by several processes, nothing lost and nothing twice."""

import json
import subprocess
import threading
import time
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fixtures.warm_python import warm_python
from sqlalchemy import update

from catalog.errors import StoreError
from catalog.records import ModelRecord, SourceId, model_id
from catalog.search.engine import IndexOutcome
from catalog.settings import Settings
from catalog.settings.core import DatabaseSettings
from catalog.store import INDEX, consumers, open_store
from catalog.store.batch import RecordBatch
from catalog.store.database import begin_commit
from catalog.store.records import RecordChange
from catalog.store.revision_log import append
from catalog.store.tables import deliveries, revisions

ROOM = Path(__file__).parents[4]
SOURCE = SourceId("file:///models")


def change(path, **document):
    model = model_id(SOURCE, path)
    content = {"id": model, "name": path, "uri": f"file:///models/{path}", "status": "ok", **document}
    record = ModelRecord(id=model, source=SOURCE, group_key=path, document=content, file_keys=(path,))
    return RecordChange(record=record, signature=str(document))


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request, tmp_path):
    url = "" if request.param == "sqlite" else request.getfixturevalue("postgresql_url")
    return Settings(home=tmp_path, database_url=url)


@pytest.fixture
def store(settings):
    with open_store(settings, write=True) as opened:
        yield opened


@pytest.fixture
def other(settings, store):
    """The same store, opened once more: another worker of each consumer."""
    with open_store(settings, write=True) as opened:
        yield opened


def commit(store, *changes):
    with store.source_lease(SOURCE) as lease:
        return store.records.commit(changes, lease=lease)


def forget(store, path):
    with store.source_lease(SOURCE) as lease:
        run = store.runs.start(SOURCE, SOURCE, lease)
        store.records.mark({model_id(SOURCE, path): "gone"}, lease=lease, run=run.id)


def done(actions):
    return IndexOutcome(done=[action.id for action in actions])


def names(actions):
    return [action.document["name"] for action in actions]


class FileSink:
    """A consumer that writes every state that it is given as one line of a file."""

    def __init__(self, path, name="sink"):
        self.path, self.name = path, name

    def follow(self, store):
        consumer = store.consumer(self.name)
        while actions := consumer.claim(2):
            with self.path.open("a") as file:
                for action in actions:
                    document = action.document
                    print(json.dumps([action.id, action.revision, document is None]), file=file)
            consumer.settle(actions, done(actions))

    def lines(self):
        return [tuple(json.loads(line)) for line in self.path.read_text().splitlines()]


def test_a_second_consumer_sees_every_revision_whatever_the_index_does(store, tmp_path):
    sink = FileSink(tmp_path / "sink")
    store.consumer("sink").register()
    for number in (1, 2, 3):
        commit(store, change("a", parameters=number), change("b"))
        sink.follow(store)
    forget(store, "a")
    sink.follow(store)
    a, b = model_id(SOURCE, "a"), model_id(SOURCE, "b")
    assert [line for line in sink.lines() if line[0] == b] == [(b, 1, False)]
    assert [line for line in sink.lines() if line[0] == a] == [
        (a, 1, False),
        (a, 2, False),
        (a, 3, False),
        (a, 4, True),
    ]
    assert (store.consumer("sink").size(), store.consumer(INDEX).size()) == (0, 2)
    store.consumer(INDEX).settle([], IndexOutcome())
    assert sorted(action.revision for action in store.consumer(INDEX).claim()) == [1, 4]


def test_a_consumer_begins_with_all_or_with_what_comes_from_now_on(store):
    commit(store, change("a"))
    store.consumer("all").register()
    store.consumer("news").register(from_now=True)
    commit(store, change("b"))
    store.consumer("news").register()  # once more changes nothing
    assert [store.consumer(name).size() for name in ("all", "news")] == [2, 1]
    assert names(store.consumer("all").claim()) == ["a", "b"]
    assert names(store.consumer("news").claim()) == ["b"]


def test_a_consumer_that_nobody_registered_is_refused_by_name(store):
    with pytest.raises(StoreError, match="'strange'"):
        store.consumer("strange").claim()


def test_a_model_that_changed_often_is_one_model_that_waits_and_one_action(store):
    for number in range(5):
        commit(store, change("a", parameters=number), change("b"))
    index = store.consumer(INDEX)
    assert index.size() == 2
    assert [(action.document["name"], action.revision) for action in index.claim(1)] == [("b", 1)]
    assert index.size() == 2
    assert sorted(names(index.claim())) == ["a", "b"]


def test_what_waits_is_counted_exactly_through_every_state(store):
    index, sizes = store.consumer(INDEX), []
    commit(store, *(change(name) for name in "abcd"))
    actions = index.claim()
    sizes.append(index.size())
    a, b, c, d = (action.id for action in actions)
    index.settle(actions, IndexOutcome(done=[a], rejected={b: "never"}, retry={c: "later", d: "later"}))
    sizes.append(index.size())
    commit(store, change("b", parameters=2), change("c", parameters=2))
    sizes.append(index.size())
    troubles = [(trouble.models, trouble.reason, trouble.final) for trouble in index.troubles()]
    actions = index.claim()
    index.settle(actions, done(actions))
    sizes.append(index.size())
    assert sizes == [4, 2, 3, 1]
    assert troubles == [(1, "later", False)]
    assert sorted(names(actions)) == ["b", "c"]
    assert index.dead_letters() == []


def test_two_workers_share_the_work(store, other):
    commit(store, *(change(f"m{number}") for number in range(10)))
    one, two = store.consumer(INDEX), other.consumer(INDEX)
    first, second = one.claim(4), two.claim(4)
    third = one.claim(4)  # what it has not settled comes again
    assert {action.id for action in first}.isdisjoint(action.id for action in second)
    assert {action.id for action in third} == {action.id for action in first}
    one.settle(first, done(first))
    rest = one.claim(4)
    assert len({action.id for action in [*first, *second, *rest]}) == 10
    one.settle(rest, done(rest))
    assert (one.claim(), one.size()) == ([], 4)
    two.settle(second, done(second))
    assert two.size() == 0


def test_what_a_worker_releases_is_free_for_others(store, other):
    commit(store, change("a"))
    store.consumer(INDEX).claim()
    assert other.consumer(INDEX).claim() == []
    store.consumer(INDEX).release()
    assert names(other.consumer(INDEX).claim()) == ["a"]


KILLED = """
import os, sys
from pathlib import Path
from catalog.settings import Settings
from catalog.settings.core import DatabaseSettings
from catalog.store import open_store
with open_store(Settings(home=Path(sys.argv[1]), database_url=sys.argv[2]), write=True) as store:
    print(len(store.consumer("index").claim(3)), flush=True)
    os.kill(os.getpid(), 9)
"""


def run(code, settings, *arguments):
    return [
        *warm_python(),
        "-c",
        code,
        str(settings.home),
        settings.section(DatabaseSettings).url,
        *map(str, arguments),
    ]


def test_what_a_worker_claimed_and_was_killed_over_is_taken_up_at_once(store, settings):
    commit(store, *(change(name) for name in "abcd"))
    died = subprocess.run(run(KILLED, settings), cwd=ROOM, capture_output=True, text=True, check=False)
    assert (died.returncode, died.stdout) == (-9, "3\n")
    index = store.consumer(INDEX)
    assert index.size() == 4
    assert sorted(names(index.claim())) == ["a", "b", "c", "d"]


def test_the_claim_of_a_worker_elsewhere_is_taken_up_when_it_is_too_old(store, other):
    commit(store, change("a"))
    store.consumer(INDEX).claim()
    elsewhere = json.dumps({"pid": 1, "host": "elsewhere", "since": "now", "started": "1"})
    with store._engine.begin() as connection:
        connection.execute(update(deliveries).values(claimed_by=elsewhere))
    assert other.consumer(INDEX).claim() == []
    expire_claims(store)
    assert names(other.consumer(INDEX).claim()) == ["a"]


def test_a_model_that_changes_in_the_hands_of_a_worker_comes_after_that_for_any_worker(store, other):
    """Two workers with two states of one model at once could deliver the older one last."""
    commit(store, change("a", parameters=1))
    slow, fast = store.consumer(INDEX), other.consumer(INDEX)
    old = slow.claim()
    commit(store, change("a", parameters=2), change("b"))
    assert names(fast.claim()) == ["b"]
    slow.settle(old, IndexOutcome(rejected={old[0].id: "too long"}))
    assert slow.dead_letters() == []
    assert [(action.document["name"], action.revision) for action in slow.claim()] == [("a", 2)]


def expire_claims(store):
    with store._engine.begin() as connection:
        connection.execute(update(deliveries).values(claimed_until=time.time() - 1))


def test_a_model_that_changes_twice_in_the_hands_of_a_worker_is_delivered_once_more(store, other):
    """Of two changes the cursor had passed the first: the second was due at once, and again when the cursor came by."""
    ours, theirs = store.consumer(INDEX), other.consumer(INDEX)
    commit(store, change("a", parameters=1))
    held = ours.claim(1)
    commit(store, change("a", parameters=2))
    assert theirs.claim(1) == []  # somebody works on it
    commit(store, change("a", parameters=3))
    ours.settle(held, done(held))
    again = theirs.claim(1)
    assert [action.revision for action in again] == [3]
    theirs.settle(again, done(again))
    assert ours.claim(1) == theirs.claim(1) == []
    assert ours.size() == 0


def test_what_every_crawl_changes_goes_to_no_consumer(store):
    """An index told when a model was last seen as it was when the model last changed."""
    commit(store, change("a"))
    (action,) = store.consumer(INDEX).claim()
    assert "last_seen" not in action.document
    assert store.records.get(action.id).document["last_seen"]


def test_a_worker_that_comes_too_late_does_not_end_the_claim_of_another(store, other):
    commit(store, change("a"))
    late, punctual = store.consumer(INDEX), other.consumer(INDEX)
    actions = late.claim()
    expire_claims(store)
    assert punctual.claim() == actions
    late.settle(actions, IndexOutcome(rejected={actions[0].id: "too long"}))
    assert (late.dead_letters(), late.size()) == ([], 1)
    punctual.settle(actions, done(actions))
    assert late.size() == 0


def test_an_older_state_that_came_after_a_newer_one_is_followed_by_the_newer_one_again(store, other):
    """Elasticsearch forgets the version of a deleted document in a minute: an older state would bring it back."""
    commit(store, change("a"))
    late, punctual = store.consumer(INDEX), other.consumer(INDEX)
    old = late.claim()
    expire_claims(store)
    forget(store, "a")
    new = punctual.claim()
    punctual.settle(new, done(new))
    assert punctual.size() == 0
    late.settle(old, done(old))
    assert [(action.revision, action.document) for action in punctual.claim()] == [(2, None)]


def test_a_flag_of_before_that_came_last_is_followed_by_the_present_one(store, other):
    """A model that is the latest no more has the revision that it had: an engine takes the older state of it, too, and
    `is:latest` found both until the next change of the model.
    """
    commit(store, change("v1", name="x", version="1"))
    late, punctual = store.consumer(INDEX), other.consumer(INDEX)
    old = late.claim()
    commit(store, change("v2", name="x", version="2"))
    new = punctual.claim()
    punctual.settle(new, done(new))
    assert punctual.size() == 0
    late.settle(old, done(old))
    (again,) = punctual.claim()
    assert (again.id, again.document.get("flags")) == (model_id(SOURCE, "v1"), None)
    punctual.settle([again], done([again]))
    late.settle([again], done([again]))  # it stands as it was delivered
    assert punctual.size() == 0


def test_a_commit_and_a_worker_that_note_the_same_models_do_not_wait_for_each_other(
    store, other, monkeypatch
):
    """PostgreSQL ended one of the two as a deadlock, and with it the crawl: each held a delivery that the other was to write."""
    paths = sorted("abcdef", key=lambda path: model_id(SOURCE, path))
    commit(store, *(change(path, name=path, version="1") for path in reversed(paths)))
    first_noted, is_worker, claimed = threading.Event(), threading.local(), []
    upsert = consumers.upsert

    def one_by_one(connection, table, rows, **options):
        for page in [[row] for row in rows] if getattr(is_worker, "here", False) else [rows]:
            upsert(connection, table, page, **options)
            first_noted.set()
            time.sleep(0.05)

    def claim():
        is_worker.here = True
        claimed.extend(store.consumer(INDEX).claim())

    monkeypatch.setattr(consumers, "upsert", one_by_one)
    worker = threading.Thread(target=claim)
    worker.start()
    first_noted.wait()
    commit(other, *(change(f"{path}2", name=path, version="2") for path in paths))
    worker.join()
    assert sorted(names(claimed)) == sorted(paths)


def test_everything_again_takes_up_gone_models_too_and_each_once(store):
    for number in range(3):
        commit(store, change("a", parameters=number), change("b"))
    forget(store, "b")
    index = store.consumer(INDEX)
    actions = index.claim()
    index.settle(actions, done(actions))
    assert index.all_again() == 2
    assert {(action.revision, action.document is None) for action in index.claim()} == {(3, False), (2, True)}


def test_a_revision_that_is_committed_late_is_not_passed_by(tmp_path, postgresql_url):
    """A number of a sequence is drawn before it is committed: a cursor once could pass the number of a slow transaction."""
    settings = Settings(home=tmp_path, database_url=postgresql_url)
    with open_store(settings, write=True) as store, open_store(settings, write=True) as other:
        commit(store, change("slow"), change("fast"))
        index = store.consumer(INDEX)
        actions = index.claim()
        index.settle(actions, done(actions))
        row = {"number": 9, "made_by": "test", "made_at": "", "document": b""}
        row |= dict.fromkeys(("sha256", "chain_sha256", "sealed_sha256"), "")
        both_open, committed = threading.Event(), []

        def commit_fast():
            both_open.set()
            with other._engine.begin() as connection:
                append(connection, [{**row, "model": "fast"}])
            committed.append("fast")

        with store._engine.connect() as slow:
            append(slow, [{**row, "model": "slow"}])
            thread = threading.Thread(target=commit_fast)
            thread.start()
            both_open.wait()
            thread.join(0.5)
            assert committed == []  # the higher number waits for the lower one
            assert index.claim() == []
            slow.commit()
        thread.join()
        with store._engine.connect() as connection:
            order = connection.execute(
                revisions.select().where(revisions.c.number == 9).order_by(revisions.c.serial)
            )
            assert [found.model for found in order] == ["slow", "fast"]
        assert index.size() == 2


def test_changes_of_two_sources_take_turns_or_copies_would_not_see_each_other(store, other):
    """Of two copies that are committed at the same time, each would be without the other for ever."""
    copy, committed = replace(change("copy"), fingerprint="f1"), threading.Event()

    def commit_copy():
        commit(other, copy)
        committed.set()

    with store.lease("other source") as lease:
        with begin_commit(store._engine) as connection:
            thread = threading.Thread(target=commit_copy)
            thread.start()
            assert not committed.wait(0.5)
            batch = RecordBatch(connection, now=datetime.now(UTC), made_by="crawl")
            batch.put([replace(change("first"), fingerprint="f1")])
            batch.settle_copies()
            batch.write()
            lease.check(connection)
        thread.join()
    groups = {
        store.records.get(model_id(SOURCE, name)).document["duplicate_group"] for name in ("first", "copy")
    }
    assert groups == {"f1"}


DRAINING = """
import json, os, sys, time
from pathlib import Path
from catalog.search.engine import IndexOutcome
from catalog.settings import Settings
from catalog.settings.core import DatabaseSettings
from catalog.store import open_store
home, url, sink, stop, dies = sys.argv[1:]
with open_store(Settings(home=Path(home), database_url=url), write=True) as store:
    index = store.consumer("index")
    while True:
        ending = Path(stop).exists()
        actions = index.claim(7)
        if actions and dies == "dies":
            os.kill(os.getpid(), 9)
        with open(sink, "a") as file:
            for action in actions:
                file.write(json.dumps([action.id, action.revision]) + "\\n")
        index.settle(actions, IndexOutcome(done=[action.id for action in actions]))
        if ending and not actions:
            break
        time.sleep(0.001)
"""


def test_several_processes_drain_one_consumer_and_nothing_is_lost_or_twice(store, settings, tmp_path):
    """While models change, and one of the processes is killed with a batch in its hands."""
    stop, sink = tmp_path / "stop", tmp_path / "sink"
    with ExitStack() as ending:
        processes = []
        for fate in ("dies", "lives", "lives"):
            processes.append(subprocess.Popen(run(DRAINING, settings, sink, stop, fate), cwd=ROOM))
            ending.callback(processes[-1].kill)
        rounds = 0
        while rounds < 15 or processes[0].poll() is None:
            rounds += 1
            commit(store, *(change(f"m{model}", parameters=rounds * (model % 3)) for model in range(12)))
        stop.touch()
        assert [process.wait(60) for process in processes] == [-9, 0, 0]
    models = list(store.records.iterate())
    revised = {(model.id, item.number) for model in models for item in store.records.history(model.id)}
    lines = [tuple(json.loads(line)) for line in sink.read_text().splitlines()]
    assert {(model.id, model.revision) for model in models} <= set(lines) <= revised
    assert len(lines) == len(set(lines))
    assert store.consumer(INDEX).size() == 0


def test_a_batch_that_a_broken_drain_held_is_free_at_once(store, other):
    from indexer.drain import drain
    from indexer.engines.memory import MemoryIndex, MemoryWriter

    class Broken(MemoryWriter):
        def write(self, actions):
            raise ZeroDivisionError

    commit(store, change("a"))
    with pytest.raises(ZeroDivisionError):
        drain(store.consumer(INDEX), Broken(MemoryIndex()))
    assert names(other.consumer(INDEX).claim()) == ["a"]


def test_the_pause_before_the_next_try_grows_up_to_five_minutes():
    assert 0.5 <= consumers._pause(0) <= 1
    assert 150 <= consumers._pause(30) <= 300
