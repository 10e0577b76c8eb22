"""Errors at the edge: one table from error to page, the same for HTML and JSON. Nothing internal leaves."""

from __future__ import annotations

import logging
import secrets
from urllib.parse import urlsplit

from flask import Flask, Response, request, url_for
from werkzeug.exceptions import (
    HTTPException,
    MethodNotAllowed,
    NotFound,
    RequestEntityTooLarge,
    SecurityError,
    UnsupportedMediaType,
)

from catalog.access.opening import reading_fault, told_by_version
from catalog.errors import ModeldexError, StoreError, UserError
from catalog.lazy_dataclasses import dataclass
from webui.api.responses.refusals import (
    ErrorAnswer,
    RefusedAnswer,
)
from webui.es import es_error
from webui.not_found import NotFoundHere
from webui.reading import settings
from webui.refusals import NotAllowed, NotSignedIn
from webui.rendering import answer, html
from webui.security import FOREIGN_NAME, is_sent_by_own_page
from webui.text import shown

log = logging.getLogger(__name__)

SENTENCES = {
    400: ("This request cannot be understood", "Look at the address, or start from the search."),
    401: ("This address asks who sends", "Send the token as: Authorization: Bearer TOKEN."),
    403: ("This may not be asked from there", "Nothing was changed."),
    404: ("There is no such page", "Search for what you wanted to see."),
    405: ("This address only answers to reading", "Nothing was changed."),
    409: ("Somebody was faster", "Look at it again, and change what is there now."),
    412: ("It is not any more what you looked at", "Look at it again, and change what is there now."),
    413: ("The request is too large", "Nothing was changed."),
    429: ("That was tried too often", "Wait a few minutes."),
    414: ("The address is too long", "Shorten the search."),
    415: (
        "This kind of body is not understood",
        "Send application/merge-patch+json or application/json. Nothing was changed.",
    ),
    500: ("Something went wrong here", "It was noted under the number below. Trying again may help."),
    503: ("The search cannot answer now", "Try again in a moment."),
}

SERVER_FAULT = 500
ADDRESS_CHARACTERS, METHOD_CHARACTERS = 200, 20
METRICS = "/metrics"
FORMS = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorPage:
    """What went wrong, in words for people, and the number under which the log has the rest.

    `sign_in_url` and `typed` are for whose session ended while they wrote: where to go on, and what they had written.
    """

    status: int
    title: str
    detail: str
    advice: str
    request_id: str
    sign_in_url: str = ""
    typed: str = ""


def register_errors(app: Flask) -> None:
    """Every error becomes a page or, under /api/, JSON."""
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(ModeldexError, _known_error)
    app.register_error_handler(Exception, _unknown_error)


def _http_error(error: HTTPException) -> Response:
    if isinstance(error, SecurityError):
        # Under a name that is not ours there are no addresses, so it gets no page that links to anything.
        return Response(f"{FOREIGN_NAME}\n", status=400, mimetype="text/plain")
    status = error.code or 500
    if isinstance(error, NotSignedIn) and _is_page():
        target = request.full_path if request.query_string else request.path
        place = url_for("access.sign_in_form", next=f"{request.script_root}{target}")
        return Response(status=302, headers={"Location": place, "Cache-Control": "no-store"})
    if status < 400:
        response = error.get_response()
        return Response(response.get_data(), status=status, headers=list(response.headers))
    title, advice = SENTENCES.get(status, (error.name, ""))
    if status == 405 and request.method in {"GET", "HEAD"}:
        title, advice = ("This address takes what is sent to it by POST", "There is nothing to be read here.")
    if isinstance(error, NotSignedIn):
        title, advice = ("Nobody is signed in", "")
    elif isinstance(error, NotAllowed):
        title, advice = ("You may not do this", "Nothing was changed.")
    described = error.description if isinstance(error, NotFoundHere | NotSignedIn | NotAllowed) else ""
    detail = described or (_told_to_programs(error, title) if _is_of_api() else "")
    page = ErrorPage(status=status, title=title, detail=detail, advice=advice, request_id="")
    if isinstance(error, NotSignedIn) and _is_own_form():
        page = _session_ended()
    response = _respond(page)
    if status == 401:
        response.headers.setdefault("WWW-Authenticate", "Bearer")
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        response.headers["Allow"] = ", ".join(sorted(error.valid_methods))  # RFC 9110, 15.5.6
    return response


