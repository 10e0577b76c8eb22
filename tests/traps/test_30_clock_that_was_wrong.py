"""A clock that was wrong once turns nothing into gone, and nothing waits until the wrong time has come."""

import json
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from catalog.errors import WriterBusy
from catalog.search.engine import INDEX
from catalog.settings import Settings
from catalog.store.codec import instant
from catalog.store.tables import deliveries, event_hints, leases, records, runs, sessions
from crawler.commands.scheduled_crawls import Past, ScheduledWorker
from crawler.stages.judging import GRACE, trusted_time

NOW = datetime(2026, 5, 1, tzinfo=UTC)


def lost(shop):
    path = shop.model("a/model.safetensors")
    shop.model("b/model.safetensors", values=7)
    shop.crawl()
    path.unlink()
    assert shop.crawl().counts["missing"] == 1


def clock_was_off_until_now(shop, **off):
    """As if the clock had been wrong by so much in everything that happened until now."""
    shift = timedelta(**off)
    with shop.store._engine.begin() as connection:
        for table, names in ((runs, ("started_at", "finished_at")), (records, ("missing_since",))):
            for row in list(connection.execute(select(table))):
                moved = {
                    name: instant(datetime.fromisoformat(value) + shift)
                    for name in names
                    if (value := row._mapping[name])
                }
                if moved:
                    connection.execute(update(table).where(table.c.id == row.id).values(**moved))


@pytest.mark.parametrize("off", [{"days": -365}, {"days": -6 * 365}, {"days": 365}], ids=str)
def test_a_clock_that_is_set_right_makes_nothing_gone(shop, off):
    """In the past when the model went missing, as after a dead battery: set right, years seem to have gone by."""
    lost(shop)
    clock_was_off_until_now(shop, **off)
    assert shop.crawl().counts["gone"] == 0
    assert shop.crawl().counts["gone"] == 0
    assert shop.statuses()["a/model.safetensors"] == "missing"


def test_a_clock_that_jumps_ahead_needs_a_second_run_to_prove_it(shop):
    lost(shop)
    clock_was_off_until_now(shop, hours=-20)
    assert shop.crawl().counts["gone"] == 0
    assert shop.crawl().counts["gone"] == 1


def test_a_run_that_could_not_look_there_is_no_second_proof(shop):
    lost(shop)
    shop.source.unlistable["a"] = "Permission denied"
    shop.crawl()
    shop.source.unlistable.clear()
    clock_was_off_until_now(shop, hours=-20)
    assert shop.crawl().counts["gone"] == 0
    assert shop.crawl().counts["gone"] == 1


@pytest.mark.parametrize(
    ("hours", "trusted"),
    [
        ([0, 1], GRACE),
        ([0, 0.25, 0.5, 0.75, 1], GRACE),
        ([0, 24 * 365], GRACE / 2),
        ([0, 24 * 365, 24 * 365 + 0.01], GRACE / 2 + timedelta(hours=0.01)),
        ([0, -24 * 365, -24 * 365 + 1], GRACE),
        ([0, 24 * 7, 24 * 14], GRACE),
        ([5, 4, 3], timedelta()),
    ],
    ids=["an-hour", "quarters", "a-year", "a-year-and-little", "back", "weekly", "backwards"],
)
def test_time_is_what_runs_testify(hours, trusted):
    told = trusted_time([NOW + timedelta(hours=hour) for hour in hours])
    assert abs(told - trusted) < timedelta(seconds=1)


YEAR_SECONDS = 366 * 86_400.0
ELSEWHERE = json.dumps({"pid": 1, "host": "elsewhere", "since": "2031", "started": "1"})


def put(shop, table, **values):
    with shop.store._engine.begin() as connection:
        connection.execute(update(table).values(**values))


