"""The HTML pages. Each view parses its address, calls one service and renders one page dataclass."""

from __future__ import annotations

from flask import Blueprint, Response, redirect, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from catalog.search.parameters import PAGE, to_parameters
from webui.finding import find_example, find_facet, find_model
from webui.html.language import language_page
from webui.html.model import model_page
from webui.html.results import ResultsPage, results_page
from webui.html.status import status_page
from webui.html.surroundings import moved_to, surroundings_of
from webui.html.values import ValuesPage, values_page
from webui.parameters import Asked, addresses, asked
from webui.reading import build, catalog, crawl_status, search_tag, tag_of
from webui.rendering import dumps, html, not_modified

blueprint = Blueprint("pages", __name__)


@blueprint.get("/")
def search() -> BaseResponse:
    wanted = asked()
    if wanted.redirect:
        return redirect(addresses().search(wanted.state), 302)
    tag = search_tag("html", wanted)
    return not_modified(tag) or html("search.html", _results(wanted), tag=tag)


@blueprint.get("/models/<model_id>")
def model(model_id: str) -> BaseResponse:
    stored = find_model(model_id)
    if target := moved_to(catalog(), stored):
        return redirect(addresses().model(target, came_from=str(stored.id)), 302)
    if stored.id != model_id:
        return redirect(addresses().model(str(stored.id)), 302)
    around = surroundings_of(catalog(), stored, came_from=request.args.get("from", "")[:64])
    words = request.args.get("values", "").strip()
    page = model_page(stored, addresses(), around, words=words)
    tag = tag_of(build(), dumps(page))
    return not_modified(tag) or html("model.html", page, tag=tag)


@blueprint.get("/values/<field>")
def values(field: str) -> Response:
    return html("values.html", _values(field))


@blueprint.get("/runs")
def runs() -> Response:
    return html("runs.html", status_page(catalog().status(), crawl_status()))


@blueprint.get("/help")
def language() -> Response:
    return html("help.html", language_page(addresses()))


@blueprint.get("/favicon.ico")
def favicon() -> BaseResponse:
    return redirect(url_for("static", filename="favicon.svg"), 301)


def _results(wanted: Asked) -> ResultsPage:
    page = catalog().page(wanted.state, relaxed=True)
    return results_page(page, addresses(), crawl_status(), wanted.notices, find_example(page.state))


def _values(name: str) -> ValuesPage:
    field, view, prefix, state = find_facet(name)
    hidden = tuple((name, value) for name, value in to_parameters(state) if name != PAGE)
    return values_page(field, view, prefix, state, addresses(), hidden)
