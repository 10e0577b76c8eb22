from datetime import UTC, datetime

import pytest

from catalog.query.periods import ambiguous_readings, format_start, last_period, parse_period, spelled

NOW = datetime(2026, 11, 24, 22, 30, 15, tzinfo=UTC)


def at(*parts):
    return datetime(*parts, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2023", at(2023, 1, 1), at(2024, 1, 1)),
        ("2023-12", at(2023, 12, 1), at(2024, 1, 1)),
        ("1970-01-01", at(1970, 1, 1), at(1970, 1, 2)),
        ("2150", at(2150, 1, 1), at(2151, 1, 1)),
        ("late 2024", at(2024, 9, 1), at(2025, 1, 1)),
        ("late 4096", None, None),
        ("2023/5", at(2023, 5, 1), at(2023, 6, 1)),
        ("2024-02-29", at(2024, 2, 29), at(2024, 3, 1)),
        ("20240229", at(2024, 2, 29), at(2024, 3, 1)),
        ("2023-Q4", at(2023, 10, 1), at(2024, 1, 1)),
        ("q1 2024", at(2024, 1, 1), at(2024, 4, 1)),
        ("Sept 2023", at(2023, 9, 1), at(2023, 10, 1)),
        ("may2023", at(2023, 5, 1), at(2023, 6, 1)),
        ("3rd of", None, None),
        ("3 May 2023", at(2023, 5, 3), at(2023, 5, 4)),
        ("May 3, 2023", at(2023, 5, 3), at(2023, 5, 4)),
        ("13/04/2023", at(2023, 4, 13), at(2023, 4, 14)),
        ("2023-05-01T10:00", at(2023, 5, 1, 10), at(2023, 5, 1, 10, 1)),
        ("2023-05-01 10:00:30Z", at(2023, 5, 1, 10, 0, 30), at(2023, 5, 1, 10, 0, 31)),
        ("2023-05-01T00:30+09:00", at(2023, 4, 30, 15, 30), at(2023, 4, 30, 15, 31)),
        ("2023-05-01T00:00:00.1239Z", at(2023, 5, 1, 0, 0, 0, 123_000), at(2023, 5, 1, 0, 0, 0, 124_000)),
        ("today", at(2026, 11, 24), at(2026, 11, 25)),
        ("yesterday", at(2026, 11, 23), at(2026, 11, 24)),
        ("-30d", at(2026, 10, 25, 22, 30), at(2026, 10, 25, 22, 30)),
        ("-1m", at(2026, 10, 24, 22, 30), at(2026, 10, 24, 22, 30)),
        ("-9mo", at(2026, 2, 24, 22, 30), at(2026, 2, 24, 22, 30)),
        ("-2y", at(2024, 11, 24, 22, 30), at(2024, 11, 24, 22, 30)),
        ("last-year", at(2025, 1, 1), at(2026, 1, 1)),
        ("2023-13", None, None),
        ("2023-02-29", None, None),
        ("2023-05-01T25:00", None, None),
        ("2023-05-01T10:00+99:99", None, None),
        ("03/04/2023", None, None),
        ("9999", None, None),
        ("1", None, None),
        ("", None, None),
        ("to", None, None),
        ("-99999d", None, None),
        ("٢٠٢٣", None, None),
    ],
)
def test_date_covers_a_period(text, start, end):
    period = parse_period(text, NOW)
    assert (start, end) == (None, None) if period is None else (period.start, period.end) == (start, end)


def test_month_before_the_31st_ends_with_its_month():
    period = parse_period("-1m", at(2026, 3, 31, 12))
    assert period is not None
    assert period.start == at(2026, 2, 28, 12)


def test_day_and_month_that_cannot_be_told_apart_are_both_offered():
    assert ambiguous_readings("03/04/2023") == ("2023-03-04", "2023-04-03")
    assert ambiguous_readings("13/04/2023") == ("2023-04-13",)
    assert ambiguous_readings("03/03/2023") == ("2023-03-03",)


@pytest.mark.parametrize(
    "text", ["2023", "2023-05", "2023-05-01", "2023-01-01", "2023-05-01T10:00Z", "2023-05-01T10:00:30.125Z"]
)
def test_period_is_spelled_as_it_was(text):
    period = parse_period(text, NOW)
    assert period is not None
    assert spelled(period.start, period.end) == text
    assert last_period(period.end) in {text, "2023-01-01"}


def test_start_of_a_year_is_its_year():
    assert format_start(at(2024, 1, 1)) == "2024"
    assert format_start(at(2024, 5, 1)) == "2024-05"
    assert format_start(at(2024, 5, 2)) == "2024-05-02"
    assert format_start(at(2024, 5, 1, 10)) == "2024-05-01T10:00Z"
