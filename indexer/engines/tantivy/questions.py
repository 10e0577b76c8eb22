"""What Tantivy is asked for each aggregation in its own JSON, and what its answers say."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import pairwise
from typing import Any

from catalog.lazy_dataclasses import dataclass
from catalog.query.document_values import has_named_number, is_metric_on_dataset
from catalog.query.instants import moment
from catalog.query.request import (
    Aggregation,
    AggregationResult,
    Bucket,
    DateHistogramAgg,
    HistogramAgg,
    MetricAgg,
    RangeAgg,
    RangeBucket,
    TermsAgg,
)
from catalog.query.validate import resolve
from indexer.analysis import fold
from indexer.buckets import typed_key
from indexer.calendar import period_start
from indexer.engines.tantivy.schema import (
    NUMBERS,
    column,
    column_codes,
    decoded_number,
    number_head,
    term_prefix,
)
from indexer.engines.tantivy.translate import comparable
from mappings import fields

MAX_TERMS = 1_000_000
"""More distinct values than this are refused rather than counted from a part."""
SECONDS_PER_DAY = 86_400
LACKING = "LACKING"
"""The key under which models without a text are counted beside its values, which are all in lower case."""
_KEYWORDS = frozenset({"keyword", "name", "leaf"})


def question(wanted: Aggregation) -> dict[str, Any] | None:
    """What Tantivy is asked first for this aggregation, together with all others; None where nothing is sure."""
    match wanted:
        case TermsAgg() if is_plain(wanted):
            return native_terms(wanted, first_guess(wanted))
        case MetricAgg(field=field) if not has_named_number(field):
            return native_metric(wanted)
        case HistogramAgg(field=field) | RangeAgg(field=field) if has_named_number(field):
            return None
        case HistogramAgg() if is_within_one(wanted):
            return native_histogram(wanted)
        case DateHistogramAgg():
            return native_days(wanted)
        case RangeAgg(field=field, ranges=ranges):
            return pieces(field, ranges).native
        case _:
            return None


def native_days(wanted: DateHistogramAgg) -> dict[str, Any]:
    """Every calendar period is made of days in UTC; Tantivy itself knows no months."""
    interval = 1000 * (wanted.fixed_seconds or SECONDS_PER_DAY)
    asked = {"histogram": {"field": column(wanted.field), "interval": interval, "min_doc_count": 1}}
    measures = native_metrics(wanted.aggs) if _is_native(wanted) else {}
    return {**asked, "aggs": measures} if measures else asked


def _is_native(wanted: DateHistogramAgg) -> bool:
    """Whether each period is one bucket of Tantivy's."""
    return wanted.calendar_interval in {None, "day"}


def period_measures(
    wanted: DateHistogramAgg, answer: Mapping[str, Any]
) -> dict[datetime, dict[str, AggregationResult]]:
    """What was measured natively in each period, by its start."""
    if not _is_native(wanted):
        return {}
    names = native_metrics(wanted.aggs)
    return {
        _period_of(bucket["key"], wanted.fixed_seconds or SECONDS_PER_DAY): {
            name: metric_result(agg, bucket[name])
            for name, agg in wanted.aggs.items()
            if name in names and isinstance(agg, MetricAgg)
        }
        for bucket in answer["buckets"]
    }


def period_counts(answer: Mapping[str, Any], interval: str | int) -> dict[datetime, int]:
    """Models by the start of their period, for every period that holds one."""
    counts: dict[datetime, int] = {}
    for bucket in answer["buckets"]:
        start = _period_of(bucket["key"], interval)
        counts[start] = counts.get(start, 0) + bucket["doc_count"]
    return counts


@lru_cache(maxsize=50_000)
def _period_of(milliseconds: float, interval: str | int) -> datetime:
    return period_start(moment(milliseconds), interval)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pieces:
    """Ranges as what lies between all their bounds.

    `ends` are the bounds of each range, None where a double holds one of them not exactly; `cuts` all finite ones in order.
    `native` counts what lies between the cuts, None where there are none.
    """

    ends: tuple[tuple[float, float] | None, ...]
    cuts: tuple[float, ...]
    native: dict[str, Any] | None


