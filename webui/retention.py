"""What the addresses of retention ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import current_app, request

from catalog.errors import UserError
from catalog.retention.desk import Desk
from webui.not_found import NotFoundHere
from webui.reading import catalog, settings

if TYPE_CHECKING:
    from catalog.records.retention import PlannedModel, StoredPlan

ROWS = 200
SHOWS = {"goes": True, "stays": False, "all": None}


def desk() -> Desk:
    """Plans and proposals as the principal of this request sees them."""
    return Desk(settings(), catalog(), current_app.extensions["modeldex-proposals"])


def find_plan(plan_id: str) -> StoredPlan:
    """Raises NotFoundHere."""
    stored = desk().plan(plan_id)
    if stored is None:
        raise NotFoundHere("There is no such plan.")
    return stored


def rows_asked_for(stored: StoredPlan) -> tuple[str, list[PlannedModel]]:
    """Which models are asked for, and one more of them than a page has."""
    shows = request.args.get("show", "goes")
    after = request.args.get("after", "-1")
    if shows not in SHOWS or not after.removeprefix("-").isdecimal() or len(after) > 9:
        raise UserError(f"`show` is one of {', '.join(SHOWS)}, `after` a number of a model.")
    return shows, desk().models(stored.id, goes=SHOWS[shows], after=int(after), limit=ROWS + 1)
