"""When a source is due."""

from datetime import UTC, datetime

import pytest

from catalog.errors import UserError
from crawler.schedule import parse_schedule

LAST = datetime(2024, 2, 28, 23, 30, 10, tzinfo=UTC)  # a Wednesday

DUE = {
    "every 90s": "2024-02-28 23:31:40",
    "every 1h": "2024-02-29 00:30:10",
    "Every 2 d": "2024-03-01 23:30:10",
    "* * * * *": "2024-02-28 23:31:00",
    "*/15 * * * *": "2024-02-28 23:45:00",
    "30 * * * *": "2024-02-29 00:30:00",
    "0 3 * * *": "2024-02-29 03:00:00",
    "0 3 1 * *": "2024-03-01 03:00:00",
    "0 0 29 2 *": "2024-02-29 00:00:00",
    "15 4 29 2 mon": "2024-02-29 04:15:00",
    "0 12 * * mon-fri": "2024-02-29 12:00:00",
    "0 12 * * 6,7": "2024-03-02 12:00:00",
    "0 12 * * 0": "2024-03-03 12:00:00",
    "0 0 1 jan *": "2025-01-01 00:00:00",
    "5/20 1-3 * * *": "2024-02-29 01:05:00",
}


@pytest.mark.parametrize(("text", "due"), DUE.items(), ids=DUE)
def test_the_first_due_time_after_a_run(text, due):
    assert parse_schedule(text).following(LAST).strftime("%Y-%m-%d %H:%M:%S") == due


def test_the_next_leap_day_over_a_year_that_is_none():
    assert parse_schedule("0 0 29 2 *").following(datetime(2096, 3, 1, tzinfo=UTC)).year == 2104


def test_due_times_follow_each_other_without_a_gap_or_a_repetition():
    schedule, moment = parse_schedule("*/20 8-9 * * *"), LAST
    due = [moment := schedule.following(moment) for _ in range(7)]
    assert [each.strftime("%d %H:%M") for each in due] == [
        "29 08:00", "29 08:20", "29 08:40", "29 09:00", "29 09:20", "29 09:40", "01 08:00",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    ["", "1h", "every", "every 0s", "every 1y", "every 400d", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *",
     "* * 0 * *", "*/0 * * * *", "5-1 * * * *", "x * * * *", "* * * foo *", "0 0 30 2 *", "-1 * * * *", "1,,2 * * * *"],
)  # fmt: skip
def test_what_never_comes_due_is_refused_with_what_to_write(text):
    with pytest.raises(UserError, match="every 1h"):
        parse_schedule(text)


def test_a_day_that_no_month_of_the_schedule_has_never_comes():
    with pytest.raises(UserError, match="'0 0 31 4,6 \\*' never comes due"):
        parse_schedule("0 0 31 4,6 *")
    with pytest.raises(UserError, match="is no schedule"):
        parse_schedule("0 0 32 * *")