@lru_cache(maxsize=500)
def pieces(field: str, ranges: tuple[RangeBucket, ...]) -> Pieces:
    """The pieces of ranges, which every page that shows the facet asks for."""
    ends = tuple(
        None
        if reaches_beyond_doubles(field, row)
        else (_bound(field, row.start, -math.inf), _bound(field, row.end, math.inf))
        for row in ranges
    )
    cuts = sorted({cut for pair in ends if pair for cut in pair if math.isfinite(cut)})
    native: dict[str, Any] | None = None
    if cuts:
        between = [{"to": cuts[0]}, *({"from": a, "to": b} for a, b in pairwise(cuts)), {"from": cuts[-1]}]
        native = {"range": {"field": column(field), "ranges": between}}
    return Pieces(ends=ends, cuts=tuple(cuts), native=native)


def is_within_one(wanted: HistogramAgg) -> bool:
    """Whether Tantivy takes the offset: not beyond one interval. The rest of it rounds elsewhere."""
    return abs(wanted.offset) < wanted.interval


def native_histogram(wanted: HistogramAgg) -> dict[str, Any]:
    options = {"field": column(wanted.field), "interval": wanted.interval, "min_doc_count": 1}
    if wanted.offset:
        options["offset"] = wanted.offset
    return {"histogram": options}


def histogram_counts(wanted: HistogramAgg, answer: Mapping[str, Any]) -> dict[int, int]:
    """Models by the place of their bucket, for every bucket that holds one."""
    return {
        round((bucket["key"] - wanted.offset) / wanted.interval): bucket["doc_count"]
        for bucket in answer["buckets"]
        if bucket["doc_count"]
    }


def with_lacking(wanted: TermsAgg) -> dict[str, Any]:
    """The terms of a text, and in the same pass the models without one."""
    native = native_terms(wanted, first_guess(wanted) + 1)
    native["terms"]["missing"] = LACKING
    return native


def is_counted_with_lacking(wanted: Aggregation) -> bool:
    """Whether models without the field can be counted in the pass that counts its values."""
    return (
        isinstance(wanted, TermsAgg)
        and is_plain(wanted)
        and wanted.prefix is None
        and resolve(wanted.field).type in {"keyword", "name"}
    )


def parted(wanted: TermsAgg, answer: Mapping[str, Any]) -> tuple[Mapping[str, Any] | None, int | None]:
    """The answer of `with_lacking` as that of the terms alone, and the number of models without one.

    None and None where those are too few to be among the most frequent.
    """
    rows = answer["buckets"]
    values = [row for row in rows if row["key"] != LACKING]
    if len(values) == len(rows):
        return (answer, 0) if len(rows) <= first_guess(wanted) else (None, None)
    lacking = sum(row["doc_count"] for row in rows) - sum(row["doc_count"] for row in values)
    return {**answer, "buckets": values}, lacking


def is_plain(wanted: TermsAgg) -> bool:
    """Whether the most frequent values can be cut off natively."""
    return (
        wanted.order == ("_count", True)
        and wanted.missing is None
        and wanted.only is None
        and not wanted.excluded
    )


def first_guess(wanted: TermsAgg) -> int:
    return wanted.size * 2 + 20


def native_terms(wanted: TermsAgg, size: int, *, aggs: Mapping[str, Any] | None = None) -> dict[str, Any]:
    # segment_size: every segment hands over all of its values, so that merged counts are exact.
    options: dict[str, Any] = {"field": column(wanted.field), "size": size, "segment_size": MAX_TERMS}
    beginning = term_prefix(wanted.field)
    beginning += fold(wanted.prefix) if wanted.prefix else ""
    if beginning:
        options["include"] = _pattern(beginning) + "(.|\n)*"
    return {"terms": options, "aggs": aggs} if aggs else {"terms": options}


