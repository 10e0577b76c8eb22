"""The answers to aggregations in Elasticsearch's shape."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from catalog.dsl.composite import Composite, combinations_page
from catalog.dsl.dates import ISO, DateFormat
from catalog.dsl.response_shapes import PLAIN, Shape, Shapes
from catalog.dsl.values import java_text
from catalog.query.instants import milliseconds, moment
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
from mappings import fields

SIGMA = 2
"""Standard deviations on either side within `std_deviation_bounds`. Source: Elasticsearch, extended_stats `sigma`."""
_WITH_COUNT = (FilterAgg, MissingAgg, NestedAgg, ReverseNestedAgg)
_COUNTS = frozenset({"value_count", "cardinality"})


def aggregations_response(
    asked: Mapping[str, Aggregation],
    answers: Mapping[str, AggregationResult],
    shapes: Shapes,
    path: tuple[str, ...] = (),
) -> dict[str, Any]:
    """Every answer by its name."""
    return {
        name: _aggregation(aggregation, answers[name], shapes, (*path, name))
        for name, aggregation in asked.items()
        if name in answers
    }


def _aggregation(
    asked: Aggregation, answer: AggregationResult, shapes: Shapes, path: tuple[str, ...]
) -> dict[str, Any]:
    shape = shapes.get(path, PLAIN)
    meta = {} if shape.meta is None else {"meta": dict(shape.meta)}
    if shape.composite is not None:
        return {**meta, **_combined(shape.composite, asked, answer, shapes, path)}
    if isinstance(asked, MetricAgg):
        return {**meta, **_metric(asked, answer, shape)}
    if isinstance(asked, _WITH_COUNT):
        below = aggregations_response(asked.aggs, answer.aggregations, shapes, path)
        return {**meta, "doc_count": answer.count or 0, **below}
    counts: dict[str, Any] = {}
    if isinstance(asked, TermsAgg):
        counts = {"doc_count_error_upper_bound": 0, "sum_other_doc_count": answer.other_count}
    buckets = [_bucket(asked, bucket, shapes, path) for bucket in _ordered(asked, answer, shape)]
    return {**meta, **counts, "buckets": _listed(asked, buckets, shape)}


def _combined(
    wanted: Composite, asked: Any, answer: AggregationResult, shapes: Shapes, path: tuple[str, ...]
) -> dict[str, Any]:
    """A page of combinations; `after_key` is where the next one begins."""
    page = combinations_page(wanted, asked, answer)
    innermost = wanted.innermost(asked)
    buckets = [
        {
            "key": key,
            "doc_count": bucket.count,
            **aggregations_response(innermost.aggs, bucket.aggregations, shapes, path),
        }
        for key, bucket in page
    ]
    return {**({"after_key": buckets[-1]["key"]} if buckets else {}), "buckets": buckets}


def _ordered(asked: Aggregation, answer: AggregationResult, shape: Shape) -> tuple[Bucket, ...]:
    """The buckets of a histogram in the order asked for; those of all others in their own."""
    if not isinstance(asked, HistogramAgg | DateHistogramAgg):
        return answer.buckets
    by, descending = shape.order
    if by == "_key":
        return answer.buckets[::-1] if descending else answer.buckets
    return tuple(sorted(answer.buckets, key=lambda bucket: -bucket.count if descending else bucket.count))


def _listed(asked: Aggregation, buckets: list[dict[str, Any]], shape: Shape) -> Any:
    if isinstance(asked, FiltersAgg):
        if shape.anonymous:
            return [_unnamed(bucket) for bucket in buckets]
        keyed = shape.keyed is not False
    else:
        keyed = shape.keyed is True
    return {_name(bucket): _unnamed(bucket) for bucket in buckets} if keyed else buckets


def _name(bucket: Mapping[str, Any]) -> str:
    key = bucket.get("key_as_string", bucket["key"])
    return java_text(key) if isinstance(key, float) else str(key)


def _unnamed(bucket: dict[str, Any]) -> dict[str, Any]:
    """A keyed bucket of a range goes by its name; one of a histogram keeps its key."""
    return {key: value for key, value in bucket.items() if key != "key" or not isinstance(value, str)}


def _bucket(asked: Any, bucket: Bucket, shapes: Shapes, path: tuple[str, ...]) -> dict[str, Any]:
    below = aggregations_response(asked.aggs, bucket.aggregations, shapes, path)
    form = shapes.get(path, PLAIN).written or ISO
    return {**_key(asked, bucket, form), "doc_count": bucket.count, **below}


def _key(asked: Any, bucket: Bucket, form: DateFormat) -> dict[str, Any]:
    if isinstance(asked, RangeAgg):
        return _range_key(bucket, form)
    if isinstance(bucket.key, datetime):
        return {"key_as_string": form.written(bucket.key), "key": milliseconds(bucket.key)}
    if isinstance(bucket.key, bool):
        return {"key": int(bucket.key), "key_as_string": "true" if bucket.key else "false"}
    if isinstance(asked, HistogramAgg):
        return {"key": float(bucket.key)}
    return {"key": bucket.key}


def _range_key(bucket: Bucket, form: DateFormat) -> dict[str, Any]:
    shown: dict[str, Any] = {"key": bucket.name or str(bucket.key)}
    for name, end in (("from", bucket.start), ("to", bucket.end)):
        if isinstance(end, datetime):
            shown |= {name: float(milliseconds(end)), f"{name}_as_string": form.written(end)}
        elif end is not None:
            shown[name] = float(end)
    return shown


# Numbers ----------------------------------------------------------------------------------------------------------


def _metric(asked: MetricAgg, answer: AggregationResult, shape: Shape) -> dict[str, Any]:
    row = fields().get(asked.field)
    form = (shape.written or ISO) if row is not None and row.type == "date" else None
    values = answer.values
    if asked.kind == "percentiles":
        return {"values": _percentiles(values, keyed=shape.keyed is not False)}
    if asked.kind in _COUNTS:
        return {name: None if value is None else round(value) for name, value in values.items()}
    numbers: dict[str, Any] = {}
    for name, value in values.items():
        numbers[name] = round(value) if name == "count" and value is not None else _number(value)
        text = None if form is None or name == "count" else _written(value, form)
        if text is not None:
            numbers[f"{name}_as_string"] = text
    return {**numbers, **_extended(values)} if asked.kind == "extended_stats" else numbers


def _percentiles(values: Mapping[str, float | None], *, keyed: bool) -> Any:
    ordered = sorted(values.items(), key=lambda percentile: float(percentile[0]))
    return dict(ordered) if keyed else [{"key": float(name), "value": value} for name, value in ordered]


def _written(value: float | None, form: DateFormat | None) -> str | None:
    """The date that milliseconds mean; None for what is no date, such as a sum of dates."""
    if value is None or form is None:
        return None
    try:
        return form.written(moment(value))
    except OverflowError:
        return None


def _extended(values: Mapping[str, float | None]) -> dict[str, Any]:
    """Variances and deviations from count, sum and sum of squares.

    Source: Elasticsearch 8.19, InternalExtendedStats; a sample of one has no variance ("NaN"), nothing has null.
    """
    # What an engine could not add up, since doubles end at 1.8E308, has no variance either.
    count, average, total, squares = (
        math.nan if (value := values[name]) is None else value
        for name in ("count", "avg", "sum", "sum_of_squares")
    )
    names = ("population", "sampling")
    if not count:
        empty = {f"{kind}_{name}": None for kind in ("variance", "std_deviation") for name in names}
        nothing = {
            f"{side}{end}": None
            for side in ("upper", "lower")
            for end in ("", *(f"_{name}" for name in names))
        }
        rest = {
            "sum_of_squares": None,
            "variance": None,
            "std_deviation": None,
            "std_deviation_bounds": nothing,
        }
        return {**rest, **empty}
    spread = squares - total * total / count
    spread = 0.0 if spread < 0 else spread
    variances = {"population": spread / count, "sampling": spread / (count - 1) if count > 1 else math.nan}
    shown: dict[str, Any] = {"variance": variances["population"]}
    shown |= {f"variance_{name}": variances[name] for name in names}
    shown["std_deviation"] = math.sqrt(variances["population"])
    shown |= {f"std_deviation_{name}": math.sqrt(variances[name]) for name in names}
    bounds: dict[str, float | str | None] = {}
    for side, sign in (("upper", SIGMA), ("lower", -SIGMA)):
        for end, name in (("", "population"), ("_population", "population"), ("_sampling", "sampling")):
            bounds[f"{side}{end}"] = _number(average + sign * math.sqrt(variances[name]))
    return {
        **{name: _number(value) for name, value in shown.items()},
        "std_deviation_bounds": bounds,
    }


def _number(value: float | None) -> float | str | None:
    """What is no number in JSON, in Elasticsearch's words."""
    if value is None or math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
