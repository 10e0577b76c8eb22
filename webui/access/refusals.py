"""What was refused, in the audit: wrong tokens, keys, signatures and passwords, too many attempts, and what a provider denied.

Whoever is refused is nobody yet and could fill the audit: of one address it tells of some refusals a minute, and the answer is
the same without.
"""

from __future__ import annotations

from flask import Flask, Response, current_app, request

from catalog.access.accounts import Visit
from crawler.mlflow_server.webhook import HEADERS
from webui.access.attempts import attempts_of
from webui.reading import is_refusal_noted, services, signed_in

REFUSED = frozenset({401, 403, 429})
SIGN_IN, OPENID_RETURN = "access.sign_in", "access.openid_return"
SHOWN_HEADERS = ("Authorization", *HEADERS)
"""What a sender shows of itself; a browser that shows nothing is led to where one signs in, and refused nothing."""
PATH_CHARACTERS = 200


def register(app: Flask) -> None:
    """Every answer from now on is looked at."""
    app.after_request(tell)


def tell(response: Response) -> Response:
    """The response as it is; the audit has a line if it refuses somebody, and none yet says so."""
    accounts, address = services().accounts, request.remote_addr or ""
    # Whom somebody knows is refused by who asked what they may do, and has the line from there.
    if accounts is None or signed_in() or is_refusal_noted() or not _is_refused(response.status_code):
        return response
    if attempts_of(current_app).is_told(address):
        accounts.note(
            request.endpoint or "",
            request.path[:PATH_CHARACTERS],
            Visit("", address),
            outcome="refused",
            after={"status": response.status_code},
        )
    return response


def _is_refused(status: int) -> bool:
    """Whether somebody tried to be let in, and was not. A wrong password has its line where it was compared."""
    if request.endpoint == SIGN_IN:
        return status == 429
    if request.endpoint == OPENID_RETURN:
        return status == 400 or status in REFUSED
    return status == 429 or (status in REFUSED and any(name in request.headers for name in SHOWN_HEADERS))
