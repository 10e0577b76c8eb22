"""Aggregations of Elasticsearch JSON to ours, within limits that are checked before anything runs."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from catalog.dsl.clauses import MAX_TERMS, QueryReader
from catalog.dsl.composite import Composite, inside, read_composite
from catalog.dsl.costs import depth, ends_of, estimate, numbers
from catalog.dsl.dates import DateFormat, date_options, iso, period_of
from catalog.dsl.response_shapes import Shape, read_shape
from catalog.dsl.values import (
    field_name,
    flag,
    is_descending,
    java_text,
    number,
    number_of,
    numeral,
    only,
    refuse,
    text_of,
    value_of,
    whole,
)
from catalog.errors import RequestRefused
from catalog.query.nodes import Not, Or, Query
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
from catalog.query.validate import NESTED_PATH, NUMBERS, Resolved

MAX_DEPTH = 3
"""Levels of aggregations that part or measure models; nested, reverse_nested and filter around them do not count."""
MAX_NESTING = 6
MAX_AGGREGATIONS = 20
MAX_TERMS_SIZE = 500
MAX_RANGES = 100
MAX_BUCKETS = 20_000
"""Most buckets that one request may be expected to make: ten lines of 1,500 points, as Grafana draws them, are 15,010."""
MAX_NUMBERS = 200_000
"""Most numbers that are measured in them: a million, of percentiles in each hour of years, took 400 MB of memory."""
MAX_PERCENTS = 20
MAX_FILTERS = 50
SMALLEST_INTERVAL = 1e-3
_NAME = re.compile(r"[^\[\]>\n]{1,100}")
_CALENDAR = {
    "year": "year",
    "1y": "year",
    "quarter": "quarter",
    "1q": "quarter",
    "month": "month",
    "1M": "month",
    "week": "week",
    "1w": "week",
    "day": "day",
    "1d": "day",
}
_NUMBER = re.compile(r"[0-9]{1,3}(\.[0-9]{1,6})?")
_FIXED = re.compile(r"([0-9]{1,16})(ms|[smhd])")
_OF_THE_CLOCK = {"hour": 3_600, "1h": 3_600, "minute": 60, "1m": 60, "second": 1, "1s": 1}
"""Calendar intervals that are as long every time, in UTC."""
_MILLISECONDS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_SINGLE = frozenset({"min", "max", "avg", "sum", "value_count", "cardinality", "stats", "extended_stats"})


class AggregationReader:
    """Reads the aggregations of one request, counts them and estimates their buckets."""

    def __init__(self, queries: QueryReader) -> None:
        self.queries = queries
        self.count = 0
        self.shapes: dict[tuple[str, ...], Shape] = {}

    def read(self, body: Any, query: Query) -> dict[str, Aggregation]:
        """Every aggregation of what the query finds by its name. Raises RequestRefused with the part's name."""
        aggregations = self._named(body, (), nested=False)
        # A composite says itself how many combinations come back, and how deep it is.
        apart = {path[0] for path, shape in self.shapes.items() if shape.composite is not None}
        checked = {name: agg for name, agg in aggregations.items() if name not in apart}
        ends = ends_of(query)
        expected = sum(estimate(aggregation, ends) for aggregation in checked.values())
        if expected > MAX_BUCKETS:
            raise RequestRefused(
                "aggs", f"may make about {expected:,} buckets; the limit is {MAX_BUCKETS:,}."
            )
        measured = sum(numbers(aggregation, ends) for aggregation in checked.values())
        if measured > MAX_NUMBERS:
            raise RequestRefused(
                "aggs", f"may measure about {measured:,} numbers; the limit is {MAX_NUMBERS:,}."
            )
        for name, aggregation in checked.items():
            if depth(aggregation) > MAX_DEPTH:
                raise RequestRefused("aggs", f"under {name!r} are more than {MAX_DEPTH} levels deep.")
        return aggregations

    def _named(self, body: Any, path: tuple[str, ...], *, nested: bool) -> dict[str, Aggregation]:
        if not isinstance(body, dict):
            raise RequestRefused("aggs", "needs an object.")
        if len(path) >= MAX_NESTING:
            raise RequestRefused("aggs", f"are nested more than {MAX_NESTING} levels deep.")
        aggregations = {}
        for name, inner in body.items():
            if not isinstance(name, str) or not _NAME.fullmatch(name):
                raise RequestRefused("aggs", "names are text of up to 100 characters without [, ] and >.")
            self.count += 1
            if self.count > MAX_AGGREGATIONS:
                raise RequestRefused("aggs", f"are more than {MAX_AGGREGATIONS}.")
            aggregations[name] = self._aggregation(inner, (*path, name), nested=nested)
        return aggregations

    def _aggregation(self, body: Any, path: tuple[str, ...], *, nested: bool) -> Aggregation:
        if not isinstance(body, dict):
            raise RequestRefused(path[-1], "needs an object.")
        kinds = [key for key in body if key not in {"aggs", "aggregations", "meta"}]
        if len(kinds) != 1:
            raise RequestRefused(path[-1], "needs exactly one kind of aggregation.")
        kind = str(kinds[0])[:100]
        if kind in _SINGLE or kind == "percentiles":
            if below(body):
                raise RequestRefused(kind, "takes no aggregations below it.")
            aggregation = _metric(kind, body[kind], nested)
        elif kind == "composite":
            parts = self._named(below(body), path, nested=False)
            aggregation, combined = self.composite(body[kind], parts, path, nested=nested)
            self.shapes[path] = Shape(meta=read_shape(kind, None, body.get("meta")).meta, composite=combined)
            return aggregation
        else:
            reader = _KINDS.get(kind)
            if reader is None:
                raise refuse(kind)
            inside = kind == "nested" or (nested and kind != "reverse_nested")
            aggregation = reader(self, body[kind], self._named(below(body), path, nested=inside), nested)
        self.shapes[path] = read_shape(kind, body[kind], body.get("meta"))
        return aggregation

    def filter_(self, body: Any, parts: Mapping[str, Aggregation], nested: bool) -> Aggregation:
        return FilterAgg(query=self.queries.read(body, nested=nested), aggs=parts)

    def filters(self, body: Any, parts: Mapping[str, Aggregation], nested: bool) -> Aggregation:
        given = only(body, "filters", frozenset({"filters", "other_bucket", "other_bucket_key", "keyed"}))
        rows = given.get("filters")
        if isinstance(rows, list):
            rows = {str(at): row for at, row in enumerate(rows)}
        if not isinstance(rows, dict) or not 0 < len(rows) <= MAX_FILTERS:
            raise RequestRefused("filters", f"needs 1 to {MAX_FILTERS} filters.")
        queries = {
            text_of(key, "filters"): self.queries.read(row, nested=nested) for key, row in rows.items()
        }
        other = given.get("other_bucket_key")
        if other is not None or flag(given.get("other_bucket", False), "other_bucket"):
            name = text_of("_other_" if other is None else other, "other_bucket_key")
            if name in queries:
                raise RequestRefused("other_bucket_key", f"{name!r:.100} is the name of a filter, too.")
            queries[name] = _none_of(queries)
        return FiltersAgg(filters=queries, aggs=parts)

    def terms(self, body: Any, parts: Mapping[str, Aggregation], nested: bool) -> Aggregation:
        allowed = frozenset(
            {
                "field",
                "size",
                "order",
                "min_doc_count",
                "missing",
                "include",
                "exclude",
                "shard_size",
                "show_term_doc_count_error",
            }
        )
        given = only(body, "terms", allowed)
        flag(given.get("show_term_doc_count_error", False), "show_term_doc_count_error")
        whole(given.get("shard_size", MAX_TERMS_SIZE), "shard_size", 1, 10**6)
        field = field_name(given.get("field"), nested=nested)
        if field.type == "text":
            raise RequestRefused(field.name, "holds text; terms needs a keyword field.")
        return TermsAgg(
            field=field.name,
            size=whole(given.get("size", 10), "size", 1, MAX_TERMS_SIZE),
            prefix=_beginning(given.get("include")),
            only=_listed(field, given.get("include"), "include"),
            excluded=_listed(field, given.get("exclude"), "exclude") or (),
            order=_order(given.get("order"), parts),
            min_doc_count=whole(given.get("min_doc_count", 1), "min_doc_count", 1, 10**9),
            missing=None if given.get("missing") is None else value_of(field, given["missing"]),
            aggs=parts,
        )

    def range_(self, body: Any, parts: Mapping[str, Aggregation], nested: bool) -> Aggregation:
        given = only(body, "range", frozenset({"field", "ranges", "keyed", "format", "time_zone"}))
        field = field_name(given.get("field"), nested=nested)
        formats = date_options(given)
        rows = given.get("ranges")
        if not isinstance(rows, list) or not 0 < len(rows) <= MAX_RANGES:
            raise RequestRefused("ranges", f"needs a list of 1 to {MAX_RANGES} ranges.")
        return RangeAgg(
            field=field.name,
            ranges=tuple(sorted((_bucket(row, field, formats) for row in rows), key=_extent)),
            aggs=parts,
        )

    def histogram(self, body: Any, parts: Mapping[str, Aggregation], nested: bool) -> Aggregation:
        allowed = frozenset(
            {"field", "interval", "offset", "min_doc_count", "keyed", "order", "extended_bounds"}
        )
        given = only(body, "histogram", allowed)
        field = field_name(given.get("field"), nested=nested)
        interval = float(number(given.get("interval"), "interval"))
        if interval < SMALLEST_INTERVAL:
            raise RequestRefused("interval", f"is at least {SMALLEST_INTERVAL}.")
        return HistogramAgg(
            field=field.name,
            interval=interval,
            offset=float(number(given.get("offset", 0.0), "offset")),
            min_doc_count=whole(given.get("min_doc_count", 0), "min_doc_count", 0, 10**9),
            bounds=_ends(given, lambda bound: float(number_of(field, bound))),
            aggs=parts,
        )

    def date_histogram(self, body: Any, parts: Mapping[str, Aggregation], nested: bool) -> Aggregation:
        allowed = frozenset(
            {
                "field",
                "calendar_interval",
                "fixed_interval",
                "min_doc_count",
                "format",
                "time_zone",
                "keyed",
                "order",
                "extended_bounds",
            }
        )
        if isinstance(body, dict) and "interval" in body:
            raise RequestRefused("interval", "of a date_histogram is calendar_interval or fixed_interval.")
        given = only(body, "date_histogram", allowed)
        field = field_name(given.get("field"), nested=nested)
        formats = date_options(given, advice="buckets begin with the days of UTC, so leave it out")
        calendar, fixed = given.get("calendar_interval"), given.get("fixed_interval")
        if (calendar is None) == (fixed is None):
            raise RequestRefused("date_histogram", "needs either calendar_interval or fixed_interval.")
        if calendar is not None and str(calendar) not in {*_CALENDAR, *_OF_THE_CLOCK}:
            raise RequestRefused(
                "calendar_interval", "is year, quarter, month, week, day, hour, minute or second."
            )
        return DateHistogramAgg(
            field=field.name,
            calendar_interval=_CALENDAR.get(str(calendar)),
            fixed_seconds=_OF_THE_CLOCK.get(str(calendar)) if fixed is None else _fixed(fixed),
            min_doc_count=whole(given.get("min_doc_count", 0), "min_doc_count", 0, 10**9),
            bounds=_ends(given, lambda bound: period_of(bound, field.name, formats).start),
            aggs=parts,
        )

    def composite(
        self, body: Any, parts: Mapping[str, Aggregation], path: tuple[str, ...], *, nested: bool
    ) -> tuple[Aggregation, Composite]:
        if nested or len(path) > 1:
            raise RequestRefused("composite", "stands at the top of aggs here; put filters into the query.")

        def read(
            kind: str, options: Mapping[str, Any], inner: Mapping[str, Aggregation]
        ) -> tuple[Aggregation, DateFormat | None]:
            alone = _KINDS[kind](self, options, inner, nested)
            written = read_shape(kind, options, None).written
            return inside(kind, alone), written

        return read_composite(body, parts, read)

    def missing(self, body: Any, parts: Mapping[str, Aggregation], nested: bool) -> Aggregation:
        given = only(body, "missing", frozenset({"field"}))
        return MissingAgg(field=field_name(given.get("field"), nested=nested).name, aggs=parts)

    def nested_(self, body: Any, parts: Mapping[str, Aggregation], nested: bool) -> Aggregation:
        if nested or only(body, "nested", frozenset({"path"})).get("path") != NESTED_PATH:
            raise RequestRefused("nested", f"is possible on {NESTED_PATH} only, one level deep.")
        return NestedAgg(path=NESTED_PATH, aggs=parts)

    def reverse_nested(self, body: Any, parts: Mapping[str, Aggregation], nested: bool) -> Aggregation:
        only(body, "reverse_nested", frozenset())
        if not nested:
            raise RequestRefused("reverse_nested", "needs a nested aggregation around it.")
        return ReverseNestedAgg(aggs=parts)


