"""`composite`: every combination of values, page after page in the order of their keys.

Its sources become one aggregation inside the other, from which the combinations are read in order; `after` and `size` cut
a page out of them. Models that lack one of the values are in no combination; with `missing_bucket` they are counted beside the
values of that source, under null.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import Any

from catalog.dsl.dates import DateFormat
from catalog.dsl.values import flag, is_descending, numeral, only, text_of, whole
from catalog.errors import RequestRefused
from catalog.lazy_dataclasses import dataclass, replace
from catalog.query.instants import milliseconds
from catalog.query.nodes import All
from catalog.query.request import (
    Aggregation,
    AggregationResult,
    Bucket,
    DateHistogramAgg,
    FilterAgg,
    HistogramAgg,
    MissingAgg,
    TermsAgg,
)
from catalog.query.validate import COLUMNS, resolve
from catalog.text.folding import fold

MAX_SOURCES = 3
MAX_SIZE = 10_000
MAX_VALUES = 10_000
"""Values of one source. More could only be read by reading all of them for every page."""
_OPTIONS: Mapping[str, frozenset[str]] = {
    "terms": frozenset({"field"}),
    "histogram": frozenset({"field", "interval"}),
    "date_histogram": frozenset({"field", "calendar_interval", "fixed_interval", "format", "time_zone"}),
}
"""The kinds of sources, and what they say beside their order; what else such an aggregation takes alone has no meaning here."""
_OF_EVERY_SOURCE = frozenset({"order", "missing_bucket", "missing_order"})
_LACKING = "lacking"
"""The name beside that of a source under which the models without its value are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One of the values that make a combination: its name, its order, and the form of its dates.

    Models without the value are in combinations with null where there is a place for null: before all values or behind.
    """

    name: str
    descending: bool = False
    null_place: str | None = None
    written: DateFormat | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Composite:
    """The page of combinations that is wanted."""

    sources: tuple[Source, ...]
    size: int = 10
    after: Mapping[str, Any] | None = None

    def innermost(self, outermost: Any) -> Any:
        """The aggregation whose buckets are combinations, under the one of the first source."""
        outermost = _level(self.sources[0], outermost)[self.sources[0].name]
        for source in self.sources[1:]:
            outermost = outermost.aggs[source.name]
        return outermost


Reader = Callable[[str, Mapping[str, Any], Mapping[str, Aggregation]], tuple[Aggregation, DateFormat | None]]


def read_composite(
    body: Any, parts: Mapping[str, Aggregation], read: Reader
) -> tuple[Aggregation, Composite]:
    """The aggregations inside each other, and the page. `read` reads one source by its kind, as it stands alone."""
    given = only(body, "composite", frozenset({"sources", "size", "after"}))
    listed = given.get("sources")
    if not isinstance(listed, list) or not 0 < len(listed) <= MAX_SOURCES:
        raise RequestRefused("sources", f"of composite is a list of 1 to {MAX_SOURCES} here.")
    rows = [_row(entry) for entry in listed]
    names = [source.name for source, _, _ in rows]
    if len(set(names)) < len(names):
        raise RequestRefused("sources", "of composite need names of their own.")
    sources: list[Source] = []
    inner = dict(parts)
    for source, kind, options in reversed(rows):
        aggregation, written = read(kind, options, inner)
        sources.insert(0, replace(source, written=written))
        inner = _with_lacking(source, aggregation)
    after = given.get("after")
    if "after" in given:
        if not isinstance(after, dict) or set(after) != set(names):
            raise RequestRefused("after", f"of composite needs a value for each of {', '.join(names)}.")
        after = _typed(after, sources, aggregation)
    size = whole(given.get("size", 10), "size", 1, MAX_SIZE)
    whole_level = aggregation if len(inner) == 1 else FilterAgg(query=All(), aggs=inner)
    return whole_level, Composite(sources=tuple(sources), size=size, after=after)


def _with_lacking(source: Source, aggregation: Any) -> dict[str, Aggregation]:
    """The aggregation of the source, and where null is wanted the same below the models that lack its value."""
    level: dict[str, Aggregation] = {source.name: aggregation}
    if source.null_place is not None:
        level[_lacking(source)] = MissingAgg(field=aggregation.field, aggs=aggregation.aggs)
    return level


def _lacking(source: Source) -> str:
    return f"{source.name}.{_LACKING}"


def _level(first: Source, outermost: Any) -> Mapping[str, Aggregation]:
    """What is asked at the top: one aggregation, or two in one bucket of everything."""
    return outermost.aggs if first.null_place is not None else {first.name: outermost}


def _row(entry: Any) -> tuple[Source, str, dict[str, Any]]:
    if not isinstance(entry, dict) or len(entry) != 1:
        raise RequestRefused("sources", "of composite are objects with one name each.")
    name, inner = next(iter(entry.items()))
    if not isinstance(inner, dict) or len(inner) != 1 or not set(inner) <= set(_OPTIONS):
        raise RequestRefused("sources", f"of composite are {', '.join(sorted(_OPTIONS))} here.")
    kind, options = next(iter(inner.items()))
    if not isinstance(options, dict):
        raise RequestRefused(kind, "needs an object.")
    known = only(options, f"a source of composite by {kind}", _OPTIONS[kind] | _OF_EVERY_SOURCE)
    kept = {key: value for key, value in known.items() if key in _OPTIONS[kind]}
    descending = is_descending(known.get("order", "asc"))
    place = _null_place(known, descending=descending)
    return Source(name=str(name)[:100], descending=descending, null_place=place), kind, kept


def _null_place(options: Mapping[str, Any], *, descending: bool) -> str | None:
    """Where null stands: before all values or behind, by default as if it was the least of them. None without it."""
    place = str(options.get("missing_order", "default")).lower()
    if place not in {"first", "last", "default"}:
        raise RequestRefused("missing_order", "is first, last or default.")
    if not flag(options.get("missing_bucket", False), "missing_bucket"):
        if place != "default":
            raise RequestRefused("missing_order", "needs missing_bucket: true beside it.")
        return None
    return place if place != "default" else "last" if descending else "first"


def _typed(after: Mapping[str, Any], sources: list[Source], outermost: Any) -> dict[str, Any]:
    """The last combination in the types of its keys: numbers that a program kept as text are numbers.

    Compared as they came, they would stand before or behind all others: the pages ended early, or never.
    """
    typed: dict[str, Any] = {}
    asked = outermost
    for source, following in zip(sources, [*sources[1:], None], strict=True):
        typed[source.name] = _typed_key(source, asked, after[source.name])
        asked = asked if following is None else asked.aggs[following.name]
    return typed


def _typed_key(source: Source, asked: Any, value: Any) -> Any:
    part = f"after.{source.name}"
    if value is None and source.null_place is not None:
        return None
    if source.written is not None:
        return text_of(value, part)
    kind = resolve(asked.field).type
    if kind in {"leaf", "boolean"}:
        return value  # either may be met among hyper-parameters
    return numeral(value, part) if kind in COLUMNS else _text(value, part)


def _text(value: Any, part: str) -> str:
    """Text as such: a number is none of a keyword's values, and would be read from the first page on, for ever."""
    if not isinstance(value, str):
        raise RequestRefused(part, "needs text.")
    return text_of(value, part)


