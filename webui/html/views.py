"""The HTML pages. Each view parses its address, calls one service and renders one page dataclass."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, Response, current_app, redirect, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from catalog.errors import EngineError, ModeldexError
from catalog.records import ModelId
from catalog.search.parameters import PAGE, to_parameters
from catalog.store import INDEX
from webui.errors import NotFoundHere
from webui.html.language import language_page
from webui.html.model import ModelPage, model_page
from webui.html.query_example import QueryExample, query_example
from webui.html.results import ResultsPage, results_page
from webui.html.status import CrawlStatus, StatusPage, index_problems, status_page
from webui.html.values import ValuesPage, facet_field, values_page
from webui.parameters import Asked, addresses, asked, canonical
from webui.rendering import dumps, etag, html, not_modified
from webui.settings import ApiSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    from catalog.query.state import SearchState
    from catalog.settings import Settings
    from webui.contracts import Services

blueprint = Blueprint("pages", __name__)
RUNS_SHOWN = 30
SHORTEST_ID = 6


def services() -> Services:
    """The services that the application was made with."""
    found: Services = current_app.extensions["modeldex"]
    return found


@blueprint.get("/")
def search() -> BaseResponse:
    wanted = asked()
    if wanted.redirect:
        return redirect(addresses().search(wanted.state), 302)
    tag = search_tag("html", wanted)
    return not_modified(tag) or html("search.html", find_results(wanted), tag=tag)


@blueprint.get("/models/<model_id>")
def model(model_id: str) -> BaseResponse:
    page = find_model(model_id)
    if page.id != model_id:
        return redirect(addresses().model(page.id), 302)
    tag = etag(current_app.extensions["modeldex-build"], dumps(page))
    return not_modified(tag) or html("model.html", page, tag=tag)


@blueprint.get("/values/<field>")
def values(field: str) -> Response:
    return html("values.html", find_values(field))


@blueprint.get("/runs")
def runs() -> Response:
    return html("runs.html", find_runs())


@blueprint.get("/help")
def language() -> Response:
    return html("help.html", language_page(addresses()))


@blueprint.get("/favicon.ico")
def favicon() -> BaseResponse:
    return redirect(url_for("static", filename="favicon.svg"), 301)


def find_results(wanted: Asked) -> ResultsPage:
    """The results that the address asks for."""
    found = services().search.page(wanted.state)
    return results_page(found, addresses(), crawl_status(), wanted.notices, _example(found.state))


def _example(state: SearchState) -> QueryExample | None:
    """The search as it is asked at /es/ of this server."""
    settings: Settings = current_app.extensions["modeldex-settings"]
    url = f"{request.url_root.rstrip('/')}/es"
    return query_example(
        services().search.request(state), url, needs_key=bool(settings.section(ApiSettings).keys)
    )


def search_tag(kind: str, wanted: Asked) -> str:
    """Names all that a results page depends on: the search, what the engine holds, a running crawl, this code."""
    generation = services().engine.info().generation
    build = current_app.extensions["modeldex-build"]
    return etag(
        kind, request.script_root, canonical(wanted.state), wanted.notices, generation, crawl_status(), build
    )


def crawl_status() -> CrawlStatus | None:
    """The crawl that this server started, while there is something to say about it."""
    crawl = services().crawl
    return None if crawl is None else crawl.status()


def find_model(model_id: str) -> ModelPage:
    """The page of a model by its id, or by the beginning of an id that only one model has."""
    records = services().store().records
    stored = records.get(ModelId(model_id))
    if stored is None and SHORTEST_ID <= len(model_id) < 64:
        candidates = records.find(model_id)
        stored = records.get(candidates[0]) if len(candidates) == 1 else None
    if stored is None:
        raise NotFoundHere("No model has this id. It may have been removed, or belong to another catalog.")
    return model_page(stored, addresses())


def find_values(field: str) -> ValuesPage:
    """The values of a facet under the search in the address."""
    known = facet_field(field)
    if known is None:
        raise NotFoundHere("There is no field of this name whose values could be listed.")
    state = asked().state
    hidden = tuple((name, value) for name, value in to_parameters(state) if name != PAGE)
    prefix = request.args.get("prefix", "").strip()
    return values_page(known, prefix, state, services().search, addresses(), hidden)


def find_runs() -> StatusPage:
    """The state of the catalog; what cannot be had now is said, not raised."""
    found = services()
    indexed, engine, problem = None, found.engine.name, ""
    try:
        info = found.engine.info()
        indexed, engine = (
            info.documents,
            info.version if info.name in info.version else f"{info.name} {info.version}",
        )
    except EngineError as error:
        problem = str(error)
    try:
        store = found.store()
        latest, models, waiting, troubles = (
            store.runs.latest(RUNS_SHOWN),
            _counted(store.records.count),
            _counted(store.consumer(INDEX).size),
            store.consumer(INDEX).troubles(),
        )
    except ModeldexError as error:
        latest, models, waiting, troubles, problem = [], None, None, (), problem or str(error)
    return status_page(
        latest,
        crawl=crawl_status(),
        models=models,
        indexed=indexed,
        waiting=waiting,
        engine=engine,
        engine_problem=problem,
        index_problems=index_problems(troubles),
    )


def _counted(counter: Callable[[], int]) -> int | None:
    try:
        return counter()
    except ModeldexError:
        return None
