"""Aggregations as Elasticsearch JSON that reads as the same again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from catalog.dsl.clauses_json import query_json
from catalog.dsl.values import json_value
from catalog.query.request import (
    Aggregation,
    DateHistogramAgg,
    FilterAgg,
    FiltersAgg,
    HistogramAgg,
    MetricAgg,
    MissingAgg,
    NestedAgg,
    RangeAgg,
    RangeBucket,
    ReverseNestedAgg,
    TermsAgg,
)
from mappings import fields


def aggregations_json(aggregations: Mapping[str, Aggregation]) -> dict[str, Any]:
    """Every aggregation under its name."""
    return {name: _aggregation_json(aggregation) for name, aggregation in aggregations.items()}


def _aggregation_json(aggregation: Aggregation) -> dict[str, Any]:
    body = _own_json(aggregation)
    below = getattr(aggregation, "aggs", {})
    if below:
        body["aggs"] = aggregations_json(below)
    return body


def _own_json(aggregation: Aggregation) -> dict[str, Any]:
    match aggregation:
        case TermsAgg():
            return {"terms": _terms_json(aggregation)}
        case RangeAgg(field=field, ranges=ranges):
            row = fields().get(field)
            kind = "date_range" if row is not None and row.type == "date" else "range"
            return {kind: {"field": field, "ranges": [_bucket_json(bucket_range) for bucket_range in ranges]}}
        case HistogramAgg(field=field, interval=interval, offset=offset, min_doc_count=least):
            shown = {"field": field, "interval": interval, "min_doc_count": least}
            shifted = {"offset": offset} if offset else {}
            return {"histogram": {**shown, **shifted, **_bounds_json(aggregation.bounds)}}
        case DateHistogramAgg(
            field=field, calendar_interval=calendar, fixed_seconds=seconds, min_doc_count=least
        ):
            width = {"calendar_interval": calendar} if calendar else {"fixed_interval": f"{seconds}s"}
            ends = _bounds_json(aggregation.bounds)
            return {"date_histogram": {"field": field, **width, "min_doc_count": least, **ends}}
        case MetricAgg(kind=kind, field=field, percents=percents):
            asked = {"percents": list(percents)} if kind == "percentiles" else {}
            return {kind: {"field": field, **asked}}
        case MissingAgg(field=field):
            return {"missing": {"field": field}}
        case FilterAgg(query=query):
            return {"filter": query_json(query)}
        case FiltersAgg(filters=filters):
            return {"filters": {"filters": {key: query_json(query) for key, query in filters.items()}}}
        case NestedAgg(path=path):
            return {"nested": {"path": path}}
        case ReverseNestedAgg():
            return {"reverse_nested": {}}


def _bounds_json(bounds: tuple[Any, Any] | None) -> dict[str, Any]:
    if bounds is None:
        return {}
    return {"extended_bounds": {"min": json_value(bounds[0]), "max": json_value(bounds[1])}}


def _terms_json(aggregation: TermsAgg) -> dict[str, Any]:
    shown: dict[str, Any] = {"field": aggregation.field, "size": aggregation.size}
    if aggregation.order != ("_count", True):
        shown["order"] = {aggregation.order[0]: "desc" if aggregation.order[1] else "asc"}
    if aggregation.prefix:
        shown["include"] = f"{aggregation.prefix}.*"
    if aggregation.only is not None:
        shown["include"] = list(aggregation.only)
    if aggregation.excluded:
        shown["exclude"] = list(aggregation.excluded)
    if aggregation.min_doc_count != 1:
        shown["min_doc_count"] = aggregation.min_doc_count
    if aggregation.missing is not None:
        shown["missing"] = json_value(aggregation.missing)
    return shown


def _bucket_json(bucket: RangeBucket) -> dict[str, Any]:
    ends = {"from": json_value(bucket.start), "to": json_value(bucket.end)}
    return {"key": bucket.key, **{name: value for name, value in ends.items() if value is not None}}
