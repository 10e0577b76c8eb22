"""Aggregations in Elasticsearch's JSON, and their answers as values. Names of aggregations never leave this process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from catalog.errors import RequestRefused
from catalog.query.document_values import is_leaf
from catalog.query.instants import milliseconds, moment
from catalog.query.nodes import Exists, Not, Or, Range, Term
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
    RangeBucket,
    ReverseNestedAgg,
    TermsAgg,
)
from catalog.query.validate import MAX_BUCKETS
from indexer.analysis import fold
from indexer.buckets import typed_key
from indexer.engines.elasticsearch.columns import NUMBERS, comparable, is_number_pair, kind, number_name
from indexer.engines.elasticsearch.translate import translate

MAX_TERMS = 60_000
"""Values of one field that are ordered by a number inside them. Source: search.max_buckets is 65,536."""
CARDINALITY_PRECISION = 40_000
COMPRESSION = 1_000
"""With the default of 100 the quartiles of 4,262 parameter counts were up to 68 % off, with 1,000 they were exact."""
MAX_EXACT = 2**53

Json = dict[str, Any]


def ask(wanted: Mapping[str, Aggregation]) -> Json:
    """The request for these aggregations, under names of our own."""
    return {f"a{at}": _question(aggregation) for at, aggregation in enumerate(wanted.values())}


def read(wanted: Mapping[str, Aggregation], answers: Mapping[str, Any]) -> dict[str, AggregationResult]:
    """The answers under the caller's names. What is absent (no index yet) counts nothing."""
    return {
        name: _answer(aggregation, answers.get(f"a{at}", {}))
        for at, (name, aggregation) in enumerate(wanted.items())
    }


_PAIRS, _NAMED, _MODELS, _LACKING = "pairs", "named", "models", "lacking"
_VALUE = f"{NUMBERS}.value"
_BY_TEXT = frozenset({"value_count", "cardinality"})


def _counts_pairs(wanted: Aggregation) -> bool:
    """Whether this counts pairs of name and number; what is text below a flattened field has a field."""
    if not isinstance(wanted, TermsAgg | RangeAgg | HistogramAgg | MetricAgg) or not is_number_pair(
        wanted.field
    ):
        return False
    by_text = isinstance(wanted, TermsAgg) or (isinstance(wanted, MetricAgg) and wanted.kind in _BY_TEXT)
    return not (by_text and is_leaf(wanted.field))


def _pairs_question(wanted: Any) -> Json:
    """Counts the pairs of one name; what is asked of the models in a bucket steps back to them."""
    question = _QUESTIONS[type(wanted)](wanted)
    inner = getattr(wanted, "aggs", None)
    if inner:
        question = {**question, "aggs": {_MODELS: {"reverse_nested": {}, "aggs": ask(inner)}}}
    filtered = {
        "filter": {"term": {f"{NUMBERS}.name": number_name(wanted.field)}},
        "aggs": {_NAMED: question},
    }
    parts: Json = {_PAIRS: {"nested": {"path": NUMBERS}, "aggs": {_PAIRS: filtered}}}
    missing = wanted.missing if isinstance(wanted, TermsAgg) else None
    if missing is not None:
        lacking = Or((Not(Exists(wanted.field)), Term(wanted.field, missing)))
        parts[_LACKING] = {"filter": translate(lacking), **({"aggs": ask(inner)} if inner else {})}
    return {"filter": {"match_all": {}}, "aggs": parts}


def _pairs_answer(wanted: Any, answer: Mapping[str, Any]) -> AggregationResult:
    named = answer.get(_PAIRS, {}).get(_PAIRS, {}).get(_NAMED, {})
    match wanted:
        case TermsAgg(missing=None):
            return _read_terms(wanted, named)
        case TermsAgg():
            return _read_terms_with_missing(wanted, named, answer.get(_LACKING, {}))
        case RangeAgg():
            return _read_ranges(wanted, named)
        case HistogramAgg():
            return _read_histogram(wanted, named)
        case _:
            return _read_metric(wanted, named)


def _read_terms_with_missing(
    wanted: TermsAgg, answer: Mapping[str, Any], lacking: Mapping[str, Any]
) -> AggregationResult:
    if answer.get("sum_other_doc_count", 0):
        raise RequestRefused(wanted.field, f"has more than {MAX_TERMS:,} values; narrow the search.")
    stand_in = float(wanted.missing)
    buckets = [bucket for bucket in _terms_buckets(wanted, answer) if bucket.key != stand_in]
    if lacking.get("doc_count"):
        inner = read(wanted.aggs, lacking)
        buckets.append(Bucket(key=stand_in, count=lacking["doc_count"], aggregations=inner))
    return ordered_terms(wanted, buckets)


def _inner(wanted: Any, bucket: Mapping[str, Any]) -> dict[str, AggregationResult]:
    """The answers to what is asked of the models in a bucket."""
    return read(wanted.aggs, bucket.get(_MODELS, {}) if _counts_pairs(wanted) else bucket)


