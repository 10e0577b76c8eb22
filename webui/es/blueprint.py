"""The Flask side: one view for every path below /es/, the same checks around all of them, one log line each."""

from __future__ import annotations

import logging
import secrets
import time
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Flask, Response, current_app, g, request
from werkzeug.exceptions import HTTPException

from catalog.access.opening import reading_fault
from catalog.access.principals import OWNER
from catalog.errors import ModeldexError
from catalog.search.caller import CALLER
from webui.es.access import user_of
from webui.es.arguments import Arguments
from webui.es.call import Asked, Call, Dialect
from webui.es.faults import Fault, body_of, illegal, unexpected
from webui.es.filtering import read_filter
from webui.es.media import answer_type, write_json, zipped
from webui.es.routing import ENDPOINTS, handler_of, place_of
from webui.reading import catalog, services

if TYPE_CHECKING:
    from catalog.settings import Settings

log = logging.getLogger(__name__)
blueprint = Blueprint("es", __name__, url_prefix="/es")
METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]
MAX_OPAQUE_ID = 100


def register(app: Flask, settings: Settings) -> None:
    """Adds /es/ to the application."""
    app.extensions["modeldex-es"] = Dialect.of(settings)
    app.register_blueprint(blueprint)


@blueprint.before_request
def _enter() -> None:
    """Who asks, and whether there is room. Raises Fault before anything of the request is read."""
    opaque = "".join(
        character for character in request.headers.get("X-Opaque-Id", "") if " " <= character <= "~"
    )
    call = Call(
        dialect=current_app.extensions["modeldex-es"],
        id=secrets.token_hex(8),
        opaque_id=opaque[:MAX_OPAQUE_ID],
    )
    g.call = call
    call.content_type = answer_type(request.headers.get("Accept", ""))
    call.catalog = catalog()
    principal = call.catalog.principal
    shown = request.headers.get("Authorization", "")
    users = services().identity is not None and principal != OWNER
    call.user = principal.name if users else user_of(shown, call.dialect.keys, request.remote_addr or "")
    call.dialect.gate.enter(call.user)
    call.inside = True
    CALLER.set(f"{call.user}/{call.id}")


@blueprint.route("", methods=METHODS, strict_slashes=False, provide_automatic_options=False)
@blueprint.route("/", methods=METHODS, provide_automatic_options=False)
@blueprint.route("/<path:path>", methods=METHODS, provide_automatic_options=False)
def answer(path: str = "") -> Response:
    """Everything below /es/."""
    call: Call = g.call
    place = place_of(path)
    call.part = (place.endpoint or "index") if place.endpoint in ENDPOINTS else "unknown"
    handler = handler_of(place, request.method)
    arguments = Arguments(request.args.to_dict())
    pretty = arguments.flag("pretty")
    if arguments.text("format") not in {None, "json", "text"}:
        raise illegal("format", "is json here.")
    wanted = read_filter(arguments.text("filter_path") or "")
    given: Any = handler(Asked(call=call, arguments=arguments, index=place.index, parameter=place.parameter))
    if isinstance(given, Response):
        return given
    body, status = given if isinstance(given, tuple) else (given, 200)
    return write_json(wanted.applied(body), call.content_type, status, pretty=pretty)


@blueprint.errorhandler(ModeldexError)
def _refused(error: ModeldexError) -> Response:
    if error.http_status >= 500:
        log.error("request failed id=%s error=%s", _call_id(), error)
    response = write_json(body_of(error), _content_type(), error.http_status)
    if isinstance(error, Fault):
        response.headers.extend(error.headers)
    return response


@blueprint.errorhandler(HTTPException)
def _http_error(error: HTTPException) -> Response:
    return es_error(error.code or 500, error.description or error.name)


@blueprint.errorhandler(Exception)
def _unknown(error: Exception) -> Response:
    fault = reading_fault(error)
    if fault is not None:
        return _refused(fault)
    log.error("request failed id=%s path=%r", _call_id(), request.path, exc_info=error)
    return write_json(unexpected(500), _content_type(), 500)


def es_error(status: int, reason: str) -> Response:
    """An error that Flask found, in Elasticsearch's shape."""
    if status == 413:
        reason = "[body] is too long."
    kinds = {
        401: "security_exception",
        403: "security_exception",
        404: "resource_not_found_exception",
        405: "method_not_allowed_exception",
    }
    fault = Fault(status, kinds.get(status, "illegal_argument_exception"), reason[:300])
    response = write_json(body_of(fault), _content_type(), status)
    response.headers.extend(fault.headers)
    response.headers["X-Elastic-Product"] = "Elasticsearch"
    return response


@blueprint.after_request
def _noted(response: Response) -> Response:
    """The headers that clients look for, and one line in the log, which says nothing of what was searched."""
    response.headers["X-Elastic-Product"] = "Elasticsearch"
    response.headers["Cache-Control"] = "no-store"
    if request.accept_encodings["gzip"]:
        zipped(response)
    call: Call | None = g.get("call")
    if call is None:
        return response
    response.headers["X-Request-Id"] = call.id
    if call.opaque_id:
        response.headers["X-Opaque-Id"] = call.opaque_id
    log.info(
        "es user=%s request=%s opaque_id=%r method=%s part=%s status=%d took_ms=%d",
        call.user or "-",
        call.id,
        call.opaque_id,
        request.method,
        call.part or "-",
        response.status_code,
        (time.monotonic() - call.started) * 1000,
    )
    return response


@blueprint.teardown_request
def _leave(_error: BaseException | None) -> None:
    CALLER.set("")
    call: Call | None = g.get("call")
    if call is not None:
        call.leave()


def _call_id() -> str:
    call: Call | None = g.get("call")
    return call.id if call is not None else "-"


def _content_type() -> str:
    call: Call | None = g.get("call")
    return call.content_type if call is not None else "application/json"
