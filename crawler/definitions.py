"""A source as a person describes it, by options or in a file, checked before anything of it is stored."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from catalog.errors import UserError
from catalog.records.objects import SourceId
from catalog.records.sources import SourceDefinition, SourceRow
from catalog.sealing.names import checked_names
from catalog.settings import Settings
from catalog.terminal import printable
from crawler.addresses import LOCAL, check_without_password, local_id, open_source, scheme_of
from crawler.options import checked_options
from crawler.schedule import parse_schedule
from crawler.selection import checked_patterns

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
KEYS = ("name", "include", "exclude", "schedule", "credentials", "sensitive", "borrow", "options")


def check_name(name: str) -> str:
    """Raises UserError for a name that is none: it must not be taken for a path."""
    if not NAME.fullmatch(name):
        raise UserError(
            f"{printable(name, limit=100)!r} cannot be the name of a source.",
            advice="A name is letters, digits, dots, - and _, without / so that it is never taken for a path.",
        )
    return name


def checked_definition(address: str, fields: Mapping[str, Any]) -> SourceDefinition:
    """The definition that these `fields` (`KEYS`) make, each part checked. Raises UserError, which holds no secret."""
    scheme = scheme_of(address)
    options, credentials = checked_options(
        scheme, _mapping(fields, "options"), _mapping(fields, "credentials")
    )
    name, schedule = _text(fields, "name"), _text(fields, "schedule")
    if schedule is not None:
        parse_schedule(schedule)
    return SourceDefinition(
        name=None if name is None else check_name(name),
        include=checked_patterns(_texts(fields, "include"), what="include"),
        exclude=checked_patterns(_texts(fields, "exclude"), what="exclude"),
        schedule=schedule,
        credentials=credentials,
        sensitive=checked_names(_texts(fields, "sensitive")),
        borrow=_flag(fields, "borrow", default=True),
        options=options,
    )


def new_row(address: str, definition: SourceDefinition, settings: Settings) -> SourceRow:
    """A row for what is at this address now. Raises UserError, SourceError if nothing can be opened there."""
    check_without_password(address)
    source = open_source(address, settings, definition)
    stored = source.uri if scheme_of(address) == LOCAL else address
    return SourceRow(id=SourceId(source.id), uri=source.uri, address=stored, definition=definition)


def check_apart(row: SourceRow, others: Iterable[SourceRow]) -> None:
    """Raises UserError if another source has this name, or an address that only a slash tells apart."""
    for other in others:
        if other.id == row.id:
            continue
        if row.definition.name is not None and other.definition.name == row.definition.name:
            raise UserError(
                f"The source {printable(other.address)} is already named {row.definition.name!r}.",
                advice="Choose another name.",
            )
        if other.address.rstrip("/") == row.address.rstrip("/"):
            raise UserError(
                f"{printable(row.address)} and {printable(other.address)}, which is a source already, differ by a slash alone.",
                advice="Keep the one that there is.",
            )


def address_id(address: str, rows: Iterable[SourceRow]) -> str:
    """What tells two descriptions of one source: its id, or the address where that is not known yet."""
    if scheme_of(address) == LOCAL:
        return local_id(address)
    known = (row.id for row in rows if address.rstrip("/") in {row.address.rstrip("/"), row.uri.rstrip("/")})
    return next(known, address)


def _text(fields: Mapping[str, Any], key: str) -> str | None:
    value = fields.get(key)
    if value is not None and not isinstance(value, str):
        raise UserError(f"{key!r} must be text.")
    return value or None


def _flag(fields: Mapping[str, Any], key: str, *, default: bool) -> bool:
    value = fields.get(key)
    if value is not None and not isinstance(value, bool):
        raise UserError(f"{key!r} must be true or false.")
    return default if value is None else value


def _texts(fields: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = fields.get(key) or ()
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
        raise UserError(f"{key!r} must be a list of texts.")
    return tuple(value)


def _mapping(fields: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = fields.get(key) or {}
    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
        raise UserError(f"{key!r} must be names with values.")
    return value
