"""Edges of bins: the smallest number that belongs to a bin, found in few steps wherever it lies."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.buckets import histogram_start


@pytest.mark.parametrize(
    ("place", "interval", "offset", "start"),
    [(3, 0.1, 0.0, 0.3), (1, 1e9, 0.0, 1e9), (-2, 0.25, 0.1, -0.4), (2, 1e308, 0.0, math.inf)],
)
def test_most_bins_begin_near_their_keys(place, interval, offset, start):
    assert histogram_start(place, interval, offset) == pytest.approx(start, rel=1e-15)


@given(
    place=st.integers(-(10**6), 10**6),
    interval=st.floats(1e-3, 1e15) | st.floats(1e200, 1e300),
    offset=st.sampled_from([0.0, 0.1, -0.7, 12.5]),
    widths=st.sampled_from([0, 0, 1, -1, 100]),
)
def test_a_bin_begins_where_the_one_before_it_ends(place, interval, offset, widths):
    offset += widths * interval
    start = histogram_start(place, interval, offset)
    assert (start - offset) / interval >= place
    assert (math.nextafter(start, -math.inf) - offset) / interval < place
