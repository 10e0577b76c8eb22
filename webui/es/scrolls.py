"""Points in time and scrolls: reading all that a search finds, page by page, while the index changes."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from flask import request as http

from catalog.dsl.values import only
from catalog.errors import RequestRefused
from webui.es.call import Asked
from webui.es.contexts import Context
from webui.es.faults import Json, illegal, no_such_context
from webui.es.media import read_json
from webui.es.search_body import Form, Search, nothing, shaped
from webui.es.times import keep_alive, seconds_of

if TYPE_CHECKING:
    from catalog.query.request import SearchResult

MAX_IDS = 100
_SHARDS = {"total": 1, "successful": 1, "skipped": 0, "failed": 0}


def open_point(asked: Asked) -> Json:
    """The id of a new point in time."""
    return {"id": _opened(asked), "_shards": dict(_SHARDS)}


def open_pit(asked: Asked) -> Json:
    """The same in OpenSearch's words. Source: OpenSearch 2, Point in Time API, create a PIT."""
    identifier = _opened(asked)
    return {"pit_id": identifier, "_shards": dict(_SHARDS), "creation_time": round(time.time() * 1000)}


def close_pits(asked: Asked) -> tuple[Json, int]:
    """Closes points in time by their ids, in OpenSearch's words."""
    body = only(read_json(http), "_search/point_in_time", frozenset({"pit_id"}))
    asked.arguments.done()
    identifiers = _identifiers(body.get("pit_id"), "pit_id")
    dropped = [(identifier, _dropped(asked, [identifier])[0]) for identifier in identifiers]
    shown = [{"successful": bool(count), "pit_id": identifier} for identifier, count in dropped]
    return {"pits": shown}, 200 if any(count for _, count in dropped) else 404


def _opened(asked: Asked) -> str:
    if asked.index is None:
        raise illegal("index", "is needed to open a point in time.")
    if not asked.among_models():
        raise illegal("index", "names nothing here; a point in time needs models.")
    seconds = keep_alive(seconds_of(asked.arguments.text("keep_alive"), "keep_alive"))
    if read_json(http):
        raise RequestRefused("index_filter", "is not allowed here; filter in the search.")
    for name in ("allow_partial_pit_creation", "expand_wildcards", "preference", "routing"):
        asked.arguments.text(name)
    asked.arguments.done()
    point = asked.call.run(lambda: asked.call.catalog.point_in_time(keep_seconds=seconds))
    return asked.call.dialect.contexts.keep(asked.call.holder, point, seconds)


def close_point(asked: Asked) -> tuple[Json, int]:
    body = only(read_json(http), "_pit", frozenset({"id"}))
    asked.arguments.done()
    count, status = _dropped(asked, _identifiers(body.get("id"), "id"))
    return {"succeeded": bool(count), "num_freed": count}, status


def search_at_point(asked: Asked, wanted: Search, form: Form) -> Json:
    """A search of a point in time: later changes of the index do not show."""
    if asked.index is not None:
        raise illegal("index", "cannot be used with a point in time; the point has its own.")
    identifier = wanted.options.pit or ""
    contexts = asked.call.dialect.contexts
    with contexts.use(asked.call.holder, identifier, wanted.pit_seconds) as context:
        _, body = _searched(asked, context, wanted, form)
    return body


def open_scroll(asked: Asked, wanted: Search, scroll: str, form: Form) -> Json:
    """The first page of a scroll, and the id under which the next ones are."""
    seconds = keep_alive(seconds_of(scroll, "scroll"))
    _scrollable(wanted)
    if not wanted.among_models:
        return {**shaped(nothing(), wanted, form), "_scroll_id": "none"}
    holder, contexts = asked.call.holder, asked.call.dialect.contexts
    point = asked.call.run(lambda: asked.call.catalog.point_in_time(keep_seconds=seconds))
    identifier = contexts.keep(holder, point, seconds, search=wanted)
    try:
        with contexts.use(holder, identifier, scroll=True) as context:
            body = _page(asked, context, wanted, form)
    except BaseException:
        contexts.drop(holder, [identifier])
        raise
    return {"_scroll_id": identifier, **body}


def next_of_scroll(asked: Asked) -> Json:
    """The next page of a scroll; empty at its end."""
    form = Form.of(asked.arguments)
    body = only(read_json(http), "_search/scroll", frozenset({"scroll_id", "scroll"}))
    identifier = body.get("scroll_id", asked.arguments.text("scroll_id"))
    kept = body.get("scroll", asked.arguments.text("scroll"))
    asked.arguments.done()
    if not isinstance(identifier, str):
        raise RequestRefused("scroll_id", "is needed.")
    seconds = None if kept is None else keep_alive(seconds_of(kept, "scroll"))
    with asked.call.dialect.contexts.use(asked.call.holder, identifier, seconds, scroll=True) as context:
        if context.search is None:
            raise no_such_context(identifier)
        shown = _page(asked, context, context.search, form)
    return {"_scroll_id": identifier, **shown}


def close_scrolls(asked: Asked) -> tuple[Json, int]:
    body = only(read_json(http), "_search/scroll", frozenset({"scroll_id"}))
    given = body.get("scroll_id", asked.arguments.listed("scroll_id"))
    asked.arguments.done()
    count, status = _dropped(asked, _identifiers(given, "scroll_id"))
    return {"succeeded": True, "num_freed": count}, status


def _scrollable(wanted: Search) -> None:
    if wanted.options.pit is not None:
        raise RequestRefused("scroll", "cannot be used with a point in time; use search_after.")
    if wanted.request.offset:
        raise RequestRefused("from", "is not allowed in a scroll.")
    if wanted.request.after is not None:
        raise RequestRefused("search_after", "is not allowed in a scroll.")
    if not wanted.request.size:
        raise RequestRefused("size", "cannot be 0 in a scroll.")


def _page(asked: Asked, context: Context, wanted: Search, form: Form) -> Json:
    """One page, after which the scroll stands behind its last hit. Aggregations come with the first page only."""
    result, body = _searched(asked, context, wanted, form)
    after = result.hits[-1].sort if result.hits else wanted.request.after
    context.search = replace(wanted, request=replace(wanted.request, after=after, aggregations={}))
    return body


def _searched(asked: Asked, context: Context, wanted: Search, form: Form) -> tuple[SearchResult, Json]:
    def answered() -> tuple[SearchResult, Json]:
        result = context.point.search(wanted.request)
        return result, shaped(result, wanted, form)

    return asked.call.run(answered, seconds=wanted.seconds)


def _identifiers(given: Any, part: str) -> list[str]:
    listed = given if isinstance(given, list) else [given]
    if len(listed) > MAX_IDS or not all(isinstance(identifier, str) for identifier in listed):
        raise RequestRefused(part, f"is an id, or up to {MAX_IDS} of them.")
    return listed


def _dropped(asked: Asked, identifiers: list[str]) -> tuple[int, int]:
    """How many of these were open, and the status that says so."""
    count = asked.call.dialect.contexts.drop(asked.call.holder, identifiers)
    return count, 200 if count else 404
