"""Bytes in and out: content types that Elasticsearch's clients speak, bodies with a bound, JSON and NDJSON."""

from __future__ import annotations

import gzip
import json
import re
import zlib
from typing import Any

from flask import Request, Response

from catalog.dsl.body import MAX_BODY_BYTES, parse_body
from catalog.errors import RequestRefused
from webui.es.faults import Fault
from webui.rendering import dumps

VERSIONS = frozenset({"7", "8", "9"})
"""Majors of the clients that are answered in their own media type."""
MIN_ZIPPED_BYTES = 8_192
"""Below it, packing costs more than it saves."""
_COMPATIBLE = re.compile(
    r"application/vnd\.elasticsearch\+(json|x-ndjson)\s*;\s*compatible-with\s*=\s*(\d{1,3})"
)
_PLAIN = frozenset({"application/json", "application/x-ndjson", "application/vnd.elasticsearch+json"})
_ACCEPTED = (*_PLAIN, "application/*", "*/*", "text/plain", "text/html")


def answer_type(accept: str) -> str:
    """The content type of the answer. Raises Fault for a client that takes none of ours.

    Source: Elasticsearch REST API compatibility; elasticsearch-py 8 and 9 send `compatible-with` of their own major.
    """
    match = _COMPATIBLE.search(accept)
    if match is not None:
        _known(match[2], "Accept")
        return f"application/vnd.elasticsearch+json;compatible-with={match[2]}"
    if accept.strip() and not any(kind in accept for kind in _ACCEPTED):
        raise Fault(406, "media_type_header_exception", "[Accept] only JSON is answered here.")
    return "application/json"


def _known(version: str, header: str) -> None:
    if version not in VERSIONS:
        known = ", ".join(sorted(VERSIONS))
        raise Fault(
            400, "media_type_header_exception", f"[{header}] compatible-with={version} is not one of {known}."
        )


def read_body(request: Request) -> bytes:
    """The body, unpacked. Raises Fault for another type than JSON, RequestRefused for one that is too long."""
    raw = request.get_data(cache=False)
    if not raw:
        return b""
    _check_type(request.headers.get("Content-Type", ""))
    encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding in {"", "identity"}:
        return raw
    if encoding != "gzip":
        raise Fault(415, "illegal_argument_exception", "[Content-Encoding] is gzip or none.")
    return _unzipped(raw)


def _check_type(given: str) -> None:
    match = _COMPATIBLE.match(given)
    if match is not None:
        _known(match[2], "Content-Type")
    elif given.partition(";")[0].strip().lower() not in _PLAIN:
        raise Fault(
            406,
            "media_type_header_exception",
            f"[Content-Type] [{given[:80]}] is not supported; send application/json.",
        )


def _unzipped(raw: bytes) -> bytes:
    """A gzip body of at most the bytes that a plain one may have: a bomb ends there."""
    unpacking = zlib.decompressobj(wbits=31)
    try:
        body = unpacking.decompress(raw, MAX_BODY_BYTES + 1)
    except zlib.error:
        raise RequestRefused("body", "is no gzip.") from None
    if len(body) > MAX_BODY_BYTES:
        raise RequestRefused("body", f"is longer than {MAX_BODY_BYTES:,} bytes.")
    if not unpacking.eof or unpacking.unused_data:
        raise RequestRefused("body", "is no whole gzip.")
    return body


def read_json(request: Request) -> dict[str, Any]:
    """The body as an object, empty when there is none."""
    body = parse_body(read_body(request))
    if not isinstance(body, dict):
        raise RequestRefused("body", "needs an object.")
    return body


def read_lines(request: Request) -> list[Any]:
    """The lines of an NDJSON body."""
    raw = read_body(request)
    if len(raw) > MAX_BODY_BYTES:
        raise RequestRefused("body", f"is longer than {MAX_BODY_BYTES:,} bytes.")
    lines = raw.split(b"\n")
    if lines and not lines[-1].strip():
        lines.pop()
    return [parse_body(line) for line in lines]


def write_json(body: Any, content_type: str, status: int = 200, *, pretty: bool = False) -> Response:
    """The answer as one line of JSON, or as lines for a person."""
    encoded = _encoded(body)
    if pretty:
        encoded = json.dumps(json.loads(encoded), ensure_ascii=False, indent=2).encode() + b"\n"
    return Response(encoded, status=status, content_type=content_type)


def _encoded(body: Any) -> bytes:
    """JSON of an answer. Documents are JSON already; only odd ones take the careful way, which is 4 times slower."""
    try:
        return json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except (TypeError, ValueError):
        return dumps(body).encode()


def zipped(response: Response) -> None:
    """Packs a long answer for a client that asked for it (elasticsearch-py with http_compress)."""
    body = response.get_data()
    if len(body) < MIN_ZIPPED_BYTES:
        return
    response.set_data(gzip.compress(body, compresslevel=1, mtime=0))
    response.headers["Content-Encoding"] = "gzip"
    response.headers["Vary"] = "Accept-Encoding"


def write_text(text: str, status: int = 200) -> Response:
    return Response(text, status=status, content_type="text/plain; charset=UTF-8")
