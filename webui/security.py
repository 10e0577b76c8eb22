"""Headers that make every answer inert: no foreign script, style, frame, form target or guess at a type."""

from __future__ import annotations

import hmac
import ipaddress
import socket
from urllib.parse import urlsplit

from flask import Flask, Response, current_app, request
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Forbidden, SecurityError, Unauthorized

from catalog.lazy_dataclasses import dataclass

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    # To ourselves browsers say where a request comes from; with `no-referrer` a form of our own page would be sent with
    # `Origin: null`. Source: Fetch Standard, "append a request Origin header".
    "Referrer-Policy": "same-origin",
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


@dataclass(frozen=True, slots=True)
class OwnNames:
    """The names under which this server is reached. It answers to no other, whoever lets one point here (DNS rebinding).

    An address in numbers is always its own: no page can make a browser take a number for a place of its own.
    """

    names: frozenset[str]

    @classmethod
    def of(cls, host: str, named: tuple[str, ...]) -> OwnNames:
        """Of a server that listens on `host`: what somebody named, and the machine's own name where others reach it."""
        machine = () if is_loopback(host) else (socket.gethostname(), host)
        return cls(frozenset(_plain(name) for name in ("localhost", *machine, *named) if name))

    def has(self, host: str) -> bool:
        """Whether a request for this host, with or without a port, is for us."""
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        return _plain(name) in self.names or _address(name) is not None


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what listens on this host."""
    address = _address(host)
    return _plain(host) == "localhost" if address is None else address.is_loopback


def _plain(name: str) -> str:
    return name.rstrip(".").casefold()


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return None


FOREIGN_NAME = "This server does not answer to that name. If it is yours, start it with: modeldex serve --allow-host NAME"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
"""Those that change nothing. Source: RFC 9110, 9.2.1."""
FRAMED = frozenset({"embed", "frame", "iframe", "object"})


def register(app: Flask) -> None:
    """Before any view: requests under foreign names and from foreign pages are refused."""
    app.before_request(_refuse_foreign_names)
    app.before_request(refuse_foreign_pages)


def _refuse_foreign_names() -> None:
    """Raises SecurityError. A request without a name (HTTP/1.0) comes from no browser."""
    own: OwnNames | None = current_app.config.get("OWN_NAMES")
    if own is not None and "HTTP_HOST" in request.environ and not own.has(request.headers["Host"]):
        raise SecurityError(FOREIGN_NAME)


def refuse_foreign_pages() -> None:
    """Raises Forbidden if a page from elsewhere made a browser send this request.

    It may link to pages and downloads of ours, which a person then follows; it may send nothing else, and nothing to
    the doors of programs, where a request by GET can hold something open. Every browser says where a request comes
    from; who does not say it is a program, and acts for itself.
    Source: https://www.w3.org/TR/fetch-metadata/, 3.1; Fetch Standard, "append a request Origin header".
    """
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site is not None:
        if site not in {"same-origin", "none"} and not _is_followed_link():
            raise Forbidden
    elif (  # over plain http to another machine browsers say no more than the origin
        origin is not None and request.method not in SAFE_METHODS and urlsplit(origin).netloc != request.host
    ):
        raise Forbidden


def is_sent_by_own_page() -> bool:
    """Whether a browser says that the request comes from a page of ours, or from its user alone.

    What a browser says of it cannot be said by a page elsewhere. Source: Fetch Metadata, 2.4 (forbidden header names).
    """
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site is not None:
        return site in {"same-origin", "none"}
    return origin is not None and urlsplit(origin).netloc == request.host


def _is_followed_link() -> bool:
    return (
        request.method in SAFE_METHODS
        and request.headers.get("Sec-Fetch-Mode") == "navigate"
        and request.headers.get("Sec-Fetch-Dest") not in FRAMED
        and request.blueprint != "es"
    )


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
