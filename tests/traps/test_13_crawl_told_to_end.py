"""A crawl that is told to end, at whatever moment, puts away what it has read and leaves no lock behind."""

import itertools
import sqlite3

import pytest
from fixtures.crawling import safetensors
from sqlalchemy import text

from catalog.records import RunState
from catalog.store import database, manifest, sightings


@pytest.fixture
def impatient(monkeypatch):
    """Whoever waits for a lock of this process itself waits in vain; it was a minute."""
    monkeypatch.setattr(database, "BUSY_TIMEOUT_MS", 200)


MOMENTS = {
    "while-sightings-are-noted": (sightings, "insert_ignoring", 3),
    "while-readings-are-written": (manifest, "upsert", 4),
}


@pytest.mark.parametrize(("room", "name", "turn"), MOMENTS.values(), ids=MOMENTS)
def test_an_interrupt_inside_a_transaction_locks_nobody_out(impatient, shop, monkeypatch, room, name, turn):
    """`database is locked` came of it: the noting of what was listed held the lock that the last page waited for."""
    monkeypatch.setattr("crawler.stages.reading.BATCH_OBJECTS", 5)
    monkeypatch.setattr("crawler.stages.reading.PAGE_OBJECTS", 7)
    for number in range(30):
        shop.put(f"d{number}/m.safetensors", safetensors(values=number + 1))
    turns = itertools.count(1)
    does = getattr(room, name)

    def interrupted(*args, **options):
        does(*args, **options)
        if next(turns) == turn:
            raise KeyboardInterrupt

    monkeypatch.setattr(room, name, interrupted)
    with pytest.raises(KeyboardInterrupt):
        shop.crawl()
    assert shop.store.runs.latest(1)[0].state is RunState.INTERRUPTED
    with sqlite3.connect(shop.settings.home / "store.sqlite3", timeout=0) as other:
        other.execute("BEGIN IMMEDIATE")
    report = shop.crawl()
    assert (report.run.state, report.counts["models"]) == (RunState.COMPLETE, 30)
    assert report.counts["opened"] < 30


def test_an_interrupt_that_leaves_a_transaction_open_does_not_keep_the_cleaning_up_waiting(impatient, shop):
    """`reindex` hung for a minute after Ctrl-C, which came as a `with` was left: its connection was open, and kept by the
    traceback, while the lease was to be given back.
    """

    def leaves_it_open():
        connection = shop.store._engine.connect()
        connection.execute(text("SELECT 1"))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), shop.store.lease("rebuild"):
        leaves_it_open()
    with shop.store.lease("rebuild"):
        pass
