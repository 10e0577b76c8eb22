"""The HTML pages. Each view parses its address, calls one service and renders one page dataclass."""

from __future__ import annotations

from dataclasses import replace

from flask import Blueprint, Response, redirect, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from catalog.access.crawl_requests import ask_for_crawl
from catalog.access.permissions import allowed, may_edit_some
from catalog.query.state import PLOT
from catalog.records import SourceId
from catalog.records.accounts import Action
from catalog.search.page_state import PageParts
from catalog.search.parameters import AS_OF, PAGE, to_parameters
from webui.caching.remembering import remembered
from webui.finding import (
    MOST_COMPARED,
    find_compared,
    find_example,
    find_facet,
    find_model,
    find_past_model,
    find_rivals,
    find_table,
    find_trained_on,
)
from webui.health import accept
from webui.health import health as find_health
from webui.html.compare import compare_page
from webui.html.data_tables import table_page
from webui.html.health import health_page
from webui.html.language import language_page
from webui.html.model import ModelPage, model_page
from webui.html.plot import plot_view
from webui.html.results import ResultsPage, results_page
from webui.html.surroundings import moved_to, surroundings_of
from webui.html.values import ValuesPage, values_page
from webui.not_found import NotFoundHere
from webui.parameters import Asked, addresses, asked
from webui.past import day_asked, go_back, moment_of
from webui.plot_points import plot_data
from webui.reading import (
    build,
    catalog,
    crawl_status,
    note,
    search_state,
    settings,
    tag_of,
    visible_tag,
    visit,
)
from webui.rendering import dumps, html, not_modified

blueprint = Blueprint("pages", __name__)
FOR_PERSONS = PageParts(ends=False, relaxed=True)


@blueprint.get("/")
def search() -> BaseResponse:
    wanted, day = asked(of_any_day=True), day_asked()
    if wanted.redirect:
        return redirect(addresses(as_of=day).search(wanted.state), 302)
    if day:
        return html("search.html", _results_of(wanted, day))
    state = search_state("html", wanted)
    tag = visible_tag(state)
    return remembered(
        state, lambda: _search_page(wanted, tag), tag=tag, state_now=lambda: search_state("html", wanted)
    )


def _search_page(wanted: Asked, tag: str | None) -> Response:
    page = _results(wanted)
    tag = tag or tag_of(build(), dumps(replace(page, took_ms=0)))
    return not_modified(tag) or html("search.html", page, tag=tag)


@blueprint.get("/models/<model_id>")
def model(model_id: str) -> BaseResponse:
    if day := day_asked():
        return html("model.html", _model_of(model_id, day))
    stored = find_model(model_id)
    if target := moved_to(catalog(), stored):
        return redirect(addresses().model(target, came_from=str(stored.id)), 302)
    if stored.id != model_id:
        return redirect(addresses().model(str(stored.id)), 302)
    shown = catalog().disclosed(stored, origin=visit().origin)
    around = surroundings_of(catalog(), stored, came_from=request.args.get("from", "")[:64])
    words = request.args.get("values", "").strip()
    page = model_page(shown, addresses(), around, words=words)
    tag = tag_of(build(), dumps(page))
    return remembered(tag, lambda: html("model.html", page, tag=tag), tag=tag)


@blueprint.get("/tables/<name>")
def table(name: str) -> BaseResponse:
    known, models = find_table(name)
    page = table_page(known, models, find_trained_on(known.name), addresses())
    tag = tag_of(build(), dumps(page))
    return not_modified(tag) or html("data_table.html", page, tag=tag)


@blueprint.get("/compare")
def compare() -> BaseResponse:
    named, day = request.args.getlist("ids"), day_asked()
    at, places = go_back(day) if day else None, addresses(as_of=day)
    chosen = find_compared(named)
    if len(named) > 1:  # the form of the results sends each id apart
        return redirect(places.compare(chosen.ids), 302)
    rivals = find_rivals(chosen.documents) if 0 < len(chosen.documents) < MOST_COMPARED else ()
    page = compare_page(chosen.documents, chosen.notices, places, rivals)
    if at is not None:
        sentence, now = f"These models as they were at {moment_of(at)}.", addresses().compare(chosen.ids)
        return html("compare.html", replace(page, as_of=sentence, day=day, now_url=now))
    tag = tag_of(build(), dumps(page))
    return remembered(tag, lambda: html("compare.html", page, tag=tag), tag=tag)


