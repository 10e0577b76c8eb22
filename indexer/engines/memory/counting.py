"""Aggregations by counting: the plain meaning of each kind."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from catalog.errors import RequestRefused
from catalog.query.instants import moment
from catalog.query.nodes import Exists
from catalog.query.ordered_terms import ordered_terms
from catalog.query.request import (
    Aggregation,
    AggregationResult,
    Bucket,
    DateHistogramAgg,
    FilterAgg,
    FiltersAgg,
    HistogramAgg,
    MetricAgg,
    MissingAgg,
    NestedAgg,
    RangeAgg,
    ReverseNestedAgg,
    TermsAgg,
)
from catalog.query.validate import MAX_BUCKETS
from indexer.analysis import fold
from indexer.buckets import exact_percentile, histogram_ends, summed, typed_key
from indexer.calendar import period_ends, period_start, periods
from indexer.engines.memory.matching import Item, comparable, matcher, ordered_form

Items = Sequence[Item]


def aggregate(aggregations: Mapping[str, Aggregation], items: Items) -> dict[str, AggregationResult]:
    """The answer to each aggregation over these items."""
    return {name: _KINDS[type(aggregation)](aggregation, items) for name, aggregation in aggregations.items()}


def _terms(wanted: TermsAgg, items: Items) -> AggregationResult:
    groups: dict[Any, list[Item]] = {}
    only = None if wanted.only is None else {comparable(wanted.field, value) for value in wanted.only}
    excluded = {comparable(wanted.field, value) for value in wanted.excluded}
    for item in items:
        values = item.values(wanted.field)
        if not values and wanted.missing is not None:
            values = [comparable(wanted.field, wanted.missing)]
        for value in values:
            begins = wanted.prefix is None or value.startswith(fold(wanted.prefix))
            if begins and (only is None or value in only) and value not in excluded:
                groups.setdefault(value, []).append(item)
    buckets = [
        Bucket(
            key=typed_key(wanted.field, value), count=len(group), aggregations=aggregate(wanted.aggs, group)
        )
        for value, group in groups.items()
    ]
    return ordered_terms(wanted, buckets)


def _range(wanted: RangeAgg, items: Items) -> AggregationResult:
    numbered = [(item, item.numbers(wanted.field)) for item in items]

    def inside(values: Sequence[Any], low: Any, high: Any) -> bool:
        return any((low is None or value >= low) and (high is None or value < high) for value in values)

    buckets = []
    for row in wanted.ranges:
        low, high = ordered_form(row.start), ordered_form(row.end)
        group = [item for item, values in numbered if inside(values, low, high)]
        aggregations = aggregate(wanted.aggs, group)
        buckets.append(
            Bucket(
                key=row.key,
                name=row.key,
                count=len(group),
                start=row.start,
                end=row.end,
                aggregations=aggregations,
            )
        )
    return AggregationResult(buckets=tuple(buckets))


def _grouped(wanted: Any, items: Items, position: Callable[[Any], Any]) -> dict[Any, list[Item]]:
    groups: dict[Any, list[Item]] = {}
    for item in items:
        for place in {position(value) for value in item.numbers(wanted.field)}:
            groups.setdefault(place, []).append(item)
    return groups


def _histogram(wanted: HistogramAgg, items: Items) -> AggregationResult:
    try:
        groups = _grouped(wanted, items, lambda value: math.floor((value - wanted.offset) / wanted.interval))
        ends = histogram_ends(wanted, groups)
    except OverflowError:
        raise RequestRefused("interval", f"makes more than {MAX_BUCKETS:,} buckets.") from None
    first, last = ends
    if last - first >= MAX_BUCKETS:
        raise RequestRefused("interval", f"makes more than {MAX_BUCKETS:,} buckets.")
    places = (
        (place * wanted.interval + wanted.offset, groups.get(place, [])) for place in range(first, last + 1)
    )
    return _histogram_result(wanted, places)


def _date_histogram(wanted: DateHistogramAgg, items: Items) -> AggregationResult:
    interval = wanted.calendar_interval or wanted.fixed_seconds or 0
    groups = _grouped(wanted, items, lambda value: period_start(moment(value), interval))
    starts = []
    ends = period_ends(wanted, groups, interval)
    for start in periods(*ends, interval) if ends else ():
        starts.append(start)
        if len(starts) > MAX_BUCKETS:
            raise RequestRefused("interval", f"makes more than {MAX_BUCKETS:,} buckets.")
    return _histogram_result(wanted, ((start, groups.get(start, [])) for start in starts))


def _histogram_result(wanted: Any, places: Any) -> AggregationResult:
    return AggregationResult(
        buckets=tuple(
            Bucket(key=key, count=len(group), aggregations=aggregate(wanted.aggs, group))
            for key, group in places
            if len(group) >= wanted.min_doc_count
        )
    )


def _metric(wanted: MetricAgg, items: Items) -> AggregationResult:
    counted = wanted.kind in {"value_count", "cardinality"}
    values = [
        value
        for item in items
        for value in (item.values(wanted.field) if counted else item.numbers(wanted.field))
    ]
    count = len(values)
    if wanted.kind == "value_count":
        return AggregationResult(values={"value": count})
    if wanted.kind == "cardinality":
        return AggregationResult(values={"value": len(set(values))})
    if wanted.kind == "percentiles":
        ordered = sorted(values)
        return AggregationResult(
            values={str(float(p)): exact_percentile(ordered, p) for p in wanted.percents}
        )
    stats: dict[str, float | None] = {
        "count": count,
        "min": float(min(values)) if values else None,
        "max": float(max(values)) if values else None,
        "avg": summed(values) / count if values else None,
        "sum": summed(values),
    }
    if wanted.kind == "extended_stats":
        return AggregationResult(
            values={**stats, "sum_of_squares": summed([float(value) * float(value) for value in values])}
        )
    return AggregationResult(values=stats if wanted.kind == "stats" else {"value": stats[wanted.kind]})


def _single(items: Items, aggs: Mapping[str, Aggregation]) -> AggregationResult:
    return AggregationResult(count=len(items), aggregations=aggregate(aggs, items))


def _missing(wanted: MissingAgg, items: Items) -> AggregationResult:
    exists = matcher(Exists(wanted.field))
    return _single([item for item in items if not exists(item)], wanted.aggs)


def _filter(wanted: FilterAgg, items: Items) -> AggregationResult:
    satisfied = matcher(wanted.query)
    return _single([item for item in items if satisfied(item)], wanted.aggs)


def _filters(wanted: FiltersAgg, items: Items) -> AggregationResult:
    matchers = {key: matcher(query) for key, query in wanted.filters.items()}
    groups = {key: [item for item in items if satisfied(item)] for key, satisfied in matchers.items()}
    return AggregationResult(
        buckets=tuple(
            Bucket(key=key, count=len(group), aggregations=aggregate(wanted.aggs, group))
            for key, group in groups.items()
        )
    )


def _nested(wanted: NestedAgg, items: Items) -> AggregationResult:
    return _single([element for item in items for element in item.elements()], wanted.aggs)


def _reverse_nested(wanted: ReverseNestedAgg, items: Items) -> AggregationResult:
    models = {item.id: Item(item.id, item.document, item.projection) for item in items}
    return _single(list(models.values()), wanted.aggs)


_KINDS: Mapping[type, Callable[[Any, Items], AggregationResult]] = {
    TermsAgg: _terms,
    RangeAgg: _range,
    HistogramAgg: _histogram,
    DateHistogramAgg: _date_histogram,
    MetricAgg: _metric,
    MissingAgg: _missing,
    FilterAgg: _filter,
    FiltersAgg: _filters,
    NestedAgg: _nested,
    ReverseNestedAgg: _reverse_nested,
}
