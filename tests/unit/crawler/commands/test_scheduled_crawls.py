"""The worker without paths: every source when it is due, as the rows say at that moment."""

import json
import re
import signal
import subprocess
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from fixtures.crawling import safetensors
from fixtures.patience import PATIENCE_SECONDS, wait_until
from fixtures.ports import free_port
from fixtures.warm_python import warm_python

from catalog.records import RunState
from catalog.records.objects import SourceId
from catalog.records.sources import SourceDefinition, SourceRow
from catalog.settings import Settings
from catalog.store import open_store
from catalog.store.standing import StandingStore
from crawler.commands.scheduled_crawls import Past, ScheduledWorker
from crawler.event_bodies import Hint
from crawler.event_inbox import note_hints
from crawler.settings import EventSettings

NOW = datetime(2024, 1, 2, 12, tzinfo=UTC)


def row(name, schedule=None):
    uri = f"file:///{name}"
    return SourceRow(
        id=SourceId(uri), uri=uri, address=uri, definition=SourceDefinition(name=name, schedule=schedule)
    )


DUE = {
    "never crawled": ("0 0 1 1 *", None, True),
    "interval over": ("every 1h", timedelta(minutes=61), True),
    "interval not over": ("every 1h", timedelta(minutes=59), False),
    "default interval over": (None, timedelta(seconds=900), True),
    "default interval not over": (None, timedelta(seconds=899), False),
    "cron time passed": ("0 3 * * *", timedelta(hours=10), True),
    "a clock that was a year ahead": ("every 1h", timedelta(days=-365), True),
    "another machine's clock, a minute ahead": ("every 1h", timedelta(minutes=-1), False),
    "cron time not yet": ("0 3 * * *", timedelta(hours=8), False),
}


@pytest.mark.parametrize(("schedule", "ago", "due"), DUE.values(), ids=DUE)
def test_a_source_is_due_by_the_start_of_its_last_run(tmp_path, schedule, ago, due):
    worker = ScheduledWorker(Settings(home=tmp_path), every_seconds=900, at_once=2)
    source = row("a", schedule)
    started = {} if ago is None else {source.id: NOW - ago}
    moments = worker._due({source.id: source}, Past(started=started), NOW)
    assert [each for each, moment in moments.items() if moment <= NOW] == [source.id] * due


BROKEN_OFF = {
    "once, a minute ago": (1, timedelta(seconds=60), True),
    "once, just now": (1, timedelta(seconds=59), False),
    "five times": (5, timedelta(minutes=16), True),
    "five times, and not long enough ago": (5, timedelta(minutes=15), False),
    "so often that the schedule is sooner": (10_000, timedelta(days=1), True),
    "so often that the schedule comes first": (10_000, timedelta(hours=23), False),
}


@pytest.mark.parametrize(("times", "ago", "due"), BROKEN_OFF.values(), ids=BROKEN_OFF)
def test_a_crawl_that_came_to_no_end_is_due_again_soon_and_ever_later(tmp_path, times, ago, due):
    """A machine without power for a moment left a source half crawled until the next day."""
    worker = ScheduledWorker(Settings(home=tmp_path), every_seconds=900, at_once=2)
    source = row("a", "every 1d")
    past = Past(started={source.id: NOW - ago}, broken_off={source.id: times})
    assert [moment <= NOW for moment in worker._due({source.id: source}, past, NOW).values()] == [due]


def test_runs_that_came_to_no_end_count_until_one_does_and_not_while_they_are_under_way(tmp_path):
    source = row("a")
    with open_store(Settings(home=tmp_path), write=True) as store:
        for _ in range(2):  # the first is found to be dead by the second
            with store.source_lease(source.id) as lease:
                store.runs.start(source.id, source.uri, lease)
                assert Past.of(store).broken_off == {}
        assert Past.of(store).broken_off == {source.id: 2}
        assert [each.broken_off for each in store.health.report().sources] == [2]
        with store.source_lease(source.id) as lease:
            run = store.runs.start(source.id, source.uri, lease)
            store.runs.finish(run, RunState.FAILED, {}, [])
        assert Past.of(store).broken_off == {}
        with store.source_lease(source.id) as lease:
            store.runs.start(source.id, source.uri, lease)
        assert Past.of(store).broken_off == {source.id: 1}


