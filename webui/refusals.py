"""Refusals with a sentence that may be shown: of who is not known, and of who may not."""

from __future__ import annotations

from werkzeug.exceptions import HTTPException


class NotSignedIn(HTTPException):
    """Raised where nobody is known to ask. A browser is led to the page where one signs in."""

    code = 401


class NotAllowed(HTTPException):
    """Raised for somebody who is known and may not do this."""

    code = 403