def inside(kind: str, aggregation: Aggregation) -> Aggregation:
    """The aggregation as a source: all its values in the order of their keys, and no empty ones."""
    match aggregation:
        case TermsAgg():
            return TermsAgg(
                field=aggregation.field, size=MAX_VALUES, order=("_key", False), aggs=aggregation.aggs
            )
        case HistogramAgg() | DateHistogramAgg():
            return replace(aggregation, min_doc_count=1, bounds=None)
    raise RequestRefused(kind, "is no source of composite here.")


def combinations_page(
    wanted: Composite, asked: Aggregation, answer: AggregationResult
) -> list[tuple[dict[str, Any], Bucket]]:
    """The combinations of the page with their buckets, in order."""
    first = wanted.sources[0]
    answers = answer.aggregations if first.null_place is not None else {first.name: answer}
    every = _combinations(wanted.sources, _level(first, asked), answers)
    if wanted.after is not None:
        mark = [_rank(source, wanted.after[source.name]) for source in wanted.sources]
        every = (
            row for row in every if [_rank(source, row[0][source.name]) for source in wanted.sources] > mark
        )
    return list(islice(every, wanted.size))


def _combinations(
    sources: tuple[Source, ...], level: Mapping[str, Any], answers: Mapping[str, AggregationResult]
) -> Iterator[tuple[dict[str, Any], Bucket]]:
    first, *rest = sources
    asked = level[first.name]
    if answers[first.name].other_count:
        raise RequestRefused(asked.field, f"has more than {MAX_VALUES:,} values; narrow the search.")
    for bucket in _buckets(first, answers):
        key = {first.name: _key(first, bucket.key)}
        if not rest:
            yield key, bucket
            continue
        below = _combinations(tuple(rest), asked.aggs, bucket.aggregations)
        yield from (({**key, **inner}, innermost) for inner, innermost in below)


def _buckets(source: Source, answers: Mapping[str, AggregationResult]) -> tuple[Bucket, ...]:
    """The buckets of the source in its order, with the one of null in its place."""
    buckets = answers[source.name].buckets
    buckets = buckets[::-1] if source.descending else buckets
    lacking = answers.get(_lacking(source)) if source.null_place is not None else None
    if lacking is None or not lacking.count:
        return buckets
    null = Bucket(key=None, count=lacking.count, aggregations=lacking.aggregations)
    return (null, *buckets) if source.null_place == "first" else (*buckets, null)


def _key(source: Source, key: Any) -> Any:
    if isinstance(key, datetime):
        return milliseconds(key) if source.written is None else source.written.written(key)
    return key


@dataclass(frozen=True, slots=True)
class _Rank:
    """A key in the order of its source. Texts stand behind numbers, which never meet in one source."""

    value: Any
    descending: bool

    def __lt__(self, other: _Rank) -> bool:
        left, right = (self, other) if not self.descending else (other, self)
        return bool(left.value < right.value)


def _rank(source: Source, value: Any) -> tuple[int, _Rank]:
    """The place of a key among those of its source: null before or behind all others."""
    if value is None:
        return (0 if source.null_place == "first" else 2), _Rank(("", ""), source.descending)
    return 1, _rank_of_value(source, value)


def _rank_of_value(source: Source, value: Any) -> _Rank:
    if isinstance(value, bool | None) or not isinstance(value, str | int | float):
        return _Rank(("", str(value)), source.descending)
    if isinstance(value, str):
        return _Rank(("text", fold(value)), source.descending)  # the order in which engines give their keys
    return _Rank(("number", value), source.descending)