_KINDS: Mapping[str, Callable[[AggregationReader, Any, Mapping[str, Aggregation], bool], Aggregation]] = {
    "filter": AggregationReader.filter_,
    "filters": AggregationReader.filters,
    "terms": AggregationReader.terms,
    "range": AggregationReader.range_,
    "date_range": AggregationReader.range_,
    "histogram": AggregationReader.histogram,
    "date_histogram": AggregationReader.date_histogram,
    "missing": AggregationReader.missing,
    "nested": AggregationReader.nested_,
    "reverse_nested": AggregationReader.reverse_nested,
}


def below(body: Mapping[str, Any]) -> Any:
    """What stands under `aggs`, or `aggregations`; not both, of which one would be lost."""
    if "aggs" in body and "aggregations" in body:
        raise RequestRefused("aggregations", "stands beside aggs; put all of them into one.")
    return body.get("aggs", body.get("aggregations", {}))


def _none_of(queries: Mapping[str, Query]) -> Query:
    listed = tuple(queries.values())
    return Not(listed[0] if len(listed) == 1 else Or(listed))


_METRIC_OPTIONS: Mapping[str, frozenset[str]] = {
    "percentiles": frozenset({"percents", "keyed", "tdigest"}),
    "cardinality": frozenset({"precision_threshold"}),
}