@blueprint.get("/values/<field>")
def values(field: str) -> Response:
    return html("values.html", _values(field))


@blueprint.get("/health")
@blueprint.get("/runs", endpoint="runs")
def health() -> Response:
    principal = catalog().principal
    page = health_page(
        find_health(),
        catalog().status(),
        crawl_status(),
        addresses(),
        may_ask=allowed(principal, Action.CRAWL),
        may_manage=allowed(principal, Action.MANAGE),
    )
    return html("health.html", page)


@blueprint.post("/health/crawl")
def crawl_now() -> BaseResponse:
    """Asks for a crawl of the source of this form; the page that follows shows it."""
    source = request.form.get("source", "")
    if not allowed(catalog().principal, Action.CRAWL) or not ask_for_crawl(settings(), SourceId(source)):
        raise NotFoundHere("There is no such source that could be crawled.")
    note("sources.crawl", source)
    return redirect(url_for("pages.health"), 303)


@blueprint.post("/health/accept")
def accept_run() -> BaseResponse:
    """Lets the models that the held run of this form would lose go missing; the page that follows shows what becomes of it."""
    accept(request.form.get("run", ""))
    return redirect(url_for("pages.health"), 303)


@blueprint.get("/help")
def language() -> Response:
    page = language_page(addresses())
    tag = tag_of(build(), dumps(page))
    return not_modified(tag) or html("help.html", page, tag=tag)


@blueprint.get("/favicon.ico")
def favicon() -> BaseResponse:
    return redirect(url_for("static", filename="favicon.svg"), 301)


def _results(wanted: Asked) -> ResultsPage:
    page = catalog().page(wanted.state, FOR_PERSONS)
    plot = None
    if page.state.view.kind == PLOT and page.total:
        plot = plot_view(plot_data(catalog(), page), page.state, addresses())
    return results_page(
        page,
        addresses(),
        crawl_status(),
        wanted.notices,
        find_example(page),
        plot,
        may_edit=may_edit_some(catalog().principal),
    )


def _results_of(wanted: Asked, day: str) -> ResultsPage:
    """The same as it was then; nothing of the past is changed or streamed."""
    at, places = go_back(day), addresses(as_of=day)
    page = catalog().page(wanted.state, FOR_PERSONS)
    plot = None
    if page.state.view.kind == PLOT and page.total:
        plot = plot_view(plot_data(catalog(), page), page.state, places)
    shown = results_page(page, places, None, wanted.notices, None, plot)
    return replace(
        shown,
        as_of=f"The catalog as it was at {moment_of(at)}.",
        day=day,
        now_url=addresses().search(page.state),
        hidden=(*shown.hidden, (AS_OF, day)),
    )


def _model_of(model_id: str, day: str) -> ModelPage:
    """A model as it was then, among those that were there. Its card is kept as it is now alone."""
    at, places = go_back(day), addresses(as_of=day)
    stored = find_past_model(model_id)
    around = surroundings_of(catalog(), stored)
    page = model_page(
        stored, places, around.before(stored.revision), words=request.args.get("values", "").strip()
    )
    sentence = f"This model as it was at {moment_of(at)}, in revision {stored.revision}."
    return replace(page, as_of=sentence, day=day, now_url=addresses().model(str(stored.id)))


def _values(name: str) -> ValuesPage:
    day = day_asked()
    at = go_back(day) if day else None
    field, view, prefix, state = find_facet(name)
    hidden = tuple((name, value) for name, value in to_parameters(state) if name != PAGE)
    page = values_page(field, view, prefix, state, addresses(as_of=day), hidden)
    if at is None:
        return page
    sentence, now = f"The values as they were at {moment_of(at)}.", addresses().values(field.name, state)
    return replace(page, as_of=sentence, now_url=now, hidden=(*hidden, (AS_OF, day)))