def _told_to_programs(error: HTTPException, title: str) -> str:
    """What was wrong with a request to the API, where the error itself does not say; a page has its title for that."""
    address = shown(request.path, ADDRESS_CHARACTERS)
    if isinstance(error, NotFound):
        return f"There is nothing at {address}."
    if isinstance(error, MethodNotAllowed):
        taken = ", ".join(sorted(error.valid_methods or ()))
        return f"{address} takes {taken}, not {shown(request.method, METHOD_CHARACTERS)}."
    if isinstance(error, UnsupportedMediaType):
        kind = shown(request.mimetype, ADDRESS_CHARACTERS) or "of no type"
        return f"{address} does not take a body that is {kind}."
    return f"{title}."


def _is_of_api() -> bool:
    return request.path.startswith("/api/")


def _is_page() -> bool:
    """Whether a person is to be led to where one signs in, and not a program told."""
    return request.method in {"GET", "HEAD"} and not _is_for_programs()


def _is_own_form() -> bool:
    """Whether a form of a page of ours was sent, by a person whose session is over."""
    return (
        request.method == "POST"
        and request.mimetype in FORMS
        and is_sent_by_own_page()
        and not _is_for_programs()
    )


def _is_for_programs() -> bool:
    return (
        request.authorization is not None
        or request.path.startswith(("/api/", "/es", METRICS))
        or request.path.endswith(("/feed.atom", "/feed.json"))
    )


def _session_ended() -> ErrorPage:
    """Nothing was changed, and what was written is not lost: a browser that goes back is led to the sign-in and forgets it."""
    came_from = urlsplit(request.referrer or "")
    place = f"{came_from.path}?{came_from.query}" if came_from.query else came_from.path
    return ErrorPage(
        status=401,
        title="You are no longer signed in",
        detail="Nothing was changed.",
        advice="Sign in, and send the form again.",
        request_id="",
        sign_in_url=url_for("access.sign_in_form", next=place or f"{request.script_root}{request.path}"),
        typed=_typed(),
    )


def _typed() -> str:
    """What the form has as a value. Nothing of a form that is too large for anybody."""
    try:
        return request.form.get("value", "")
    except RequestEntityTooLarge:
        return ""


def _known_error(error: ModeldexError) -> Response:
    if isinstance(error, StoreError) and error.http_status == SERVER_FAULT:
        error = told_by_version(settings(), error)
    status = error.http_status
    title, advice = SENTENCES.get(status, SENTENCES[500])
    if isinstance(error, UserError):
        advice = error.advice or advice
        return _respond(
            ErrorPage(status=status, title=title, detail=error.message, advice=advice, request_id="")
        )
    request_id = _logged(error) if status >= 500 else ""
    return _respond(
        ErrorPage(
            status=status, title=title, detail=shown(error.public, 600), advice=advice, request_id=request_id
        )
    )


def _unknown_error(error: Exception) -> Response:
    fault = reading_fault(error)
    if fault is not None:
        return _known_error(fault)
    title, advice = SENTENCES[500]
    detail = f"{title}." if _is_of_api() else ""
    return _respond(
        ErrorPage(status=500, title=title, detail=detail, advice=advice, request_id=_logged(error))
    )


def _logged(error: Exception) -> str:
    request_id = secrets.token_hex(6)
    # What we raise on purpose says all in its sentence; only what nobody expected needs its stack.
    stack = None if isinstance(error, ModeldexError) else error
    log.error(
        "request failed id=%s method=%s path=%r error=%s",
        request_id,
        request.method,
        request.path,
        error,
        exc_info=stack,
    )
    return request_id


def _respond(page: ErrorPage) -> Response:
    if request.path == "/es" or request.path.startswith("/es/"):
        return es_error(page.status, page.detail or page.title)
    if _is_of_api():
        error = ErrorAnswer(
            status=page.status,
            title=page.title,
            detail=page.detail,
            advice=page.advice,
            request_id=page.request_id,
        )
        return answer(RefusedAnswer(error=error), status=page.status)
    if request.path == METRICS:
        sentence = " ".join(filter(None, (page.detail or f"{page.title}.", page.advice)))
        return Response(f"{sentence}\n", status=page.status, mimetype="text/plain")
    return html("error.html", page, status=page.status)
