"""What aggregations may cost, told before anything runs: their depth, and how many buckets they may make."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from math import ceil
from typing import Any

from catalog.query.nodes import And, Query, Range
from catalog.query.request import (
    Aggregation,
    DateHistogramAgg,
    FilterAgg,
    FiltersAgg,
    HistogramAgg,
    MetricAgg,
    NestedAgg,
    RangeAgg,
    ReverseNestedAgg,
    TermsAgg,
)
from mappings import fields
from mappings.metrics import find

YEAR_SECONDS = 366 * 86_400
_YEARS_OF_DATA = 20
_UNBOUNDED_BUCKETS = 100
_CALENDAR_BUCKETS = {"year": 1, "quarter": 4, "month": 12, "week": 53, "day": 366}
_PASSING = (FilterAgg, NestedAgg, ReverseNestedAgg)
_NUMBERS = {"stats": 5, "extended_stats": 10}
_ENDS = 2
"""Buckets that reach beyond a range, one at each end."""

Ends = tuple[Any, Any]
"""The least and the greatest value that a model found can have; None where there is no bound."""


def depth(aggregation: Aggregation) -> int:
    """Levels that part or measure models."""
    below = max((depth(part) for part in getattr(aggregation, "aggs", {}).values()), default=0)
    return below + (not isinstance(aggregation, _PASSING))


def ends_of(query: Query) -> dict[str, Ends]:
    """Between which values a query lets fields lie. Where a model has several values, one of them is enough: those are left out."""
    clauses = query.clauses if isinstance(query, And) else (query,)
    ends: dict[str, Ends] = {}
    for clause in clauses:
        for field, (low, high) in _ends(clause).items():
            known = ends.get(field, (None, None))
            ends[field] = _either(max, known[0], low), _either(min, known[1], high)
    return ends


def _ends(clause: Query) -> dict[str, Ends]:
    match clause:
        case And():
            return ends_of(clause)
        case Range(field=field) if _has_one_value(field):
            bounds = (clause.gt, clause.gte, clause.lt, clause.lte)
            if not any(isinstance(bound, str) for bound in bounds):
                return {field: (_either(max, *bounds[:2]), _either(min, *bounds[2:]))}
    return {}


def _has_one_value(field: str) -> bool:
    row = fields().get(field)
    return field.startswith("metrics.") if row is None else not row.list


def _either(choose: Any, first: Any, second: Any) -> Any:
    """The narrower of two bounds, of which either may be None."""
    given = [bound for bound in (first, second) if bound is not None]
    return choose(given) if given else None


def estimate(aggregation: Aggregation, ends: Mapping[str, Ends]) -> int:
    """How many buckets may be expected, everything below included, of models whose values lie between these ends. Numbers are
    measured in buckets and are none themselves.
    """
    if isinstance(aggregation, MetricAgg):
        return 0
    own = _own_buckets(aggregation, ends)
    below = sum(estimate(part, ends) for part in getattr(aggregation, "aggs", {}).values())
    return own + own * below


def numbers(aggregation: Aggregation, ends: Mapping[str, Ends]) -> int:
    """How many numbers may be measured in those buckets: each is kept until the answer is written."""
    if isinstance(aggregation, MetricAgg):
        return (
            len(aggregation.percents)
            if aggregation.kind == "percentiles"
            else _NUMBERS.get(aggregation.kind, 1)
        )
    below = sum(numbers(part, ends) for part in getattr(aggregation, "aggs", {}).values())
    return _own_buckets(aggregation, ends) * below


def _own_buckets(aggregation: Aggregation, ends: Mapping[str, Ends]) -> int:
    match aggregation:
        case TermsAgg(size=size):
            return size
        case RangeAgg(ranges=ranges):
            return len(ranges)
        case FiltersAgg(filters=filters):
            return len(filters)
        case HistogramAgg(field=field, interval=interval, bounds=bounds):
            width = _width(ends.get(field), bounds, _span(field) or _UNBOUNDED_BUCKETS * interval)
            return max(1, round(width / interval))
        case DateHistogramAgg(field=field, bounds=bounds, calendar_interval=calendar, fixed_seconds=seconds):
            width = _width(ends.get(field), bounds, _YEARS_OF_DATA * YEAR_SECONDS)
            every = seconds or YEAR_SECONDS / _CALENDAR_BUCKETS[str(calendar)]
            return ceil(width / every) + _ENDS
    return 1


def _width(ends: Ends | None, bounds: Ends | None, usual: float) -> float:
    """How far buckets reach that hold values between these ends and go on, empty, to these bounds. Values reach no further than
    is `usual`, however far a query lets them.
    """
    known = ends if ends is not None and None not in ends else None
    values = min(_between(known), usual) if known else usual
    if bounds is None:
        return values
    if known and (known[0] > bounds[1] or bounds[0] > known[1]):  # empty ones lie between, too
        return _between((min(known[0], bounds[0]), max(known[1], bounds[1])))
    return max(values, _between(bounds))


def _between(ends: Ends) -> float:
    width = ends[1] - ends[0]
    return max(width.total_seconds() if isinstance(width, timedelta) else float(width), 0.0)


def _span(field: str) -> float:
    """How far the values of a field reach, where its bounds are known."""
    row = fields().get(field)
    if row is not None:
        return 1.0 if row.unit == "fraction" else 0.0
    metric = find(field.removeprefix("metrics.").partition("@")[0])
    if metric is None or metric.low is None or metric.high is None:
        return 0.0
    return metric.high - metric.low
