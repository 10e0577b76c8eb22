"""`composite`: every combination of values, page after page in the order of their keys.

Its sources become one aggregation inside the other, from which the combinations are read in order; `after` and `size` cut
a page out of them. Models that lack one of the values are in no combination, as in Elasticsearch without missing_bucket.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import Any

from catalog.dsl.dates import DateFormat
from catalog.dsl.values import is_descending, numeral, only, text_of, whole
from catalog.errors import RequestRefused
from catalog.lazy_dataclasses import dataclass, replace
from catalog.query.instants import milliseconds
from catalog.query.request import (
    Aggregation,
    AggregationResult,
    Bucket,
    DateHistogramAgg,
    HistogramAgg,
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
_REFUSED_OPTIONS = frozenset({"missing_bucket", "missing_order"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One of the values that make a combination: its name, its order, and the form of its dates."""

    name: str
    descending: bool = False
    written: DateFormat | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Composite:
    """The page of combinations that is wanted."""

    sources: tuple[Source, ...]
    size: int = 10
    after: Mapping[str, Any] | None = None

    def innermost(self, outermost: Any) -> Any:
        """The aggregation whose buckets are combinations, under the one of the first source."""
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
    names = [name for name, _, _, _ in rows]
    if len(set(names)) < len(names):
        raise RequestRefused("sources", "of composite need names of their own.")
    sources: list[Source] = []
    inner = dict(parts)
    for name, kind, options, descending in reversed(rows):
        aggregation, written = read(kind, options, inner)
        sources.insert(0, Source(name=name, descending=descending, written=written))
        inner = {name: aggregation}
    after = given.get("after")
    if "after" in given:
        if not isinstance(after, dict) or set(after) != set(names):
            raise RequestRefused("after", f"of composite needs a value for each of {', '.join(names)}.")
        after = _typed(after, sources, aggregation)
    size = whole(given.get("size", 10), "size", 1, MAX_SIZE)
    return aggregation, Composite(sources=tuple(sources), size=size, after=after)


def _row(entry: Any) -> tuple[str, str, dict[str, Any], bool]:
    if not isinstance(entry, dict) or len(entry) != 1:
        raise RequestRefused("sources", "of composite are objects with one name each.")
    name, inner = next(iter(entry.items()))
    if not isinstance(inner, dict) or len(inner) != 1 or not set(inner) <= set(_OPTIONS):
        raise RequestRefused("sources", f"of composite are {', '.join(sorted(_OPTIONS))} here.")
    kind, options = next(iter(inner.items()))
    if not isinstance(options, dict):
        raise RequestRefused(kind, "needs an object.")
    for option in _REFUSED_OPTIONS & set(options):
        if options[option]:
            raise RequestRefused(option, "is not allowed here; count those without a value by missing.")
    known = only(options, f"a source of composite by {kind}", _OPTIONS[kind] | _REFUSED_OPTIONS | {"order"})
    kept = {key: value for key, value in known.items() if key in _OPTIONS[kind]}
    return str(name)[:100], kind, kept, is_descending(known.get("order", "asc"))


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
    every = _combinations(wanted.sources, asked, answer)
    if wanted.after is not None:
        mark = [_rank(source, wanted.after[source.name]) for source in wanted.sources]
        every = (
            row for row in every if [_rank(source, row[0][source.name]) for source in wanted.sources] > mark
        )
    return list(islice(every, wanted.size))


def _combinations(
    sources: tuple[Source, ...], asked: Any, answer: AggregationResult
) -> Iterator[tuple[dict[str, Any], Bucket]]:
    if answer.other_count:
        raise RequestRefused(asked.field, f"has more than {MAX_VALUES:,} values; narrow the search.")
    first, *rest = sources
    buckets = answer.buckets[::-1] if first.descending else answer.buckets
    for bucket in buckets:
        key = {first.name: _key(first, bucket.key)}
        if not rest:
            yield key, bucket
            continue
        name = rest[0].name
        below = _combinations(tuple(rest), asked.aggs[name], bucket.aggregations[name])
        yield from (({**key, **inner}, innermost) for inner, innermost in below)


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


def _rank(source: Source, value: Any) -> _Rank:
    if isinstance(value, bool | None) or not isinstance(value, str | int | float):
        return _Rank(("", str(value)), source.descending)
    if isinstance(value, str):
        return _Rank(("text", fold(value)), source.descending)  # the order in which engines give their keys
    return _Rank(("number", value), source.descending)
