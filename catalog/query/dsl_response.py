"""The answer to a search in Elasticsearch's shape: hits, aggregations, highlights, `_source` as it was asked for."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from catalog.query.dsl import Options
from catalog.query.dsl_aggs import Shapes
from catalog.query.dsl_values import iso, milliseconds
from catalog.query.nodes import And, Match, Not, Or, Phrase, Query
from catalog.search.request import (
    Aggregation,
    AggregationResult,
    Bucket,
    FilterAgg,
    HistogramAgg,
    MetricAgg,
    MissingAgg,
    NestedAgg,
    RangeAgg,
    ReverseNestedAgg,
    SearchRequest,
    SearchResult,
    TermsAgg,
)
from mappings import fields

MAX_FRAGMENT = 200
"""Characters around the first found word of a long text."""
_WORD = re.compile(r"\w+")
_WITH_COUNT = (FilterAgg, MissingAgg, NestedAgg, ReverseNestedAgg)


def to_es_response(
    result: SearchResult, request: SearchRequest, index: str, options: Options | None = None
) -> dict[str, Any]:
    """The body of a `_search` answer."""
    options = options or Options()
    scores = [hit.score for hit in result.hits if hit.score is not None]
    hits: dict[str, Any] = {}
    total = _total(result.total, options.track_total_hits)
    if total is not None:
        hits["total"] = total
    hits["max_score"] = max(scores) if scores and options.scored else None
    hits["hits"] = [_hit(hit, request, index, options) for hit in result.hits]
    body = {
        "took": result.took_ms,
        "timed_out": False,
        "_shards": {"total": 1, "successful": 1, "skipped": 0, "failed": 0},
        "hits": hits,
    }
    if request.aggregations:
        body["aggregations"] = aggregations_response(
            request.aggregations, result.aggregations, options.shapes
        )
    if options.pit is not None:
        body["pit_id"] = options.pit
    return body


def _total(total: int, tracked: bool | int) -> dict[str, Any] | None:
    """Exact, or cut where the caller asked to stop counting. Elasticsearch leaves it out for False."""
    if tracked is False:
        return None
    if tracked is not True and total > tracked:
        return {"value": tracked, "relation": "gte"}
    return {"value": total, "relation": "eq"}


def _hit(hit: Any, request: SearchRequest, index: str, options: Options) -> dict[str, Any]:
    shown: dict[str, Any] = {"_index": index, "_id": hit.id, "_score": hit.score if options.scored else None}
    source = source_of(hit.document, options)
    if source is not None:
        shown["_source"] = source
    if options.fields:
        shown["fields"] = _field_lists(hit.document, options.fields)
    if options.highlight:
        marked = highlights(hit.document, request.query, options.highlight, options.highlight_tags)
        if marked:
            shown["highlight"] = marked
    if request.sort or options.pit is not None:
        shown["sort"] = [_sort_value(value) for value in hit.sort]
    return shown


def _sort_value(value: Any) -> Any:
    if isinstance(value, datetime):
        return milliseconds(value)
    return value


# _source ----------------------------------------------------------------------------------------------------------


def source_of(document: Mapping[str, Any], options: Options) -> dict[str, Any] | None:
    """The document, cut to the asked patterns; None when no source is wanted."""
    if options.source is False:
        return None
    includes = () if options.source is True else options.source
    if not includes and not options.excludes:
        return dict(document)
    return _cut(document, "", _matcher(includes), _matcher(options.excludes), inside=not includes)


Matcher = Callable[[str], bool]


@lru_cache(maxsize=64)
def _matcher(patterns: tuple[str, ...]) -> tuple[Matcher, Matcher]:
    """Whether a path is named by a pattern, and whether something below it may be.

    Both remember their answers: the paths of a thousand hits are the same few hundred.
    """
    compiled = [re.compile(fnmatch.translate(pattern)) for pattern in patterns]

    @lru_cache(maxsize=4096)
    def named(path: str) -> bool:
        return any(pattern.fullmatch(path) for pattern in compiled)

    @lru_cache(maxsize=4096)
    def above(path: str) -> bool:
        return any(pattern.startswith(f"{path}.") or _reaches(pattern, path) for pattern in patterns)

    return named, above


def _reaches(pattern: str, path: str) -> bool:
    """A star may stand for anything below `path`."""
    before, star, _ = pattern.partition("*")
    return bool(star) and (path.startswith(before) or before.startswith(path))


def _cut(
    value: Mapping[str, Any],
    path: str,
    includes: tuple[Matcher, Matcher],
    excludes: tuple[Matcher, Matcher],
    *,
    inside: bool,
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, inner in value.items():
        here = f"{path}.{key}" if path else str(key)
        if excludes[0](here):
            continue
        wanted = inside or includes[0](here)
        if isinstance(inner, Mapping):
            if wanted or includes[1](here):
                below = _cut(inner, here, includes, excludes, inside=wanted)
                if below or wanted:
                    found[key] = below
        elif isinstance(inner, list) and any(isinstance(one, Mapping) for one in inner):
            if wanted or includes[1](here):
                cut = [
                    _cut(one, here, includes, excludes, inside=wanted) if isinstance(one, Mapping) else one
                    for one in inner
                ]
                if wanted or any(cut):
                    found[key] = cut
        elif wanted:
            found[key] = inner
    return found


def _field_lists(document: Mapping[str, Any], patterns: tuple[str, ...]) -> dict[str, list[Any]]:
    """`fields`: every value as a list, under its dotted name."""
    flat: dict[str, list[Any]] = {}
    _flatten(document, "", flat)
    named, _ = _matcher(patterns)
    return {path: values for path, values in flat.items() if named(path)}


def _flatten(value: Any, path: str, found: dict[str, list[Any]]) -> None:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            _flatten(inner, f"{path}.{key}" if path else str(key), found)
    elif isinstance(value, list):
        for inner in value:
            _flatten(inner, path, found)
    else:
        found.setdefault(path, []).append(value)


# Highlights -------------------------------------------------------------------------------------------------------


def highlights(
    document: Mapping[str, Any], query: Query, names: Sequence[str], tags: tuple[str, str]
) -> dict[str, list[str]]:
    """The found words between tags, per field. The text of files is escaped for HTML, so that only our tags are tags."""
    wanted = {folded for text in _searched(query) for folded in _words(text)}
    if not wanted:
        return {}
    flat: dict[str, list[Any]] = {}
    _flatten(document, "", flat)
    found = {}
    for name in names:
        marked = [
            text for value in flat.get(name, []) if (text := _marked(str(value), wanted, tags)) is not None
        ]
        if marked:
            found[name] = marked[:5]
    return found


def _searched(query: Query) -> list[str]:
    match query:
        case Match(text=text) | Phrase(text=text):
            return [text]
        case And(clauses=clauses) | Or(clauses=clauses):
            return [text for clause in clauses for text in _searched(clause)]
        case Not():
            return []
    return []


def _words(text: str) -> list[str]:
    return [word.casefold() for word in _WORD.findall(text)]


def _marked(text: str, wanted: set[str], tags: tuple[str, str]) -> str | None:
    """A piece of the text around its first found word; None when there is none."""
    spots = [match.span() for match in _WORD.finditer(text) if _found(match[0], wanted)]
    if not spots:
        return None
    start = max(0, spots[0][0] - MAX_FRAGMENT // 2)
    end = min(len(text), max(start + MAX_FRAGMENT, spots[0][1]))
    parts, at = [], start
    for low, high in spots:
        if low < at or high > end:
            continue
        parts += [_escaped(text[at:low]), tags[0], _escaped(text[low:high]), tags[1]]
        at = high
    return "".join((*parts, _escaped(text[at:end])))


def _found(word: str, wanted: set[str]) -> bool:
    folded = word.casefold()
    return folded in wanted or any(part in wanted for part in folded.split("_"))


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


# Aggregations -----------------------------------------------------------------------------------------------------


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
    if isinstance(asked, MetricAgg):
        return _metric(asked, answer)
    if isinstance(asked, _WITH_COUNT):
        below = aggregations_response(asked.aggs, answer.aggregations, shapes, path)
        return {"doc_count": answer.count or 0, **below}
    buckets = [_bucket(asked, bucket, shapes, path) for bucket in answer.buckets]
    found: dict[str, Any] = {}
    if isinstance(asked, TermsAgg):
        found = {"doc_count_error_upper_bound": 0, "sum_other_doc_count": answer.other_count}
    if shapes.get(path):
        return {**found, "buckets": {_name(bucket): _unnamed(bucket) for bucket in buckets}}
    return {**found, "buckets": buckets}


def _name(bucket: Mapping[str, Any]) -> str:
    return str(bucket.get("key_as_string", bucket["key"]))


def _unnamed(bucket: dict[str, Any]) -> dict[str, Any]:
    """A keyed bucket of a range goes by its name; one of a histogram keeps its key."""
    return {key: value for key, value in bucket.items() if key != "key" or not isinstance(value, str)}


def _bucket(asked: Any, bucket: Bucket, shapes: Shapes, path: tuple[str, ...]) -> dict[str, Any]:
    below = aggregations_response(asked.aggs, bucket.aggregations, shapes, path)
    return {**_key(asked, bucket), "doc_count": bucket.count, **below}


def _key(asked: Any, bucket: Bucket) -> dict[str, Any]:
    if isinstance(asked, RangeAgg):
        return _range_key(bucket)
    if isinstance(bucket.key, datetime):
        return {"key_as_string": iso(bucket.key), "key": milliseconds(bucket.key)}
    if isinstance(bucket.key, bool):
        return {"key": int(bucket.key), "key_as_string": "true" if bucket.key else "false"}
    if isinstance(asked, HistogramAgg):
        return {"key": float(bucket.key)}
    return {"key": bucket.key}


def _range_key(bucket: Bucket) -> dict[str, Any]:
    shown: dict[str, Any] = {"key": bucket.name or str(bucket.key)}
    for name, end in (("from", bucket.start), ("to", bucket.end)):
        if isinstance(end, datetime):
            shown |= {name: float(milliseconds(end)), f"{name}_as_string": iso(end)}
        elif end is not None:
            shown[name] = float(end)
    return shown


def _metric(asked: MetricAgg, answer: AggregationResult) -> dict[str, Any]:
    if asked.kind == "percentiles":
        return {"values": dict(answer.values)}
    row = fields().get(asked.field)
    if row is None or row.type != "date" or asked.kind in {"value_count", "cardinality"}:
        return dict(answer.values)
    found: dict[str, Any] = {}
    for name, value in answer.values.items():
        found[name] = value
        if value is not None and name != "count":
            found[f"{name}_as_string"] = _iso_of(value)
    return found


def _iso_of(value: float) -> str:
    return iso(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=value))