def _question(wanted: Aggregation) -> Json:
    if _counts_pairs(wanted):
        return _pairs_question(wanted)
    question = _QUESTIONS[type(wanted)](wanted)
    inner = getattr(wanted, "aggs", None)
    return {**question, "aggs": ask(inner)} if inner else question


def _terms(wanted: TermsAgg) -> Json:
    options: Json = {"field": _column(wanted), "size": wanted.size, "min_doc_count": wanted.min_doc_count}
    by, descending = wanted.order
    if by in {"_count", "_key"}:
        options["order"] = [{by: "desc" if descending else "asc"}]
    else:
        options["size"] = MAX_TERMS
    if wanted.min_doc_count > 1:  # what a shard leaves out counts as others, however rare it is
        options["shard_size"] = MAX_TERMS
    if wanted.prefix:
        options["include"] = (
            "".join(letter if letter.isalnum() else f"\\{letter}" for letter in fold(wanted.prefix)) + ".*"
        )
    if wanted.only is not None:
        options["include"] = [comparable(wanted.field, value) for value in wanted.only]
    if wanted.excluded:
        options["exclude"] = [comparable(wanted.field, value) for value in wanted.excluded]
    if wanted.missing is not None and _counts_pairs(wanted):
        options |= {"size": MAX_TERMS, "min_doc_count": 1}
    elif wanted.missing is not None:
        options["missing"] = comparable(wanted.field, wanted.missing)
    return {"terms": options}


def _column(wanted: Any) -> str:
    return _VALUE if _counts_pairs(wanted) else str(wanted.field)


def _range(wanted: RangeAgg) -> Json:
    if kind(wanted.field) != "date" and all(_exact(row.start) and _exact(row.end) for row in wanted.ranges):
        rows = [_range_row(at, row) for at, row in enumerate(wanted.ranges)]
        return {"range": {"field": _column(wanted), "keyed": True, "ranges": rows}}
    if _counts_pairs(wanted):
        return {"filters": {"filters": {f"r{at}": _pair_range(row) for at, row in enumerate(wanted.ranges)}}}
    filters = {
        f"r{at}": translate(Range(field=wanted.field, gte=row.start, lt=row.end))
        for at, row in enumerate(wanted.ranges)
    }
    return {"filters": {"filters": filters}}


def _pair_range(row: RangeBucket) -> Json:
    ends = {"gte": row.start, "lt": row.end}
    return {"range": {_VALUE: {name: float(end) for name, end in ends.items() if end is not None}}}


def _exact(bound: Any) -> bool:
    """Elasticsearch's own ranges compare as doubles, one filter per range as whole numbers."""
    return bound is None or abs(bound) < MAX_EXACT


def _range_row(at: int, row: RangeBucket) -> Json:
    if row.start is not None and row.end is not None and row.end < row.start:
        return {"key": f"r{at}", "from": row.start, "to": row.start}  # which nothing is in
    ends = {"from": row.start, "to": row.end}
    return {"key": f"r{at}", **{name: bound for name, bound in ends.items() if bound is not None}}


def _histogram(wanted: HistogramAgg) -> Json:
    options: Json = {
        "field": _column(wanted),
        "interval": wanted.interval,
        "min_doc_count": wanted.min_doc_count,
    }
    if wanted.offset:
        options["offset"] = wanted.offset
    if wanted.bounds is not None and not wanted.min_doc_count:
        options["extended_bounds"] = _bounds(wanted.bounds)
    return {"histogram": options}


def _bounds(ends: tuple[Any, Any]) -> Json:
    return {"min": ends[0], "max": ends[1]}


def _date_histogram(wanted: DateHistogramAgg) -> Json:
    options: Json = {"field": wanted.field, "min_doc_count": wanted.min_doc_count}
    if wanted.calendar_interval:
        options["calendar_interval"] = wanted.calendar_interval
    else:
        options["fixed_interval"] = f"{wanted.fixed_seconds}s"
    if wanted.bounds is not None and not wanted.min_doc_count:
        options["extended_bounds"] = _bounds((milliseconds(wanted.bounds[0]), milliseconds(wanted.bounds[1])))
    return {"date_histogram": options}


def _metric(wanted: MetricAgg) -> Json:
    options: Json = {"field": _column(wanted)}
    if wanted.kind == "percentiles":
        options |= {"percents": list(wanted.percents), "tdigest": {"compression": COMPRESSION}}
    if wanted.kind == "cardinality":
        options["precision_threshold"] = CARDINALITY_PRECISION
    return {wanted.kind: options}


_QUESTIONS: Mapping[type, Callable[[Any], Json]] = {
    TermsAgg: _terms,
    RangeAgg: _range,
    HistogramAgg: _histogram,
    DateHistogramAgg: _date_histogram,
    MetricAgg: _metric,
    MissingAgg: lambda wanted: {"filter": translate(Not(Exists(wanted.field)))},
    FilterAgg: lambda wanted: {"filter": translate(wanted.query)},
    FiltersAgg: lambda wanted: {
        "filters": {"filters": [translate(query) for query in wanted.filters.values()]}
    },
    NestedAgg: lambda wanted: {"nested": {"path": wanted.path}},
    ReverseNestedAgg: lambda _: {"reverse_nested": {}},
}


