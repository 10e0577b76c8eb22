"""404 with a sentence that may be shown."""

from __future__ import annotations

from werkzeug.exceptions import HTTPException


class NotFoundHere(HTTPException):
    """Raised by views for a model or field that is not there; the edge shows its sentence."""

    code = 404
