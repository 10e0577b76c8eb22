"""The pages of retention: for who manages the catalog, to be read alone. What is done is done on the command line."""

from __future__ import annotations

from flask import Blueprint, Response

from webui.html.retention import plan_page, retention_page
from webui.parameters import addresses
from webui.rendering import html
from webui.retention import ROWS, desk, find_plan, rows_asked_for

blueprint = Blueprint("retention", __name__)


@blueprint.get("/retention")
def page() -> Response:
    return html("retention.html", retention_page(desk().proposals(), desk().plans(), addresses()))


@blueprint.get("/retention/<plan_id>")
def plan(plan_id: str) -> Response:
    stored = find_plan(plan_id)
    shows, rows = rows_asked_for(stored)
    view = plan_page(stored, rows[:ROWS], addresses(), shows=shows, is_last=len(rows) <= ROWS)
    return html("retention_plan.html", view)
