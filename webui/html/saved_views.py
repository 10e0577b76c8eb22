"""The pages and feeds of saved searches. What changes something is a form of our own page."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import parse_qsl

from flask import Blueprint, Response, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from catalog.access.saved_searches import SavedSearches, arrivals_of, query_of, state_of
from catalog.errors import UserError
from catalog.records.searches import SavedSearch
from catalog.search.parameters import from_parameters
from webui.html.saved import Feed, SavedList, feed_of, json_feed, saved_page, saved_row
from webui.not_found import NotFoundHere
from webui.parameters import addresses
from webui.reading import build, catalog, settings, tag_of
from webui.rendering import dumps, html, not_modified

blueprint = Blueprint("saved", __name__)

COUNTED = 30
"""Searches of the list whose news are counted: each is a search."""


@blueprint.get("/saved")
def saved() -> Response:
    searches = _searches()
    rows = []
    for number, search in enumerate(searches.all()):
        news = searches.news(search, catalog()) if number < COUNTED else None
        rows.append(saved_row(search, searches.reader, news, addresses()))
    return html("saved.html", SavedList(rows=tuple(rows)))


@blueprint.post("/saved")
def save() -> BaseResponse:
    """Keeps the search in the form's `search`, an address without its path."""
    state, _ = from_parameters(parse_qsl(request.form.get("search", ""), keep_blank_values=True))
    kept = _searches().add(request.form.get("name", ""), state, catalog())
    return redirect(addresses().saved(str(kept.id)), 303)


@blueprint.get("/saved/<search_id>")
def saved_search(search_id: str) -> Response:
    searches = _searches()
    search = _find(searches, search_id)
    news = searches.news(search, catalog())
    stored = {model: catalog().model(model) for model in news.departed}
    departed = {model: known.document for model, known in stored.items() if known is not None}
    row = saved_row(search, searches.reader, news, addresses())
    return html("saved_search.html", saved_page(search, row, news, departed, addresses()))


@blueprint.post("/saved/<search_id>")
def change(search_id: str) -> BaseResponse:
    """Does what the button of the form says: marks as seen, changes, or removes."""
    searches = _searches()
    search = _find(searches, search_id)
    match request.form.get("action"):
        case "seen":
            searches.mark_seen(search, catalog())
        case "change":
            _change(searches, search)
        case "remove":
            searches.remove(search)
            return redirect(addresses().saved(), 303)
        case _:
            raise UserError(
                "The form does not say what to do.", advice="Go back and press one of its buttons."
            )
    return redirect(addresses().saved(search_id), 303)


@blueprint.get("/saved/<search_id>/feed.atom")
def atom(search_id: str) -> Response:
    search = _find(_searches(), search_id)
    tag = _feed_tag("atom", search)
    if (unchanged := not_modified(tag)) is not None:
        return unchanged
    feed = _feed(search)
    response = Response(render_template("feed.xml", feed=feed), mimetype="application/atom+xml")
    return _tagged(response, tag)


@blueprint.get("/saved/<search_id>/feed.json")
def json(search_id: str) -> Response:
    search = _find(_searches(), search_id)
    tag = _feed_tag("json", search)
    if (unchanged := not_modified(tag)) is not None:
        return unchanged
    url = _root() + addresses().feed(str(search.id), "json")
    response = Response(dumps(json_feed(_feed(search), url)), mimetype="application/feed+json")
    return _tagged(response, tag)


def _change(searches: SavedSearches, search: SavedSearch) -> None:
    state = replace(state_of(search), text=request.form.get("query", "").strip())
    query = query_of(state, catalog())
    is_other = query != search.query
    searches.change(
        search,
        name=request.form.get("name", ""),
        query=query if is_other else None,
        shared=request.form.get("shared") == "yes",
        as_of=_shown_at(),
    )
    if is_other:
        searches.mark_seen(replace(search, query=query), catalog())


def _shown_at() -> datetime | None:
    """When the search was last changed as the form knew it; None for a form that does not say so."""
    value = request.form.get("as_of", "")
    try:
        return datetime.fromisoformat(value).astimezone(UTC) if value else None
    except (ValueError, OverflowError):
        raise UserError("The form is damaged.", advice="Open the saved search again.") from None


def _searches() -> SavedSearches:
    return SavedSearches(settings(), catalog().principal.id)


def _find(searches: SavedSearches, search_id: str) -> SavedSearch:
    search = searches.get(search_id)
    if search is None:
        raise NotFoundHere("No saved search has this address. It may have been removed, or is not shared.")
    return search


def _feed(search: SavedSearch) -> Feed:
    # Nobody reads a notice in a feed: what a condition leaves out would come as news.
    if sentences := catalog().not_understood(state_of(search)):
        raise UserError(" ".join(sentences), advice="Change the query of the saved search.")
    return feed_of(search, arrivals_of(catalog(), search), _root(), addresses())


def _root() -> str:
    return f"{request.scheme}://{request.host}"


def _feed_tag(kind: str, search: SavedSearch) -> str:
    names = sorted(catalog().source_names().items())
    return tag_of(kind, _root(), search.id, search.updated_at, catalog().info().generation, names, build())


def _tagged(response: Response, tag: str) -> Response:
    response.set_etag(tag)
    response.headers["Cache-Control"] = "private, no-cache"
    return response
