"""`typed_keys`: names of aggregations with their types before them, as typed clients want them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from catalog.dsl.response_shapes import PLAIN, Shapes
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
    ReverseNestedAgg,
    TermsAgg,
)
from catalog.query.validate import NESTED_FIELDS, NESTED_PATH, resolve

_NAMES: Mapping[type, str] = {
    HistogramAgg: "histogram",
    DateHistogramAgg: "date_histogram",
    MissingAgg: "missing",
    FilterAgg: "filter",
    FiltersAgg: "filters",
    NestedAgg: "nested",
    ReverseNestedAgg: "reverse_nested",
}
_TERMS = {"long": "lterms", "date": "lterms", "boolean": "lterms", "double": "dterms", "metric": "dterms"}


def typed(
    asked: Mapping[str, Aggregation], answers: Mapping[str, Any], shapes: Shapes, path: tuple[str, ...] = ()
) -> dict[str, Any]:
    """The same answers, each under `type#name`; `shapes` tell which of those asked are combinations.

    Source: the `typed_keys` parameter of Elasticsearch; types are the writeable names of its aggregations.
    """
    names: dict[str, Any] = {}
    for name, aggregation in asked.items():
        if name not in answers:
            continue
        here = (*path, name)
        composite = shapes.get(here, PLAIN).composite
        if composite is None:
            names[f"{_type(aggregation)}#{name}"] = _below(aggregation, answers[name], shapes, here)
        else:
            innermost = composite.innermost(aggregation)
            names[f"composite#{name}"] = _below(innermost, answers[name], shapes, here)
    return names


def _below(
    asked: Aggregation, answer: dict[str, Any], shapes: Shapes, path: tuple[str, ...]
) -> dict[str, Any]:
    aggs: Mapping[str, Aggregation] = getattr(asked, "aggs", {})
    if not aggs:
        return answer
    buckets = answer.get("buckets")
    if isinstance(buckets, list):
        return {**answer, "buckets": [_renamed(aggs, bucket, shapes, path) for bucket in buckets]}
    if isinstance(buckets, dict):
        renamed = {key: _renamed(aggs, bucket, shapes, path) for key, bucket in buckets.items()}
        return {**answer, "buckets": renamed}
    return _renamed(aggs, answer, shapes, path)


def _renamed(
    aggs: Mapping[str, Aggregation], holder: Mapping[str, Any], shapes: Shapes, path: tuple[str, ...]
) -> dict[str, Any]:
    rest = {key: value for key, value in holder.items() if key not in aggs}
    return {**rest, **typed(aggs, holder, shapes, path)}


def _type(asked: Aggregation) -> str:
    match asked:
        case TermsAgg(field=name):
            return _TERMS.get(_kind(name), "sterms")
        case RangeAgg(field=name):
            return "date_range" if _kind(name) == "date" else "range"
        case MetricAgg(kind=kind):
            return "tdigest_percentiles" if kind == "percentiles" else kind
    return _NAMES[type(asked)]


def _kind(name: str) -> str:
    root, _, rest = name.partition(".")
    return NESTED_FIELDS[rest] if root == NESTED_PATH and rest in NESTED_FIELDS else resolve(name).type