def _metric(kind: str, body: Any, nested: bool) -> Aggregation:
    given = only(body, kind, frozenset({"field", "format"}) | _METRIC_OPTIONS.get(kind, frozenset()))
    whole(given.get("precision_threshold", 0), "precision_threshold", 0, 10**9)
    field = field_name(given.get("field"), nested=nested)
    if kind != "percentiles" or "percents" not in given:
        return MetricAgg(kind=kind, field=field.name)
    percents = given["percents"]
    if not isinstance(percents, list) or not 0 < len(percents) <= MAX_PERCENTS:
        raise RequestRefused("percents", f"needs a list of 1 to {MAX_PERCENTS} numbers.")
    numbers = tuple(float(numeral(percent, "percents")) for percent in percents)
    if not all(0 <= percent <= 100 for percent in numbers):
        raise RequestRefused("percents", "lie between 0 and 100.")
    return MetricAgg(kind=kind, field=field.name, percents=numbers)


def _listed(field: Resolved, values: Any, part: str) -> tuple[Any, ...] | None:
    """The values of a list, which alone are counted or are not; None where there is no list."""
    if values is None or (part == "include" and not isinstance(values, list)):
        return None
    if not isinstance(values, list):
        raise RequestRefused(part, "is a list of values here.")
    if len(values) > MAX_TERMS:
        raise RequestRefused(part, f"has more than {MAX_TERMS:,} values.")
    return tuple(value_of(field, value) for value in values)


