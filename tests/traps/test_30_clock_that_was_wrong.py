"""A clock that was wrong once turns nothing into gone."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from catalog.store.codec import instant
from catalog.store.tables import records, runs
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