def number_terms(field: str, size: int, *, order: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The different numbers of a name without a field, as coded terms with their models."""
    options: dict[str, Any] = {"field": column_codes()[NUMBERS], "size": size, "segment_size": size}
    options["include"] = f"{number_head(field)}.*"
    return {"terms": options | ({"order": order} if order else {})}


def _pattern(text: str) -> str:
    """A pattern that matches this text and nothing else."""
    return "".join(
        letter if letter.isalnum() else f"[{letter}]" if letter not in "[]^\\-&~" else f"\\{letter}"
        for letter in text
    )


def exact(wanted: TermsAgg, answer: Mapping[str, Any], size: int) -> AggregationResult | None:
    """The answer, if no value beyond the border of what was asked for could belong to it."""
    rows = answer["buckets"]
    complete = len(rows) < size
    if not complete and rows[wanted.size - 1]["doc_count"] == rows[-1]["doc_count"]:
        return None
    kept = [row for row in rows if row["doc_count"] >= wanted.min_doc_count]
    kept.sort(key=lambda row: (-row["doc_count"], row["key"]))
    beyond = _total(kept[wanted.size :])
    if not complete and len(kept) == len(rows):
        if wanted.min_doc_count > 1:
            return None  # some of the values beyond may be frequent enough, some not
        beyond += answer["sum_other_doc_count"]
    return AggregationResult(buckets=tuple(terms_buckets(wanted, kept[: wanted.size])), other_count=beyond)


def _total(rows: Sequence[Mapping[str, Any]]) -> int:
    return sum([row["doc_count"] for row in rows])


def terms_buckets(wanted: TermsAgg, rows: Sequence[Mapping[str, Any]]) -> list[Bucket]:
    kind = resolve(wanted.field).type
    beginning = len(term_prefix(wanted.field)) if kind == "leaf" else 0
    metrics = {name: agg for name, agg in wanted.aggs.items() if isinstance(agg, MetricAgg)}
    if kind in _KEYWORDS and not metrics:
        return [Bucket(key=row["key"][beginning:], count=row["doc_count"]) for row in rows]
    return [
        Bucket(
            key=bucket["key"][beginning:]
            if kind in _KEYWORDS
            else _terms_key(wanted.field, kind, bucket["key"]),
            count=bucket["doc_count"],
            aggregations={
                name: metric_result(agg, bucket[name]) for name, agg in metrics.items() if name in bucket
            },
        )
        for bucket in rows
    ]


def _terms_key(field: str, kind: str, key: Any) -> Any:
    if is_metric_on_dataset(field):
        return decoded_number(key)
    return float(key) if kind in {"double", "metric"} else typed_key(field, key)


def native_metrics(aggs: Mapping[str, Aggregation]) -> dict[str, Any]:
    """Without those of numbers that share a column."""
    return {
        name: native_metric(agg)
        for name, agg in aggs.items()
        if isinstance(agg, MetricAgg) and not has_named_number(agg.field)
    }


def native_metric(wanted: MetricAgg) -> dict[str, Any]:
    kind = "stats" if wanted.kind in {"min", "max", "avg", "sum"} else wanted.kind
    options: dict[str, Any] = {"field": column(wanted.field)}
    if kind == "percentiles":
        options["percents"] = [float(percent) for percent in wanted.percents]
    return {kind: options}


def metric_result(wanted: MetricAgg, answer: Mapping[str, Any]) -> AggregationResult:
    if wanted.kind == "percentiles":
        return AggregationResult(values={name: _number(value) for name, value in answer["values"].items()})
    if wanted.kind == "stats":
        return AggregationResult(
            values={name: _measured(answer, name) for name in ("count", "min", "max", "avg", "sum")}
        )
    if wanted.kind == "extended_stats":
        values = {
            name: _measured(answer, name) for name in ("count", "min", "max", "avg", "sum", "sum_of_squares")
        }
        return AggregationResult(values={**values, "sum_of_squares": values["sum_of_squares"] or 0.0})
    if wanted.kind in {"min", "max", "avg", "sum"}:
        return AggregationResult(values={"value": _measured(answer, wanted.kind)})
    return AggregationResult(values={"value": _number(answer["value"])})


def _measured(stats: Mapping[str, Any], name: str) -> float | None:
    """One number of `stats`. Tantivy corrects its sums, which makes NaN of what no double can hold."""
    value = stats[name]
    if not stats["count"] or value is None or not math.isnan(value):
        return _number(value)
    return math.inf if name == "sum_of_squares" or stats["max"] > -stats["min"] else -math.inf


def _number(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else value


def _bound(field: str, bound: Any, otherwise: float) -> float:
    """A bound as the column compares it; between whole numbers the next one stands for a fraction."""
    if bound is None:
        return otherwise
    value = float(comparable(field, bound))
    row = fields().get(field)
    return float(math.ceil(value)) if row is not None and row.type == "long" else value


def reaches_beyond_doubles(field: str, row: RangeBucket) -> bool:
    """Whether a bound of the range is such a number: models in it are counted on their own."""
    return any(is_beyond_doubles(field, bound) for bound in (row.start, row.end))


def is_beyond_doubles(field: str, bound: Any) -> bool:
    """Whether a bound is a whole number that a double cannot hold exactly, or one near the end of all."""
    if bound is None or isinstance(bound, datetime):
        return False
    number: int | float = comparable(field, bound)
    if abs(number) <= 2**53:
        return False
    return abs(number) >= 2**63 or int(float(number)) != int(number)