def _beginning(pattern: Any) -> str | None:
    """`include` as a prefix (`bert.*`), the only pattern that both engines count alike."""
    if pattern is None or isinstance(pattern, list):
        return None
    if isinstance(pattern, dict):
        raise RequestRefused("include", "takes no partition here; read page by page with composite.")
    text = text_of(pattern, "include")
    stem = text.removesuffix(".*")
    if stem == text or re.search(r"[.?+*|{}\[\]()\"\\#@&<>~^$]", stem):
        raise RequestRefused("include", "is the beginning of a value followed by .* here.")
    return stem or None


def _order(order: Any, parts: Mapping[str, Aggregation]) -> tuple[str, bool]:
    if order is None:
        return ("_count", True)
    if isinstance(order, list):
        if len(order) > 2 or (len(order) == 2 and order[1] not in ({"_key": "asc"}, {"_term": "asc"})):
            raise RequestRefused("order", "takes one criterion; ties go by key.")
        order = order[0] if order else None
    if not isinstance(order, dict) or len(order) != 1:
        raise RequestRefused("order", "needs an object with one key.")
    name, direction = next(iter(order.items()))
    name = "_key" if name == "_term" else str(name)[:200]
    if name not in {"_count", "_key"}:
        name = _ordering_number(name, parts)
    return (name, is_descending(direction))


