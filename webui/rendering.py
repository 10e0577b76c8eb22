"""One page dataclass, two renderings: HTML by its template, JSON by its own fields; both with an ETag."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import math
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from flask import Response, make_response, render_template, request

from catalog.text.folding import well_formed
from catalog.text.patterns import pattern

_REVISION_TAG = pattern(r"(?P<revision>[0-9]{1,9})(?:-[0-9a-f]{32})?")


def html(template: str, page: Any, *, tag: str | None = None, status: int = 200) -> Response:
    """The page as HTML. `tag` names the state of everything that the page depends on."""
    response = make_response(render_template(template, page=page), status)
    return tagged(response, tag)


def answer(page: Any, *, tag: str | None = None, status: int = 200) -> Response:
    """The same page as JSON."""
    response = Response(dumps(page), status=status, mimetype="application/json")
    return tagged(response, tag)


def dumps(value: Any) -> str:
    """Strict JSON: dataclasses by their fields, dates in ISO 8601, what is no number in JSON as text."""
    return json.dumps(plain(value), ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def plain(value: Any) -> Any:
    """Any page or document as JSON values. Most of what they hold is text, so that is looked for first."""
    if isinstance(value, str):
        return well_formed(value)
    if value is None or isinstance(value, int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(inner) for inner in value]
    if isinstance(value, dict | Mapping):
        return {well_formed(str(key)): plain(inner) for key, inner in value.items()}
    if isinstance(value, datetime | date):
        return value.isoformat()
    kind: Any = type(value)
    names = None if isinstance(value, type) else _names_of(kind)
    return value if names is None else {name: plain(getattr(value, name)) for name in names}


@functools.cache
def _names_of(kind: type) -> tuple[str, ...] | None:
    """The names of a dataclass's fields, None for what is none."""
    return tuple(field.name for field in dataclasses.fields(kind)) if dataclasses.is_dataclass(kind) else None


def etag(*parts: object) -> str:
    """A short name for this state of these parts."""
    text = "\0".join(str(part) for part in parts)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def revision_tag(revision: int, *parts: object) -> str:
    """The ETag of a model's revision, as `If-Match` wants it, with the state of what else its answer shows: `3-…`."""
    return f"{revision}-{etag(*parts)}"


def revision_of(tag: str) -> int | None:
    """The revision that an ETag or a sender names, `3-…` or `3`; None where it names none."""
    match = _REVISION_TAG.fullmatch(tag)
    return int(match["revision"]) if match else None


def not_modified(tag: str) -> Response | None:
    """304 when the browser already has this state."""
    if not request.if_none_match.contains_weak(tag):  # packed ones are weak
        return None
    return tagged(Response(status=304), tag)


def tagged(response: Response, tag: str | None) -> Response:
    """The response with the name of the state that it depends on; without one nobody may keep it."""
    if tag is None:
        response.headers["Cache-Control"] = "no-store"
    else:
        response.set_etag(tag)
        response.headers["Cache-Control"] = "private, no-cache"
    return response