def _answer(wanted: Aggregation, answer: Mapping[str, Any]) -> AggregationResult:
    if _counts_pairs(wanted):
        return _pairs_answer(wanted, answer)
    match wanted:
        case TermsAgg():
            return _read_terms(wanted, answer)
        case RangeAgg():
            return _read_ranges(wanted, answer)
        case HistogramAgg() | DateHistogramAgg():
            return _read_histogram(wanted, answer)
        case FiltersAgg():
            return _read_filters(wanted, answer)
        case MetricAgg():
            return _read_metric(wanted, answer)
        case _:
            return AggregationResult(count=answer.get("doc_count", 0), aggregations=read(wanted.aggs, answer))


def _read_terms(wanted: TermsAgg, answer: Mapping[str, Any]) -> AggregationResult:
    buckets = _terms_buckets(wanted, answer)
    other = answer.get("sum_other_doc_count", 0)
    if wanted.order[0] in {"_count", "_key"}:
        return AggregationResult(buckets=tuple(buckets), other_count=other)
    if other:
        raise RequestRefused(wanted.field, f"has more than {MAX_TERMS:,} values; narrow the search.")
    return ordered_terms(wanted, buckets)


def _terms_buckets(wanted: TermsAgg, answer: Mapping[str, Any]) -> list[Bucket]:
    return [
        Bucket(
            key=_terms_key(wanted.field, bucket["key"]),
            count=bucket["doc_count"],
            aggregations=_inner(wanted, bucket),
        )
        for bucket in answer.get("buckets", [])
    ]


def _terms_key(field: str, key: Any) -> Any:
    return float(key) if kind(field) == "double" else typed_key(field, key)


def _read_ranges(wanted: RangeAgg, answer: Mapping[str, Any]) -> AggregationResult:
    buckets = answer.get("buckets", {})
    rows = [(row, buckets.get(f"r{at}", {})) for at, row in enumerate(wanted.ranges)]
    return AggregationResult(
        buckets=tuple(
            Bucket(
                key=row.key,
                name=row.key,
                count=bucket.get("doc_count", 0),
                start=row.start,
                end=row.end,
                aggregations=_inner(wanted, bucket),
            )
            for row, bucket in rows
        )
    )


def _read_filters(wanted: FiltersAgg, answer: Mapping[str, Any]) -> AggregationResult:
    buckets = answer.get("buckets") or [{}] * len(wanted.filters)
    return AggregationResult(
        buckets=tuple(
            Bucket(key=key, count=bucket.get("doc_count", 0), aggregations=read(wanted.aggs, bucket))
            for key, bucket in zip(wanted.filters, buckets, strict=True)
        )
    )


def _read_histogram(wanted: HistogramAgg | DateHistogramAgg, answer: Mapping[str, Any]) -> AggregationResult:
    buckets = answer.get("buckets", [])
    if len(buckets) > MAX_BUCKETS:
        raise too_many_buckets()
    return AggregationResult(
        buckets=tuple(
            Bucket(
                key=_period_key(wanted, bucket["key"]),
                count=bucket["doc_count"],
                aggregations=_inner(wanted, bucket),
            )
            for bucket in buckets
        )
    )


def _period_key(wanted: HistogramAgg | DateHistogramAgg, key: float) -> Any:
    if isinstance(wanted, DateHistogramAgg):
        return moment(key)
    return round((key - wanted.offset) / wanted.interval) * wanted.interval + wanted.offset


def _read_metric(wanted: MetricAgg, answer: Mapping[str, Any]) -> AggregationResult:
    if wanted.kind == "percentiles":
        percentiles = answer.get("values", {})
        return AggregationResult(
            values={str(float(percent)): percentiles.get(str(float(percent))) for percent in wanted.percents}
        )
    if wanted.kind in {"stats", "extended_stats"}:
        names = ("count", "min", "max", "avg", "sum", "sum_of_squares")[: 5 if wanted.kind == "stats" else 6]
        sums = {"count", "sum", "sum_of_squares"}
        values = {name: _number(answer.get(name)) for name in names}
        return AggregationResult(
            values={name: 0 if value is None and name in sums else value for name, value in values.items()}
        )
    empty = None if wanted.kind in {"min", "max", "avg"} else 0
    return AggregationResult(values={"value": _number(answer.get("value", empty))})


def _number(value: float | str | None) -> float | None:
    """Elasticsearch writes what is no number in JSON as text, such as Infinity."""
    return float(value) if isinstance(value, str) else value


def too_many_buckets() -> RequestRefused:
    return RequestRefused("interval", f"makes more than {MAX_BUCKETS:,} buckets.")
