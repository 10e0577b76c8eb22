"""The same pages as JSON, and whole result sets as streams. Addresses take the parameters of the pages."""

from __future__ import annotations

from flask import Blueprint, Response, current_app, request

from catalog.errors import UserError
from catalog.search.engine import SearchEngine
from webui.api.export import csv_lines, ndjson_lines
from webui.html.suggestions import suggestions_page
from webui.html.views import find_model, find_results, find_runs, find_values, search_tag, services
from webui.parameters import asked
from webui.rendering import answer, dumps, etag, not_modified

blueprint = Blueprint("api", __name__, url_prefix="/api")
MOST_IDS = 1_000


@blueprint.get("/search")
def search() -> Response:
    wanted = asked()
    tag = search_tag("json", wanted)
    return not_modified(tag) or answer(find_results(wanted), tag=tag)


@blueprint.get("/models/<model_id>")
def model(model_id: str) -> Response:
    page = find_model(model_id)
    tag = etag("json", current_app.extensions["modeldex-build"], dumps(page))
    return not_modified(tag) or answer(page, tag=tag)


@blueprint.get("/models")
def models() -> Response:
    """The documents of `ids` (commas or repeated), in the order asked; those that are not there are named."""
    ids = list(dict.fromkeys(one for value in request.args.getlist("ids") for one in value.split(",") if one))
    if not ids:
        raise UserError(
            "Say which models: ?ids=ID,ID.", advice="To list models, use /api/search or /api/export.ndjson."
        )
    if len(ids) > MOST_IDS:
        raise UserError(f"At most {MOST_IDS:,} ids at once; these are {len(ids):,}.")
    engine: SearchEngine = services().engine
    found = engine.get(ids)
    documents = [found[one] for one in ids if one in found]
    return answer({"models": documents, "not_found": [one for one in ids if one not in found]})


@blueprint.get("/facets/<field>")
def facet(field: str) -> Response:
    return answer(find_values(field))


@blueprint.get("/suggest")
def suggest() -> Response:
    return answer(suggestions_page(request.args.get("q", ""), services().search))


@blueprint.get("/runs")
def runs() -> Response:
    return answer(find_runs())


@blueprint.get("/export.ndjson")
def export_ndjson() -> Response:
    found = services()
    lines = ndjson_lines(found.engine, found.search.request(asked().state))
    return _download(lines, "application/x-ndjson", "models.ndjson")


@blueprint.get("/export.csv")
def export_csv() -> Response:
    found = services()
    lines = csv_lines(found.engine, found.search.request(asked().state))
    return _download(lines, "text/csv; charset=utf-8", "models.csv")


def _download(lines: object, content_type: str, name: str) -> Response:
    response = Response(lines, content_type=content_type)  # type: ignore[arg-type]  # an iterator of bytes
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Cache-Control"] = "no-store"
    return response
