"""Before every view: who asks, and whether they may. There is no view that could forget to ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Flask, request

from catalog.access.permissions import allowed
from catalog.access.principals import OWNER
from webui.access.rules import OPEN, RULES
from webui.reading import catalog, note
from webui.refusals import NotAllowed

if TYPE_CHECKING:
    from catalog.records.accounts import Action

MISSING = object()


def register(app: Flask) -> None:
    """Every request from now on is checked."""
    app.before_request(check)


def check() -> None:
    """Raises NotSignedIn for nobody, NotAllowed for somebody who may not; an address that there is not is nobody's."""
    if request.endpoint is None:
        return
    action: Action | object | None = RULES.get(request.endpoint, MISSING)
    if action is OPEN:
        return
    principal = catalog().principal
    if principal == OWNER:
        return
    if action is MISSING or not allowed(principal, action):  # type: ignore[arg-type]  # MISSING was asked for first
        refuse(request.endpoint)


def refuse(what: str) -> None:
    """Raises NotAllowed, and the audit knows of it."""
    note(what, request.path[:200], outcome="refused")
    raise NotAllowed("You are signed in, and this is not among what you may do.")
