"""Bars of histograms: round, few, exact in decimal notation, and every value is in one of them."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from catalog.search.histogram_edges import edges
from catalog.search.whole import FieldSpan

METRIC, BYTES = "metrics.accuracy", "size_bytes"


def of(name, least, greatest):
    return edges(name, FieldSpan(count=2, least=least, greatest=greatest))


@pytest.mark.parametrize(
    ("name", "least", "greatest", "first", "last", "bars"),
    [
        (METRIC, 0.742, 0.9733, 0.74, 0.96, 12),
        (METRIC, 0.0, 1.0, 0.0, 0.95, 20),
        (METRIC, 0.93, 0.93, 0.93, 0.93, 1),
        (METRIC, -0.2, 0.9, -0.2, 0.8, 11),
        (BYTES, 483, 15_231_233_024, 200, 10_000_000_000, 24),
        (BYTES, 1000, 1400, 1000, 1380, 20),
        (BYTES, 7, 7, 7, 7, 1),
        (BYTES, 0, 3, 0, 2, 3),
        (BYTES, 0, 2**63 - 1, 0, 10**18, 20),
    ],
)
def test_bars_begin_at_round_numbers(name, least, greatest, first, last, bars):
    found = of(name, least, greatest)
    assert (found[0], found[-1], len(found)) == (first, last, bars)


NUMBERS = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e300, max_value=1e300)


@given(NUMBERS, NUMBERS)
def test_any_two_bounds_have_few_rising_bars_that_begin_at_the_least(one, other):
    least, greatest = sorted((one, other))
    found = of(METRIC, least, greatest)
    assert found[0] <= least
    assert list(found) == sorted(set(found))
    assert found[-1] <= greatest
    assert all(float(repr(edge)) == edge for edge in found)


@given(st.integers(0, 2**63 - 2), st.integers(0, 2**63 - 2))
@example(999_999_999_999_998, 10**18)
def test_bars_of_counts_are_whole_numbers(one, other):
    least, greatest = sorted((one, other))
    found = of(BYTES, float(least), float(greatest))
    assert 1 <= len(found) <= 60
    assert all(isinstance(edge, int) for edge in found)
    assert found[0] <= float(least)
