"""Headers that make every answer inert: no foreign script, style, frame, form target or guess at a type."""

from __future__ import annotations

import hmac
from urllib.parse import urlsplit

from flask import Response, request
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Forbidden, Unauthorized

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), interest-cohort=()",
    "X-Frame-Options": "DENY",
}


def with_security_headers(response: Response) -> Response:
    """The response with every header that it does not set itself."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response


def refuse_foreign_pages() -> None:
    """Raises Forbidden if a page from elsewhere made a browser send this request, which is to change something.

    Every browser says where a POST comes from; who does not say it is a program, and acts for itself.
    Source: https://www.w3.org/TR/fetch-metadata/, 3.1; Fetch Standard, "append a request Origin header".
    """
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site is not None and site not in {"same-origin", "none"}:
        raise Forbidden
    if origin is not None and urlsplit(origin).netloc != request.host:
        raise Forbidden


def check_sender(token: str, *, realm: str = "events") -> None:
    """Raises Unauthorized unless the request shows this token: as a bearer, or as the password of an address
    `https://any:TOKEN@host/`, which is all that storages can be told. Raises Forbidden if there is no token to know.
    """
    if not token:
        raise Forbidden
    shown = request.authorization
    candidates = () if shown is None else (shown.token, shown.password)
    if not any(
        candidate and hmac.compare_digest(candidate.encode(), token.encode()) for candidate in candidates
    ):
        raise Unauthorized(www_authenticate=WWWAuthenticate("basic", {"realm": realm}))
