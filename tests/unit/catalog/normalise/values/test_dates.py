from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from fixtures.normalise import NOW
from hypothesis import given
from hypothesis import strategies as st

from catalog.normalise.values.dates import read_date


@pytest.mark.parametrize(
    ("raw", "text", "precision"),
    [
        ("2024-01-01T00:30", "2024-01-01T00:30:00.000Z", "instant"),
        ("2024-01-01T00:30:00Z", "2024-01-01T00:30:00.000Z", "instant"),
        ("2023-05-17T10:00:00+02:00", "2023-05-17T08:00:00.000Z", "instant"),
        ("2023-05-17T10:00:00-0700", "2023-05-17T17:00:00.000Z", "instant"),
        ("2024-05-01T10:00:00.123456789Z", "2024-05-01T10:00:00.123Z", "instant"),
        ("2026-11-23 23:15:29.251796", "2026-11-23T23:15:29.251Z", "instant"),
        ("20240501T101112Z", "2024-05-01T10:11:12.000Z", "instant"),
        ("Thu Jan 12 10:00:00 2023", "2023-01-12T10:00:00.000Z", "instant"),
        ("Thu, 12 Jan 2023 00:00:00 GMT", "2023-01-12T00:00:00.000Z", "instant"),
        ("2023-05-17", "2023-05-17T00:00:00.000Z", "day"),
        ("20230115", "2023-01-15T00:00:00.000Z", "day"),
        (20230115, "2023-01-15T00:00:00.000Z", "day"),
        ("13/04/2023", "2023-04-13T00:00:00.000Z", "day"),
        ("04/13/2023", "2023-04-13T00:00:00.000Z", "day"),
        ("May 17, 2023", "2023-05-17T00:00:00.000Z", "day"),
        ("March 5th, 2023", "2023-03-05T00:00:00.000Z", "day"),
        ("5/17/2023, 7:08:09 PM", "2023-05-17T19:08:09.000Z", "instant"),
        ("2023-05-17 12:30:00 am", "2023-05-17T00:30:00.000Z", "instant"),
        ("May 17, 2023 12:30 PM UTC", "2023-05-17T12:30:00.000Z", "instant"),
        ("17th of May 2023", "2023-05-17T00:00:00.000Z", "day"),
        ("2023年5月17日", "2023-05-17T00:00:00.000Z", "day"),
        ("2023年5月", "2023-05-01T00:00:00.000Z", "month"),
        ("05/2023", "2023-05-01T00:00:00.000Z", "month"),
        ("2023-05", "2023-05-01T00:00:00.000Z", "month"),
        ("May 2023", "2023-05-01T00:00:00.000Z", "month"),
        ("2023", "2023-01-01T00:00:00.000Z", "year"),
        (2023, "2023-01-01T00:00:00.000Z", "year"),
        (1_700_000_000, "2023-11-14T22:13:20.000Z", "instant"),
        (1_700_000_000.5, "2023-11-14T22:13:20.500Z", "instant"),
        ("1700000000", "2023-11-14T22:13:20.000Z", "instant"),
        (1_700_000_000_123, "2023-11-14T22:13:20.123Z", "instant"),
        (1_700_000_000_123_456, "2023-11-14T22:13:20.123Z", "instant"),
        (1_700_000_000_123_456_789, "2023-11-14T22:13:20.123Z", "instant"),
    ],
)
def test_a_date_is_utc_with_the_precision_that_was_written(raw: Any, text: str, precision: str) -> None:
    reading = read_date(raw, now=NOW)
    assert (reading.text, reading.precision, reading.reason) == (text, precision, None)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("03/04/2023", "ambiguous"),
        ("1970-01-01", "missing"),
        ("1980-01-01T00:00:00", "missing"),
        (0, "missing"),
        ("0001-01-01", "missing"),
        ("1998", "implausible"),
        ("2099-01-01", "implausible"),
        ("0613", "implausible"),
        (9e18, "implausible"),
        ("2024-02-30", "unreadable"),
        ("soon", "unreadable"),
        (True, "unreadable"),
        (float("nan"), "unreadable"),
        ([], "unreadable"),
    ],
)
def test_a_date_that_cannot_be_used_says_why(raw: Any, reason: str) -> None:
    reading = read_date(raw, now=NOW)
    assert (reading.value, reading.reason) == (None, reason)


def test_a_date_without_zone_is_utc_and_says_so() -> None:
    assert read_date("2024-01-01T00:30", now=NOW).changes == ("date-assumed-utc",)


def test_a_local_clock_leaves_only_the_day() -> None:
    assert read_date("2024-01-01@23:30:00", now=NOW, local=True).precision == "day"


def test_the_clock_of_the_source_may_run_a_little_ahead() -> None:
    ahead = (NOW + timedelta(hours=1)).isoformat()
    assert read_date(ahead, now=NOW).reason is None


@given(st.one_of(st.text(max_size=40), st.integers(), st.floats(), st.booleans(), st.none()))
def test_reading_a_date_is_total(raw: Any) -> None:
    reading = read_date(raw, now=NOW)
    assert (reading.value is None) == (reading.reason is not None)


@given(
    st.datetimes(min_value=datetime(2006, 1, 1), max_value=datetime(2026, 11, 1)),  # noqa: DTZ001 - the zone is drawn beside it
    st.integers(min_value=-14 * 60, max_value=14 * 60),
)
def test_every_iso_instant_comes_back(naive: datetime, minutes: int) -> None:
    moment = naive.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    reading = read_date(moment.isoformat(), now=NOW)
    if moment.astimezone(UTC).year >= 2006:
        assert reading.value == moment