@pytest.mark.parametrize(("ahead", "is_over"), [(YEAR_SECONDS, True), (600, False)], ids=["year", "minutes"])
def test_a_lease_that_was_taken_by_a_wrong_clock_does_not_last_until_then(shop, ahead, is_over):
    """A worker that was killed on another machine, while its clock was a year ahead, locked everybody out for that year."""
    with shop.store.lease("crawl"):
        pass
    put(shop, leases, holder=ELSEWHERE, expires=time.time() + ahead)
    try:
        with shop.store.lease("crawl"):
            taken = True
    except WriterBusy:
        taken = False
    assert taken is is_over


@pytest.mark.parametrize(
    "values",
    [
        {"claimed_by": ELSEWHERE, "claimed_until": YEAR_SECONDS},
        {"claimed_by": None, "claimed_until": None, "next_try": YEAR_SECONDS},
    ],
    ids=["claimed", "put off"],
)
def test_a_model_that_a_wrong_clock_put_off_is_indexed_now(shop, values):
    """It was in no index for a year."""
    shop.model("a/model.safetensors")
    shop.crawl()
    index = shop.store.consumer(INDEX)
    assert len(index.claim()) == 1
    now = time.time()
    put(shop, deliveries, **{name: at + now if isinstance(at, float) else at for name, at in values.items()})
    shop.model("b/model.safetensors", values=7)
    shop.crawl()
    assert len(index.claim()) == 2


def test_an_event_of_a_wrong_clock_is_looked_at_now_and_hides_no_later_one(shop):
    """It waited a year; and one that came after the clock was set right was dropped with it, as if it were older."""
    shop.model("a/model.safetensors")
    shop.crawl()
    hint = (shop.source.id, "a/model.safetensors")
    shop.store.event_hints.note([hint])
    ahead = time.time() + YEAR_SECONDS
    put(shop, event_hints, noted_at=ahead, first_at=ahead, next_try=ahead)
    assert shop.store.event_hints.are_due()
    (looked_at,) = shop.store.event_hints.due().values()
    shop.store.event_hints.note([hint])
    shop.store.event_hints.taken(shop.source.id, looked_at)
    assert shop.store.event_hints.due()[shop.source.id].keys() == {"a/model.safetensors"}


def test_every_worker_goes_by_the_last_run_and_not_by_the_latest_time(shop):
    """For a year each worker, and each one anew after its start, took a source to be due that another had just crawled."""
    shop.model("a/model.safetensors")
    shop.crawl()
    put(shop, runs, started_at=instant(datetime.now(UTC) + timedelta(days=365)))
    second = shop.crawl()
    assert shop.store.sources.last_started() == {shop.source.id: second.run.started_at}
    assert shop.documents()["a/model.safetensors"]["last_seen"][:4] == str(second.run.started_at.year)


def test_what_is_asked_for_counts_whatever_the_clock_was_at_the_last_attempt(shop, tmp_path):
    worker = ScheduledWorker(Settings(home=tmp_path / "other"), every_seconds=900, at_once=1)
    shop.model("a/model.safetensors")
    shop.crawl()
    shop.store.sources.ask(shop.source.id)
    rows = {row.id: row for row in shop.store.sources.all()}
    now = datetime.now(UTC)
    worker._attempted[shop.source.id] = now + timedelta(days=365)
    past = replace(Past.of(shop.store), started={shop.source.id: now})
    assert worker._due(rows, past, now)[shop.source.id] < now


def test_a_session_that_began_under_a_wrong_clock_is_over_when_the_clock_is_right(shop):
    """It was good for the hours of a session after the wrong time, which is in a year."""
    user = shop.store.accounts.add("anna", "hash", [])
    assert shop.store.accounts.open_session(user.id, "digest", datetime.now(UTC) + timedelta(hours=8))
    assert shop.store.accounts.of_session("digest") is not None
    ahead = datetime.now(UTC) + timedelta(days=365)
    put(shop, sessions, created_at=instant(ahead), expires_at=instant(ahead + timedelta(hours=8)))
    assert shop.store.accounts.of_session("digest") is None
