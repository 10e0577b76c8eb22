"""What requests may change: the editor of the present request, and bodies and forms turned into changes of fields."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

from flask import Request, request
from werkzeug.exceptions import UnsupportedMediaType

from catalog.access.editing import Editor
from catalog.errors import EditRefused, RevisionConflict, UserError
from catalog.recording.field_changes import FREE, Action, FieldChange
from crawler.commands.index_state import bring_up_to_date
from mappings import fields
from webui.json_bodies import json_value
from webui.reading import catalog, settings
from webui.rendering import revision_of

MERGE_PATCH = "application/merge-patch+json"
"""A document with the values that change; null for those that are to be empty. Source: RFC 7396."""
FIELD_LIST = "application/json"
ACCEPTED = (MERGE_PATCH, FIELD_LIST)
BODY_BYTES = 512 * 1024
MAX_LEVELS = 4
ANY_STATE = "*"
LISTS: Mapping[str, Action] = {
    "set": Action.SET,
    "add": Action.ADD,
    "remove": Action.REMOVE,
    "empty": Action.EMPTY,
    "clear": Action.GIVE_BACK,
}
"""Members of a list of fields; an object with another member is taken for the document of a merge patch."""


def editor() -> Editor:
    """Changes the catalog for whoever asks; the index follows before the answer."""
    origin = request.remote_addr or ""
    return Editor(settings(), catalog(), follow=bring_up_to_date, origin=origin)


def body_changes(asked: Request) -> list[FieldChange]:
    """The changes in the body of a request. Raises UnsupportedMediaType, UserError, EditRefused."""
    body = json_body(asked)
    return [*field_list(body)] if is_field_list(asked, body) else [*merge_patch(body)]


def json_body(asked: Request) -> dict[str, Any]:
    """The JSON object that was sent. Raises UnsupportedMediaType, UserError."""
    if asked.mimetype not in ACCEPTED:
        raise UnsupportedMediaType
    asked.max_content_length = BODY_BYTES
    body = json_value(asked.get_data(cache=False), parse_constant=_no_constant)
    if not isinstance(body, dict):
        raise UserError("The body must be a JSON object.", advice='For instance {"license": "mit"}.')
    return body


def is_field_list(asked: Request, body: Mapping[str, Any]) -> bool:
    """Whether the body says what is to be done with which fields, and is no part of a document."""
    return asked.mimetype == FIELD_LIST and bool(body) and LISTS.keys() >= body.keys()


def field_list(body: Mapping[str, Any]) -> Iterator[FieldChange]:
    """`{"set": {…}, "add": {…}, "remove": {…}, "empty": […], "clear": […]}` as changes. Raises UserError."""
    for member, named in body.items():
        action = LISTS[member]
        if action in {Action.EMPTY, Action.GIVE_BACK}:
            if not isinstance(named, list) or not all(isinstance(name, str) for name in named):
                raise UserError(f"{member!r} must be a list of names of fields.")
            yield from (FieldChange(field=name, action=action) for name in named)
        elif isinstance(named, dict):
            yield from (FieldChange(field=name, action=action, value=value) for name, value in named.items())
        else:
            raise UserError(f"{member!r} must be an object of fields and values.")


def merge_patch(document: Mapping[str, Any], prefix: str = "", level: int = 1) -> Iterator[FieldChange]:
    """A part of a document as changes: nested objects by dotted names, null empties. Raises EditRefused."""
    for key, value in document.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict) and not _holds_objects(name):
            if level >= MAX_LEVELS:
                raise EditRefused((f"{name[:200]} is nested too deep",))
            yield from merge_patch(value, f"{name}.", level + 1)
        elif value is None:
            yield FieldChange(field=name, action=Action.EMPTY)
        else:
            yield FieldChange(field=name, value=value)


def expected_revision(model: str, present: int) -> int | None:
    """The revision that If-Match asks for; None where it is not asked for. Raises RevisionConflict with status 412."""
    wanted = request.headers.get("If-Match")
    if wanted is None or wanted.strip() == ANY_STATE:
        return None
    strong = (tag.strip().strip('"') for tag in wanted.split(",") if not tag.strip().startswith("W/"))
    named = {revision_of(tag) or 0 for tag in strong}
    if present in named:
        return present
    raise precondition_failed(RevisionConflict(model, expected=max(named, default=0), present=present))


def precondition_failed(conflict: RevisionConflict) -> RevisionConflict:
    """The same, told as the failed condition that it is where the request named a revision."""
    if "If-Match" in request.headers:
        conflict.http_status = 412
    return conflict


def _holds_objects(name: str) -> bool:
    """Whether an object below this name is a value: it is refused with the field's own reason."""
    row = fields().get(name)
    return row is not None and f"{name}." not in FREE


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number in JSON")
