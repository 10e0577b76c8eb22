"""`_search`, `_count`, `_msearch`: bodies become requests, requests run, answers take Elasticsearch's shape."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from flask import request as http

from catalog.dsl.values import only
from catalog.errors import ModeldexError, RequestRefused
from webui.caching.remembering import remembered_json
from webui.es.arguments import over_body, sent_body, with_text
from webui.es.call import Asked
from webui.es.faults import Json, body_of
from webui.es.media import read_json, read_lines
from webui.es.scrolls import open_scroll, search_at_point
from webui.es.search_body import NO_SHARDS, Form, Search, nothing, read_search, shaped
from webui.reading import build, tag_of

if TYPE_CHECKING:
    from catalog.access.catalog import Catalog

MAX_SEARCHES = 10
_HEADER = frozenset(
    {
        "index",
        "ignore_unavailable",
        "allow_no_indices",
        "expand_wildcards",
        "preference",
        "routing",
        "search_type",
        "request_cache",
        "ccs_minimize_roundtrips",
        "allow_partial_search_results",
    }
)
_TEXT = "query_string"
_SHARDS = {"total": 1, "successful": 1, "skipped": 0, "failed": 0}


def search(asked: Asked) -> Json:
    """The answer to one `_search`."""
    form = Form.of(asked.arguments)
    included = asked.among_models()
    scroll = asked.arguments.text("scroll")
    body = over_body(asked.arguments, read_json(http))
    asked.arguments.done()
    wanted = read_search(body, form, among_models=included)
    if scroll is not None:
        return open_scroll(asked, wanted, scroll, form)
    if wanted.options.pit is not None:
        return search_at_point(asked, wanted, form)
    if not included:
        return shaped(nothing(), wanted, form)
    catalog = asked.call.catalog
    # The answer is made within the time limit, too: cutting a thousand documents to patterns is work.
    return remembered_json(
        lambda: tag_of("es", build(), catalog.info().generation, wanted, form),
        lambda: asked.call.run(
            lambda: shaped(catalog.search(wanted.request), wanted, form), seconds=wanted.seconds
        ),
    )


def count(asked: Asked) -> Json:
    """The answer to `_count`: a query and how many models it finds."""
    included = asked.among_models()
    body = with_text(asked.arguments, sent_body(asked.arguments, read_json(http)))
    asked.arguments.done()
    wanted = read_search({**only(body, "_count", frozenset({"query"})), "size": 0}, Form())
    if not included:
        return {"count": 0, "_shards": dict(NO_SHARDS)}
    catalog = asked.call.catalog
    result = asked.call.run(lambda: catalog.search(wanted.request))
    return {"count": result.total, "_shards": dict(_SHARDS)}


def msearch(asked: Asked) -> Json:
    """Up to ten searches in one request. All are read before the first one runs."""
    form = Form.of(asked.arguments)
    lines = read_lines(http)
    if not lines or len(lines) % 2:
        raise RequestRefused("_msearch", "needs two lines per search, a header and a body.")
    if len(lines) > 2 * MAX_SEARCHES:
        raise RequestRefused("_msearch", f"takes at most {MAX_SEARCHES} searches.")
    wanted = [
        _one_of_many(asked, header, body, form) for header, body in zip(lines[::2], lines[1::2], strict=True)
    ]
    asked.arguments.done()
    catalog = asked.call.catalog
    responses = asked.call.run(lambda: [_response(catalog, search, form) for search in wanted])
    return {"took": sum(response.get("took", 0) for response in responses), "responses": responses}


def _one_of_many(asked: Asked, header: Any, body: Any, form: Form) -> Search | ModeldexError:
    """The search, or why its index is not there or its text is not understood: that is the answer to this one search alone."""
    header = only(header, "_msearch", _HEADER)
    if not isinstance(body, dict):
        raise RequestRefused("body", "needs an object.")
    if body.get("pit") is not None:
        raise RequestRefused("pit", "is not allowed in _msearch; use _search.")
    try:
        wanted = read_search(body, form)
    except RequestRefused as refused:
        if refused.part == _TEXT:
            return refused  # a panel of a dashboard that is mistyped leaves the others their answers
        raise
    try:
        return replace(wanted, among_models=asked.among_models(header))
    except ModeldexError as error:
        if error.http_status == 404:
            return error
        raise


def _response(catalog: Catalog, wanted: Search | ModeldexError, form: Form) -> Json:
    """One answer of many; what goes wrong with it is told in its place."""
    if isinstance(wanted, ModeldexError):
        return body_of(wanted)
    try:
        result = catalog.search(wanted.request) if wanted.among_models else nothing()
    except ModeldexError as error:
        return body_of(error)
    return {**shaped(result, wanted, form), "status": 200}
