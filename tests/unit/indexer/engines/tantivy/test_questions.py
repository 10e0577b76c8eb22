"""What Tantivy is asked, and when its answer is not exact enough to be given."""

import math
from datetime import UTC, datetime

import pytest

from catalog.query.request import (
    DateHistogramAgg,
    HistogramAgg,
    MetricAgg,
    MissingAgg,
    RangeAgg,
    RangeBucket,
    TermsAgg,
)
from indexer.engines.tantivy.questions import (
    MAX_TERMS,
    exact,
    histogram_counts,
    metric_result,
    native_terms,
    period_counts,
    pieces,
    question,
)
from indexer.engines.tantivy.schema import column


def buckets(*counts, other=0):
    rows = [{"key": f"k{at}", "doc_count": count} for at, count in enumerate(counts)]
    return {"buckets": rows, "sum_other_doc_count": other}


def test_a_tie_at_the_border_of_what_was_asked_for_is_not_exact():
    """Values beyond the border may be as frequent and come first by key."""
    wanted = TermsAgg(field="task", size=2)
    assert exact(wanted, buckets(5, 3, 3, other=9), size=3) is None
    answer = exact(wanted, buckets(5, 3, 2, other=9), size=3)
    assert answer is not None
    assert [bucket.count for bucket in answer.buckets] == [5, 3]
    assert answer.other_count == 2 + 9


def test_an_answer_that_holds_all_values_is_exact_whatever_its_ties():
    answer = exact(TermsAgg(field="task", size=2), buckets(3, 3, 3), size=4)
    assert answer is not None
    assert ([bucket.key for bucket in answer.buckets], answer.other_count) == (["k0", "k1"], 3)


def test_frequent_values_beyond_the_border_of_rare_ones_are_not_guessed():
    wanted = TermsAgg(field="task", size=1, min_doc_count=2)
    assert exact(wanted, buckets(9, 5, 4, other=3), size=3) is None
    answer = exact(wanted, buckets(9, 5, 1, other=3), size=3)
    assert answer is not None
    assert answer.other_count == 5, "what is rarer than wanted counts nowhere"


def test_every_segment_hands_over_all_of_its_values():
    assert native_terms(TermsAgg(field="task"), 10)["terms"]["segment_size"] == MAX_TERMS


@pytest.mark.parametrize(
    ("field", "prefix", "pattern"),
    [
        ("task", "A.b", "a[.]b(.|\n)*"),
        ("task", "[^", "\\[\\^(.|\n)*"),
        ("hyperparameters.lr", None, "lr[=](.|\n)*"),
        ("hyperparameters.l.r", "0.", "l[.]r[=]0[.](.|\n)*"),
    ],
)
def test_a_beginning_is_a_pattern_that_matches_its_letters_alone(field, prefix, pattern):
    assert native_terms(TermsAgg(field=field, prefix=prefix), 10)["terms"]["include"] == pattern


@pytest.mark.parametrize(
    "wanted",
    [
        TermsAgg(field="task", missing="none"),
        TermsAgg(field="task", order=("_key", False)),
        MissingAgg(field="task"),
        MetricAgg(kind="cardinality", field="hyperparameters.lr"),
        HistogramAgg(field="parameters", interval=2, offset=2),
        RangeAgg(field="size_bytes", ranges=(RangeBucket(key="x", start=2**53 + 1),)),
        RangeAgg(field="size_bytes", ranges=(RangeBucket(key="x"),)),
    ],
    ids=str,
)
def test_what_tantivy_answers_otherwise_than_wanted_is_not_asked(wanted):
    assert question(wanted) is None


@pytest.mark.parametrize("bound", [2**53, -(2**53), 0])
def test_a_bound_that_a_double_holds_is_asked(bound):
    assert question(RangeAgg(field="size_bytes", ranges=(RangeBucket(key="x", start=bound),))) is not None


def test_overlapping_ranges_are_cut_at_all_of_their_bounds():
    rows = [RangeBucket(key="a", end=5), RangeBucket(key="b", start=2, end=9), RangeBucket(key="c", start=5)]
    parts = pieces("parameters", tuple(rows))
    ends, cuts = list(parts.ends), list(parts.cuts)
    assert ends == [(-math.inf, 5.0), (2.0, 9.0), (5.0, math.inf)]
    assert cuts == [2.0, 5.0, 9.0]


def test_a_fraction_between_whole_numbers_stands_for_the_next_one():
    assert pieces("parameters", (RangeBucket(key="a", start=1.5, end=-1.5),)).ends == ((2.0, -1.0),)
    assert pieces("metrics.loss", (RangeBucket(key="a", start=1.5),)).ends == ((1.5, math.inf),)


def test_days_are_added_up_to_the_periods_that_they_lie_in():
    day = 86_400_000
    found = {"buckets": [{"key": at * day, "doc_count": at + 2} for at in (-1, 0, 30, 31)]}
    assert period_counts(found, "month") == {
        datetime(1969, 12, 1, tzinfo=UTC): 1,
        datetime(1970, 1, 1, tzinfo=UTC): 2 + 32,
        datetime(1970, 2, 1, tzinfo=UTC): 33,
    }


def test_dates_are_asked_by_the_day_and_numbers_of_seconds_as_they_are():
    daily = question(DateHistogramAgg(field="trained_at", calendar_interval="year"))
    assert daily == {"histogram": {"field": column("trained_at"), "interval": 86_400_000, "min_doc_count": 1}}
    seconds = question(DateHistogramAgg(field="trained_at", fixed_seconds=90))
    assert seconds is not None
    assert seconds["histogram"]["interval"] == 90_000


def test_the_place_of_a_bucket_is_free_of_what_rounding_left():
    wanted = HistogramAgg(field="metrics.loss", interval=0.1, offset=0.05)
    found = {"buckets": [{"key": 0.35000000000000003, "doc_count": 2}, {"key": 0.45, "doc_count": 0}]}
    assert histogram_counts(wanted, found) == {3: 2}


def test_sums_that_no_double_holds_are_infinite_and_no_nan():
    stats = {"count": 2, "min": -1.0, "max": 1.7e308, "avg": math.nan, "sum": math.nan}
    values = metric_result(MetricAgg(kind="stats", field="metrics.loss"), stats).values
    assert (values["sum"], values["min"]) == (math.inf, -1.0)
    negative = {**stats, "min": -1.7e308, "max": 1.0}
    assert metric_result(MetricAgg(kind="sum", field="metrics.loss"), negative).values == {"value": -math.inf}


def test_numbers_of_nothing_are_none():
    nothing = {"count": 0, "min": None, "max": None, "avg": math.nan, "sum": 0.0, "sum_of_squares": None}
    values = metric_result(MetricAgg(kind="extended_stats", field="metrics.loss"), nothing).values
    assert (values["count"], values["avg"], values["sum"], values["sum_of_squares"]) == (0, None, 0.0, 0.0)
    assert metric_result(MetricAgg(kind="avg", field="metrics.loss"), nothing).values == {"value": None}