def test_the_longest_overdue_begins(tmp_path):
    worker = ScheduledWorker(Settings(home=tmp_path), every_seconds=900, at_once=1)
    rows = {each.id: each for each in (row("late"), row("later"), row("never"))}
    late, later, never = rows
    started = {late: NOW - timedelta(hours=1), later: NOW - timedelta(hours=2)}
    worker._scheduler.start(paused=True)
    for source, moment in worker._due(rows, Past(started=started), NOW).items():
        worker._plan_crawl(source, moment)
    assert [job.id for job in worker._scheduler.get_jobs()] == [never, later, late]
    worker._scheduler.shutdown()


@pytest.mark.parametrize("clocks", [0, 300], ids=["one-clock", "asked-by-a-machine-ahead"])
def test_what_somebody_asks_for_is_due_at_once_and_tried_once(tmp_path, monkeypatch, clocks):
    """Where the clock of the page's machine was ahead, a source that could not be opened was tried again until that time."""
    settings = Settings(home=tmp_path)
    worker = ScheduledWorker(settings, every_seconds=900, at_once=1)
    source = row("a", "every 1d")
    monkeypatch.setattr(worker, "_crawl_source", lambda _: 2)
    with open_store(settings, write=True) as store:
        store.sources.put([source])
        monkeypatch.setattr("catalog.store.sources.datetime", AheadBy(clocks))
        store.sources.ask(source.id)
        worker._take_turn(source.id)
        assert store.sources.asked() == {}


class AheadBy:
    """The clock of another machine."""

    def __init__(self, seconds):
        self._seconds = seconds

    def now(self, zone):
        return datetime.now(zone) + timedelta(seconds=self._seconds)


def test_a_queue_that_is_empty_and_does_not_wait_is_not_asked_without_a_pause(tmp_path, monkeypatch, caplog):
    """It took a processor, and a request each moment. An answer that nobody had thought of ended the thread for good."""
    worker = ScheduledWorker(Settings(home=tmp_path), every_seconds=900, at_once=1)
    turns = iter([[], ZeroDivisionError()])
    rests = []

    class Empty:
        def receive(self):
            turn = next(turns)
            if isinstance(turn, Exception):
                raise turn
            return turn

        def ack(self, messages): ...

    def rest(seconds):
        rests.append(seconds)
        if len(rests) == 2:
            worker.stop()

    monkeypatch.setattr("crawler.queues.opening.open_queue", lambda _: Empty())
    monkeypatch.setattr(worker._stop, "wait", rest)
    worker._follow_queue(EventSettings(queue_url="https://queue"))
    assert (rests, caplog.messages) == ([1.0, 10.0], ["queue not followed reason=ZeroDivisionError"])


def test_what_is_done_again_and_again_outlives_an_error(tmp_path, caplog):
    """A thread that died silently would leave events, or webhooks, undone until the worker is started anew."""
    worker = ScheduledWorker(Settings(home=tmp_path), every_seconds=900, at_once=1)
    turns = []

    def fail():
        turns.append(1)
        if len(turns) == 3:
            worker.stop()
        raise ZeroDivisionError

    worker._repeat("news", 0.001, fail)
    worker._rounds[0].join()
    assert (len(turns), caplog.messages) == (3, ["news failed reason=ZeroDivisionError"])


def test_a_crawl_that_takes_longer_than_its_interval_is_followed_at_once(tmp_path):
    """APScheduler's own triggers would wait for the next full interval (its issues 977 and 1095)."""
    worker = ScheduledWorker(Settings(home=tmp_path), every_seconds=900, at_once=1)
    source = row("a", "every 1h")
    started = {source.id: NOW - timedelta(minutes=90)}
    assert worker._due({source.id: source}, Past(started=started), NOW)[source.id] == NOW - timedelta(
        minutes=30
    )


def modeldex(home, *arguments):
    done = subprocess.run(
        [*warm_python(), "-m", "catalog", "--home", home, *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def worker(home, *arguments, log):
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*warm_python(), "-m", "catalog", "--home", home, "worker", *arguments],
            stderr=output,
            stdout=output,
        )
        try:
            yield process
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE_SECONDS) == 0
        finally:
            process.kill()
            process.wait()