_OF_STATS = ("count", "min", "max", "avg", "sum")


def _ordering_number(name: str, parts: Mapping[str, Aggregation]) -> str:
    """The number below a bucket that orders it, as answers name it: `m`, `m.max`, `m.50.0`."""
    base, _, part = name.partition(".")
    measured = parts.get(base)
    if isinstance(measured, MetricAgg):
        if measured.kind in {"stats", "extended_stats"}:
            if part in _OF_STATS or (measured.kind == "extended_stats" and part == "sum_of_squares"):
                return name
        elif measured.kind == "percentiles":
            if _NUMBER.fullmatch(part) and float(part) in measured.percents:
                return f"{base}.{float(part)}"
        elif part in {"", "value"}:
            return base
    raise RequestRefused("order", f"names {name!r}, which is no number below this aggregation.")


def _extent(bucket: RangeBucket) -> tuple[bool, Any, bool, Any]:
    """The order of ranges in an answer, whatever the order in the body: by their begin, then by their end."""
    return bucket.start is not None, bucket.start or 0, bucket.end is None, bucket.end or 0


def _bucket(row: Any, field: Resolved, formats: tuple[DateFormat, ...]) -> RangeBucket:
    given = only(row, "ranges", frozenset({"key", "from", "to"}))
    start: Any
    end: Any
    if field.type == "date":
        start, end = (
            period_of(given[end], field.name, formats).start if given.get(end) is not None else None
            for end in ("from", "to")
        )
    elif field.type in NUMBERS:
        start, end = (
            numeral(given[end], end) if given.get(end) is not None else None for end in ("from", "to")
        )
    else:
        raise RequestRefused(field.name, "has no order; a range needs a number or a date.")
    written = formats[0].written if formats else None
    unnamed = f"{_edge(start, written)}-{_edge(end, written)}"
    key = text_of(given["key"], "key") if given.get("key") is not None else unnamed
    return RangeBucket(key=key, start=start, end=end)


def _ends(given: Mapping[str, Any], read: Callable[[Any], Any]) -> tuple[Any, Any] | None:
    """`extended_bounds`: the two values up to which there are empty buckets."""
    if given.get("extended_bounds") is None:
        return None
    ends = only(given["extended_bounds"], "extended_bounds", frozenset({"min", "max"}))
    if ends.get("min") is None or ends.get("max") is None:
        raise RequestRefused("extended_bounds", "needs min and max here.")
    return read(ends["min"]), read(ends["max"])


def _edge(value: Any, written: Callable[[datetime], str] | None) -> str:
    """The way Elasticsearch names the ends of an unnamed range: `*-0.5`, `2024-01-01T00:00:00.000Z-*`."""
    if value is None:
        return "*"
    if isinstance(value, datetime):
        return written(value) if written else iso(value)
    return java_text(float(value))


def _fixed(text: Any) -> int:
    match = _FIXED.fullmatch(text) if isinstance(text, str) else None
    thousandths = int(match[1]) * _MILLISECONDS[match[2]] if match else 0
    if thousandths <= 0 or thousandths % 1_000:
        raise RequestRefused("fixed_interval", "is whole seconds, as a number with ms, s, m, h or d: 30d.")
    return thousandths // 1_000
