"""The answer to a search in Elasticsearch's shape: hits, aggregations, highlights, `_source` as it was asked for."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from catalog.dsl.body import Options
from catalog.dsl.bucket_response import aggregations_response
from catalog.dsl.dates import ISO, DateFormat
from catalog.dsl.highlight import flat, highlighter
from catalog.dsl.values import without_subfield
from catalog.query.instants import EPOCH, milliseconds
from catalog.query.periods import parse_period
from catalog.query.request import SearchRequest, SearchResult
from mappings import fields


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
    highlights = highlighter(request.query, options.highlight)
    hits["hits"] = [_hit(hit, request, index, options, highlights) for hit in result.hits]
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


def _hit(
    hit: Any, request: SearchRequest, index: str, options: Options, highlights: Highlighter
) -> dict[str, Any]:
    shown: dict[str, Any] = {"_index": index, "_id": hit.id, "_score": hit.score if options.scored else None}
    source = source_of(hit.document, options)
    if source is not None:
        shown["_source"] = source
    if options.fields:
        listed = _field_lists(hit.document, options.fields)
        if listed:
            shown["fields"] = listed
    if options.highlight:
        marked = highlights(hit.document)
        if marked:
            shown["highlight"] = marked
    if request.sort or options.pit is not None:
        forms = (*options.sort_written, *[None] * len(hit.sort))
        shown["sort"] = [_sort_value(value, form) for value, form in zip(hit.sort, forms, strict=False)]
    return shown


def _sort_value(value: Any, form: DateFormat | None) -> Any:
    if isinstance(value, datetime):
        return milliseconds(value) if form is None else form.written(value)
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


Highlighter = Callable[[Mapping[str, Any]], dict[str, list[str]]]
FieldForms = Sequence[tuple[str, DateFormat | None]]
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
    kept: dict[str, Any] = {}
    for key, inner in value.items():
        here = f"{path}.{key}" if path else str(key)
        if excludes[0](here):
            continue
        wanted = inside or includes[0](here)
        if isinstance(inner, Mapping):
            if wanted or includes[1](here):
                below = _cut(inner, here, includes, excludes, inside=wanted)
                if below or wanted:
                    kept[key] = below
        elif isinstance(inner, list) and any(isinstance(entry, Mapping) for entry in inner):
            if wanted or includes[1](here):
                cut = [
                    _cut(entry, here, includes, excludes, inside=wanted)
                    if isinstance(entry, Mapping)
                    else entry
                    for entry in inner
                ]
                if wanted or any(cut):
                    kept[key] = [part for part, entry in zip(cut, inner, strict=True) if part or not entry]
        elif wanted:
            kept[key] = inner
    return kept


def _field_lists(document: Mapping[str, Any], wanted: FieldForms) -> dict[str, list[Any]]:
    """`fields`: every value as a list, under its dotted name; dates in one form, whatever the document has."""
    lists: dict[str, list[Any]] = {}
    values = flat(document)
    for form in dict.fromkeys(form for _, form in wanted):
        asked = tuple(pattern for pattern, its in wanted if its == form)
        # a hit answers by the name that was asked for
        exact = {without_subfield(pattern): pattern for pattern in asked}
        named, _ = _matcher(tuple(exact))
        lists |= {
            exact.get(path, path): [_field_value(path, value, form) for value in values[path]]
            for path in values
            if named(path)
        }
    return lists


def _field_value(path: str, value: Any, form: DateFormat | None) -> Any:
    row = fields().get(path)
    if row is None or row.type != "date" or not isinstance(value, str):
        return value
    period = parse_period(value, EPOCH)
    return value if period is None else (form or ISO).written(period.start)