def test_the_worker_crawls_what_is_added_and_leaves_out_what_is_disabled(tmp_path):
    home, log = tmp_path / "home", tmp_path / "log"
    for number, name in enumerate(("lab", "archive", "off")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "net.safetensors").write_bytes(safetensors(values=4 + number))
    modeldex(home, "sources", "add", tmp_path / "lab", "--name", "lab", "--schedule", "every 2s")
    modeldex(home, "sources", "add", tmp_path / "off", "--name", "off")
    modeldex(home, "sources", "set", "off", "--disable")
    with worker(home, log=log):
        wait_until(lambda: log.read_text().count("crawl ended source=lab exit_code=0") >= 2)
        modeldex(home, "sources", "add", tmp_path / "archive", "--name", "archive")
        wait_until(lambda: "crawl ended source=archive exit_code=0" in log.read_text())
    text = log.read_text()
    assert "source=off" not in text
    assert len(re.findall("crawl started source=archive", text)) == 1
    assert "worker stopped" in text
    rows = {each["name"]: each["models"] for each in json.loads(modeldex(home, "sources", "list", "--json"))}
    assert rows == {"lab": 1, "archive": 1, "off": 0}


def test_a_source_that_cannot_be_opened_is_not_tried_every_second(tmp_path):
    home, log = tmp_path / "home", tmp_path / "log"
    (tmp_path / "lab").mkdir()
    modeldex(home, "sources", "add", tmp_path / "lab", "--name", "lab")
    (tmp_path / "lab").rmdir()
    with worker(home, log=log):
        wait_until(lambda: "crawl ended source=lab exit_code=2" in log.read_text())
        time.sleep(2.5)
    assert log.read_text().count("crawl started source=lab") == 1
    (run,) = json.loads(modeldex(home, "runs", "--json"))
    assert (run["state"], "does not exist" in run["problems"][0]) == ("failed", True)


def test_a_worker_without_sources_says_so_once_and_waits(tmp_path):
    with worker(tmp_path / "home", log=tmp_path / "log"):
        wait_until(lambda: "there are no sources to crawl" in (tmp_path / "log").read_text())
        time.sleep(2.5)
    assert (tmp_path / "log").read_text().count("modeldex sources add ADDRESS") == 1


def test_a_store_that_is_away_is_told_once_until_it_is_back(tmp_path, caplog):
    """A worker wrote five lines a second for as long as PostgreSQL was away."""
    away = ScheduledWorker(
        Settings(home=tmp_path, database_url=f"postgresql://us:pw@127.0.0.1:{free_port()}/x"),
        every_seconds=900,
        at_once=1,
    )
    for do in (away._take_events, away._tell) * 3:
        do()
    assert [message.split(" reason=")[0] for message in caplog.messages] == [
        "events not taken",
        "webhooks not told",
    ]
    away._events = StandingStore(Settings(home=tmp_path))
    away._take_events()
    away._events.close()
    away._events = StandingStore(away._settings)
    away._take_events()
    assert len(caplog.messages) == 3


def test_an_event_is_found_by_a_search_long_before_the_next_crawl(tmp_path):
    home, log = tmp_path / "home", tmp_path / "log"
    (tmp_path / "lab").mkdir()
    (tmp_path / "lab/net.safetensors").write_bytes(safetensors(values=4))
    modeldex(home, "sources", "add", tmp_path / "lab", "--name", "lab", "--schedule", "every 1d")
    with worker(home, log=log), open_store(Settings(home=home), write=True) as store:
        wait_until(lambda: "crawl ended source=lab exit_code=0" in log.read_text())
        (tmp_path / "lab/new.safetensors").write_bytes(safetensors(values=7))
        note_hints(store, [Hint("", "new.safetensors", "lab")])
        wait_until(lambda: "events taken" in log.read_text())
        wait_until(lambda: "new" in modeldex(home, "search", "parameters:7", "--json"), pause_seconds=0.2)
    assert log.read_text().count("crawl started source=lab") == 1
