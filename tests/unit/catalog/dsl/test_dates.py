"""Dates of Elasticsearch JSON: math, patterns in and out, and a date as the period that it names."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.dsl.body import from_dsl
from catalog.dsl.dates import date_formats, period_of
from catalog.errors import RequestRefused
from catalog.query.nodes import Or, Range

CALCULATED = {
    "2023-05-17||+1M": ("2023-06-17T00:00:00", "2023-06-17T00:00:00.001"),
    "2023-01-31||+1M": ("2023-02-28T00:00:00", "2023-02-28T00:00:00.001"),
    "2024-02-29||-1y": ("2023-02-28T00:00:00", "2023-02-28T00:00:00.001"),
    "2023-05-17||/M": ("2023-05-01T00:00:00", "2023-06-01T00:00:00"),
    "2023-05-17||+1M/M-1d": ("2023-05-31T00:00:00", "2023-05-31T00:00:00.001"),
    "2023-05-17||/w": ("2023-05-15T00:00:00", "2023-05-22T00:00:00"),
    "2023-12-31T23:59:59||/y": ("2023-01-01T00:00:00", "2024-01-01T00:00:00"),
    "2023-05-17T10:20:30||-90m/h": ("2023-05-17T08:00:00", "2023-05-17T09:00:00"),
    "2023||+1d": ("2023-01-02T00:00:00", "2023-01-02T00:00:00.001"),
    "2023-05-17||+d": ("2023-05-18T00:00:00", "2023-05-18T00:00:00.001"),
    "2023-05-17T10:20:30.5||/s": ("2023-05-17T10:20:30", "2023-05-17T10:20:31"),
}


@pytest.mark.parametrize("text", CALCULATED)
def test_date_math_from_a_date(text):
    period = period_of(text, "best_date")
    assert (period.start, period.end) == tuple(
        datetime.fromisoformat(end).replace(tzinfo=UTC) for end in CALCULATED[text]
    )


@pytest.mark.parametrize("text", ["now", "now-1y", "now+1M", "now-1d/d", "now/w", "now-1M+3d-2h/h", "now+y"])
def test_date_math_from_now(text):
    period = period_of(text, "best_date")
    assert period.start < period.end
    assert abs((period.start - datetime.now(UTC)).days) < 370


@pytest.mark.parametrize(
    "text",
    ["now-1", "nowish", "2023||x", "2023||1M", "now-99999y", "||+1d", "now+1q", "9999-12-31", "1066", "now--1d", "2023 ||+1d/"],
)  # fmt: skip
def test_what_is_no_date_is_refused_with_the_field(text):
    with pytest.raises(RequestRefused) as refused:
        period_of(text, "best_date")
    assert refused.value.part == "best_date"


FORMATS = {
    "dd/MM/yyyy": ("17/05/2023", "2023-05-17", "2023-05-18"),
    "yyyy": ("2023", "2023-01-01", "2024-01-01"),
    "yyyy-MM": ("2023-05", "2023-05-01", "2023-06-01"),
    "yyyyMMdd": ("20230517", "2023-05-17", "2023-05-18"),
    "basic_date": ("20230517", "2023-05-17", "2023-05-18"),
    "uuuu-MM-dd'T'HH": ("2023-05-17T10", "2023-05-17T10:00:00", "2023-05-17T11:00:00"),
    "yyyy-MM-dd HH:mm:ss": ("2023-05-17 10:20:30", "2023-05-17T10:20:30", "2023-05-17T10:20:31"),
    "epoch_second": ("1684318830", "2023-05-17T10:20:30", "2023-05-17T10:20:30.001"),
    "epoch_millis": ("1684318830500", "2023-05-17T10:20:30.500", "2023-05-17T10:20:30.501"),
}


@pytest.mark.parametrize("pattern", FORMATS)
def test_dates_are_read_and_written_in_a_pattern(pattern):
    text, start, end = FORMATS[pattern]
    (form,) = date_formats(pattern)
    period = period_of(text, "best_date", (form,))
    assert period.start == datetime.fromisoformat(start).replace(tzinfo=UTC)
    assert period.end == datetime.fromisoformat(end).replace(tzinfo=UTC)
    assert form.written(period.start) == text


def test_numbers_are_read_in_the_pattern_that_is_named():
    (seconds,), (years,) = date_formats("epoch_second"), date_formats("yyyy")
    assert period_of(1_684_318_830, "d", (seconds,)).start.year == 2023
    assert period_of(2023, "d", (years,)).end == datetime(2024, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "pattern", ["EEE", "yyyy-ww", "dd MMM yyyy", "yyyy-yyyy", "", "||", "x" * 100, 5, ["yyyy"], "yyyy'", "--"]
)
def test_patterns_with_names_weeks_or_zones_are_refused(pattern):
    with pytest.raises(RequestRefused) as refused:
        date_formats(pattern)
    assert refused.value.part == "format"


@given(
    pattern=st.sampled_from([one for one in FORMATS if one.startswith(("epoch", "yyyy-MM-dd"))]),
    moment=st.datetimes(datetime(1900, 1, 1), datetime(9000, 1, 1)),  # noqa: DTZ001 - made aware below
)
def test_what_is_written_reads_as_the_period_that_holds_it(pattern, moment):
    moment = moment.replace(tzinfo=UTC, microsecond=moment.microsecond // 1000 * 1000)
    (form,) = date_formats(pattern)
    period = period_of(form.written(moment), "best_date", (form,))
    assert period.start <= moment
    assert moment < period.end or pattern == "epoch_second"


def test_a_term_on_a_date_is_the_whole_period():
    day = Range(
        field="best_date", gte=datetime(2023, 5, 17, tzinfo=UTC), lt=datetime(2023, 5, 18, tzinfo=UTC)
    )
    for query in ({"term": {"best_date": "2023-05-17"}}, {"match": {"best_date": "2023-05-17"}}):
        assert from_dsl({"query": query})[0].query == day
    assert from_dsl({"query": {"terms": {"best_date": ["2023-05-17"]}}})[0].query == Or((day,))
