"""The catalog as JSON in types of its own, and whole result sets as streams. Addresses take the parameters of the pages."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.metadata import version
from threading import BoundedSemaphore
from typing import TYPE_CHECKING

from flask import Blueprint, Response, current_app, redirect, request, url_for
from werkzeug.exceptions import Forbidden, ServiceUnavailable

from catalog.access.event_notes import with_store
from catalog.access.lineage import lineage_graph
from catalog.errors import ExtractError, UserError
from catalog.exports.cyclonedx import cyclonedx
from catalog.exports.model_card import model_card
from catalog.query.problems import reason_of
from catalog.recording.reports import report_model
from catalog.records.accounts import REPORTER
from catalog.search.page_state import PageParts
from crawler.event_bodies import hints_of
from crawler.event_inbox import note_hints
from crawler.mlflow_server import webhook
from crawler.settings import EventSettings
from webui.api.answers import (
    lineage_answer,
    model_answer,
    run_answer,
    runs_answer,
    search_answer,
    sources_answer,
    status_answer,
    table_answer,
    values_answer,
)
from webui.api.comparison import comparison
from webui.api.export import csv_lines, ndjson_lines
from webui.api.openapi import description
from webui.api.parquet import parquet_parts
from webui.api.query_parameters import is_lenient, is_versioned, refuse_unknown_parameters
from webui.api.reports import read_report
from webui.api.responses.models import (
    ModelsAnswer,
)
from webui.api.responses.sources import (
    EventsAnswer,
    LoggedAnswer,
)
from webui.api.responses.tables import (
    TablesAnswer,
)
from webui.api.suggestions import suggestions
from webui.caching.remembering import remembered
from webui.finding import (
    PREFIX,
    find_compared,
    find_example,
    find_facet,
    find_model,
    find_named,
    find_present,
    find_table,
)
from webui.health import accept, health
from webui.not_found import NotFoundHere
from webui.parameters import Asked, addresses, asked
from webui.past import day_asked, go_back, refuse_the_past
from webui.reading import (
    answer_as_owner,
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
from webui.rendering import answer, dumps, not_modified, tagged
from webui.security import check_sender
from webui.settings import ApiSettings

if TYPE_CHECKING:
    from werkzeug.wrappers import Response as BaseResponse

    from catalog.access.catalog import Catalog
    from catalog.query.state import SearchState

blueprint = Blueprint("api", __name__, url_prefix="/api")
blueprint.before_request(refuse_the_past)
blueprint.before_request(refuse_unknown_parameters)
MOST_IDS = 1_000
FEWEST_COMPARED = 2
REPORT_BYTES = 1024 * 1024
"""As much as a sidecar may have."""
EVENT_BYTES = 512 * 1024
"""Twice what a queue takes as one message."""
RUNS_LISTED, MOST_RUNS = 30, 1_000
EXPORTS_AT_ONCE = 4
"""A reader who does not read holds a thread of the server: half of them are left for pages and health checks."""


@blueprint.get("/search")
@blueprint.get("/v1/search")
def search() -> Response:
    """Models that a query and facets find, with counts, what was understood, and what nothing here understood."""
    wanted, day = asked(of_any_day=True), day_asked()
    parts = PageParts(to_last=not is_versioned())
    if day:
        go_back(day)
        refuse_guesses(wanted)
        page = catalog().page(wanted.state, parts)
        return answer(search_answer(page, addresses(as_of=day), None, wanted.notices, None))
    kind = "json" if parts.to_last else "json v1"
    state = search_state(kind, wanted)
    tag = visible_tag(state)
    return remembered(
        state,
        lambda: _search_answer(wanted, parts, tag),
        tag=tag,
        state_now=lambda: search_state(kind, wanted),
    )


def _search_answer(wanted: Asked, parts: PageParts, tag: str | None) -> Response:
    refuse_guesses(wanted)
    page = catalog().page(wanted.state, parts)
    example = find_example(page)
    given = search_answer(page, addresses(), crawl_status(), wanted.notices, example)
    tag = tag or tag_of(build(), dumps(replace(given, took_ms=0)))
    return not_modified(tag) or answer(given, tag=tag)


def refuse_guesses(wanted: Asked) -> None:
    """400 with what would be left out of the answer, unless `lenient=true` asks for it all the same."""
    if is_lenient():
        return
    sentences = dict.fromkeys((*map(reason_of, wanted.notices), *catalog().not_understood(wanted.state)))
    if sentences:
        raise UserError(" ".join(sentences), advice="To search without it, add lenient=true.")


@blueprint.get("/models/<model_id>")
def model(model_id: str) -> BaseResponse:
    stored = find_model(model_id)
    if (there := catalog().successor(str(stored.id))) is not None:
        return redirect(url_for("api.model", model_id=there.id), 302)
    body = model_answer(catalog().disclosed(stored, origin=visit().origin), addresses())
    tag = tag_of("json", build(), dumps(body))
    return not_modified(tag) or answer(body, tag=tag)


@blueprint.get("/v1/models/<model_id>/lineage")
def lineage(model_id: str) -> Response:
    """What a model was made from and what was made from it, over several steps, with how sure each link is."""
    stored = find_present(model_id)
    return answer(lineage_answer(str(stored.id), lineage_graph(catalog(), stored.document), addresses()))


@blueprint.get("/models/<model_id>/card.md")
def card(model_id: str) -> BaseResponse:
    """The model as a model card, as other hubs take it."""
    stored = find_present(model_id)
    tag = tag_of("card", build(), stored.id, stored.revision)
    body = Response(model_card(stored.document), content_type="text/markdown; charset=utf-8")
    return not_modified(tag) or tagged(body, tag)


@blueprint.get("/models/<model_id>/cyclonedx.json")
def bill_of_materials(model_id: str) -> BaseResponse:
    """The model as a bill of materials."""
    stored = find_present(model_id)
    tag = tag_of("cyclonedx", build(), stored.id, stored.revision)
    body = Response(
        dumps(cyclonedx(stored.document)), content_type="application/vnd.cyclonedx+json; version=1.6"
    )
    return not_modified(tag) or tagged(body, tag)


@blueprint.get("/models")
@blueprint.get("/v1/models")
def models() -> Response:
    """The documents of `ids` (commas or repeated), in the order asked; those that are not there are named."""
    ids = list(
        dict.fromkeys(
            model_id for value in request.args.getlist("ids") for model_id in value.split(",") if model_id
        )
    )
    if not ids:
        raise UserError(
            "Say which models: ?ids=ID,ID.", advice="To list models, use /api/search or /api/export.ndjson."
        )
    if len(ids) > MOST_IDS:
        raise UserError(f"At most {MOST_IDS:,} ids at once; these are {len(ids):,}.")
    known = catalog().present(ids)
    documents = tuple(known[model_id] for model_id in ids if model_id in known)
    return answer(
        ModelsAnswer(models=documents, not_found=tuple(model_id for model_id in ids if model_id not in known))
    )


@blueprint.get("/facets/<field>")
@blueprint.get("/v1/facets/<field>")
def facet(field: str) -> Response:
    """The values of one facet with how many models have each, under the search in the address."""
    known, view, prefix, _ = find_facet(field)
    refuse_guesses(asked(beside={PREFIX}))
    return answer(values_answer(known, view, prefix, addresses()))


@blueprint.get("/v1/tables")
def tables() -> Response:
    """The tables that models here were trained on, up to 1,000, with how many of them."""
    return answer(TablesAnswer(tables=tuple(table_answer(*row, addresses()) for row in catalog().tables())))


@blueprint.get("/v1/tables/<name>")
def table(name: str) -> Response:
    """One table that models here were trained on, as it was last read, with how many of them."""
    return answer(table_answer(*find_table(name), addresses()))


@blueprint.get("/v1/compare")
def compare() -> Response:
    """Two to six models side by side: every field and metric that one of them says, with what agrees."""
    chosen = find_compared(request.args.getlist("ids"))
    if len(chosen.documents) < FEWEST_COMPARED:
        raise UserError(" ".join(chosen.notices) or "Say which models.", advice="Two to six: ?ids=ID,ID.")
    return answer(comparison(chosen.documents, chosen.notices))


@blueprint.get("/v1/openapi.json")
def openapi() -> Response:
    """The OpenAPI description of /api/v1."""
    body = description(current_app, version=version("modeldex"))
    tag = tag_of("json", build(), dumps(body))
    return not_modified(tag) or answer(body, tag=tag)


@blueprint.get("/suggest")
@blueprint.get("/v1/suggest")
def suggest() -> Response:
    """What may follow what is typed: fields, values with counts, metrics, hyper-parameters, data sets, names of models."""
    return answer(suggestions(request.args.get("q", ""), catalog()))


@blueprint.get("/runs")
def runs() -> Response:
    return answer(status_answer(catalog().status(), crawl_status()))


@blueprint.get("/v1/sources")
def sources() -> Response:
    """How every source stands, when it is next due, and what needs a person."""
    return answer(sources_answer(health()))


@blueprint.get("/v1/runs")
def runs_of_sources() -> Response:
    """The newest runs, of all sources or of the `source` of this id or name; `limit` is how many."""
    limit = request.args.get("limit", str(RUNS_LISTED))
    if not (limit.isascii() and limit.isdigit() and 1 <= int(limit[:9]) <= MOST_RUNS):
        raise UserError(f"limit must be a number from 1 to {MOST_RUNS:,}.")
    wanted = request.args.get("source")
    source = None
    if wanted is not None:
        rows = [each.row for each in catalog().health().sources]
        source = next((row.id for row in rows if wanted in {row.id, row.definition.name}), None)
        if source is None:
            raise NotFoundHere("There is no such source.")
    return answer(runs_answer(catalog().runs(int(limit), source=source)))


@blueprint.post("/v1/runs/<run_id>/accept")
def accept_run(run_id: str) -> Response:
    """Lets as many models of a source go missing as its last run, which is held, would have lost. 202: the next worker with
    a free place crawls the source for that; should more be absent by then, it is held again. 409 if the run is not held, or
    not the last of its source.
    """
    return answer(run_answer(accept(run_id)), status=202)


@blueprint.post("/v1/events")
def events() -> Response:
    """Takes what a storage says of its objects. 202 when it is kept; the worker looks at the objects."""
    check_sender(settings().section(EventSettings).token)
    request.max_content_length = EVENT_BYTES
    try:
        hints = hints_of(request.get_data(cache=False))
    except ExtractError as error:
        raise UserError(f"This is no event that can be taken: {error}.") from error
    kept = with_store(settings(), lambda store: note_hints(store, hints)) if hints else 0
    return answer(EventsAnswer(objects=len(hints), kept=kept), status=202)


@blueprint.post("/v1/events/mlflow/<source>")
def mlflow_events(source: str) -> Response:
    """Takes what the registry of an MLflow server says that changed. 202 when it is kept; the worker looks at the entries."""
    request.max_content_length = webhook.MAX_BODY_BYTES
    body = request.get_data(cache=False)
    secret = settings().section(EventSettings).mlflow_secret
    shown = {name: request.headers.get(name, "") for name in webhook.HEADERS}
    if not webhook.is_signed(body, shown, secret, now=time.time()):
        raise Forbidden
    try:
        hints = webhook.hints_of(body, source)
    except ExtractError as error:
        raise UserError(f"This is no event that can be taken: {error}.") from error
    kept = with_store(settings(), lambda store: note_hints(store, hints)) if hints else 0
    return answer(EventsAnswer(objects=len(hints), kept=kept), status=202)


@blueprint.post("/v1/models")
def log() -> Response:
    """Takes what a job measured of a model that the catalog knows: metrics, parameters, fields. It is kept as an edit."""
    check_sender(settings().section(ApiSettings).log_token, realm="log")
    answer_as_owner()
    request.max_content_length = REPORT_BYTES
    named, values = read_report(request.get_data(cache=False))
    model = find_named(named)
    reported = with_store(settings(), lambda store: report_model(store, model, values, made_by=REPORTER))
    note("models.log", str(model), after={"revision": reported.revision})
    return answer(
        LoggedAnswer(
            id=str(model),
            url=url_for("pages.model", model_id=model),
            revision=reported.revision,
            changed=reported.changed,
        )
    )


@blueprint.get("/export.ndjson")
@blueprint.get("/v1/export.ndjson")
def export_ndjson() -> Response:
    """Every model found, one document a line, in the order asked for."""
    wanted = asked(paged=False)
    refuse_guesses(wanted)
    return _download(ndjson_lines, wanted, "application/x-ndjson", "models.ndjson")


@blueprint.get("/export.csv")
@blueprint.get("/v1/export.csv")
def export_csv() -> Response:
    """Every model found, as a table with one row each."""
    wanted = asked(paged=False)
    refuse_guesses(wanted)
    return _download(csv_lines, wanted, "text/csv; charset=utf-8", "models.csv")


@blueprint.get("/export.parquet")
@blueprint.get("/v1/export.parquet")
def export_parquet() -> Response:
    """Every model found, as one Parquet file with the columns of the CSV in their own types."""
    wanted = asked(paged=False)
    refuse_guesses(wanted)
    return _download(parquet_parts, wanted, "application/vnd.apache.parquet", "models.parquet")


def _download(
    lines_of: Callable[[Catalog, SearchState], Iterator[bytes]], wanted: Asked, content_type: str, name: str
) -> Response:
    """A stream that takes one of EXPORTS_AT_ONCE places until it is closed. Raises ServiceUnavailable if all are taken."""
    places: BoundedSemaphore = current_app.extensions["modeldex-exports"]
    if not places.acquire(blocking=False):
        raise ServiceUnavailable
    try:
        response = Response(lines_of(catalog(), wanted.state), content_type=content_type)
    except BaseException:
        places.release()
        raise
    response.call_on_close(places.release)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Cache-Control"] = "no-store"
    return response
