"""Searches of the past: `?as_of=2026-10-01` answers from the revisions of then."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import current_app, g, request
from werkzeug.exceptions import ServiceUnavailable

from catalog.access.as_of import Busy, RememberedPast, end_of
from catalog.errors import UserError
from catalog.search.parameters import AS_OF
from webui.reading import catalog, services

DAY_CHARACTERS = 40
REMEMBERED = "modeldex-past"
PRESENT_ALONE = frozenset(
    {
        *("api.model", "api.models", "api.lineage", "api.card", "api.bill_of_materials", "api.compare"),
        *("editing.model", "editing.change"),
    }
)
"""What is answered of models as they are now. Searches, facets and exports read the day, or refuse it, themselves."""


def day_asked() -> str:
    """The day of the past that this request is about, as it is written; empty is now."""
    return request.args.get(AS_OF, "").strip()[:DAY_CHARACTERS]


def go_back(day: str) -> datetime:
    """From here on this request is answered from the catalog of then, whose last instant this is. Raises UserError."""
    end = end_of(day)
    remembered: RememberedPast = current_app.extensions[REMEMBERED]
    try:
        g.catalog = remembered.of(services().catalogs, catalog().principal, end)
    except Busy:
        raise ServiceUnavailable(
            "Another search of the past is being answered. Try again.", retry_after=5
        ) from None
    return min(end, datetime.now(UTC))


def refuse_the_past() -> None:
    """400 rather than the present, where a program asks for the past. Raises UserError."""
    if request.endpoint in PRESENT_ALONE and day_asked():
        raise UserError(
            "This is answered of the present alone, not as_of a day.",
            advice="Ask /api/v1/search of the past, or /api/v1/models/ID/history for the states of one model.",
        )


def moment_of(at: datetime) -> str:
    """The moment that a page shows, for people."""
    return f"{at:%Y-%m-%d %H:%M} UTC"
