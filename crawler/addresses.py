"""From what a person types to a source: the name of one, a path of this machine, or an address of some storage."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from catalog import plugins
from catalog.errors import ModeldexError, PluginUnavailable, PromiseBroken, UserError, described
from catalog.lazy_dataclasses import dataclass, replace
from catalog.records.sources import SourceDefinition, SourceRow
from catalog.settings import Settings
from catalog.terminal import printable
from catalog.text.patterns import pattern
from crawler.source import Source

LOCAL = "file"
_SCHEME = pattern(r"([a-z][a-z0-9+.-]*)://", re.IGNORECASE)
"""Source: RFC 3986, section 3.1."""
_PASSWORD = pattern(r"[a-z][a-z0-9+.-]*://[^/?#@]*:[^/?#]*@", re.IGNORECASE)
"""Source: RFC 3986, section 3.2.1."""


@dataclass(frozen=True, slots=True)
class Target:
    """What was typed: an address, and the row of the source that it means, if there is one."""

    address: str
    row: SourceRow | None

    @property
    def definition(self) -> SourceDefinition:
        return SourceDefinition() if self.row is None else self.row.definition


def scheme_of(address: str) -> str:
    """The scheme that the address begins with, in small letters; `file` for a path. Raises UserError for an unknown one, and for
    none: an unset variable of a script is not the directory that one happens to be in.
    """
    if not address:
        raise UserError("The address is empty.", advice="Name a directory that holds model files.")
    match = _SCHEME.match(address)
    scheme = match[1].lower() if match else LOCAL
    known = plugins.names("source") if scheme not in plugins.SOURCES else [scheme]
    if scheme in known:
        return scheme
    listed = ", ".join(f"{name}://" for name in known)
    raise UserError(
        f"There is no source for {scheme}:// addresses.",
        advice=f"Known are {listed} and paths of this machine.",
    )


def may_be_name(text: str) -> bool:
    """Whether the text can name a source: whatever looks like a path or an address is one."""
    return "/" not in text and text not in {"", ".", ".."} and not text.startswith("~")


def find_target(text: str, rows: Iterable[SourceRow]) -> Target:
    """What the text means. Raises UserError if it is both a name and a directory of another place."""
    rows = list(rows)
    named = next((row for row in rows if row.definition.name == text), None) if may_be_name(text) else None
    if named is not None:
        if Path(text).is_dir() and local_id(text) != named.id:
            raise UserError(
                f"{text!r} is a directory here, and the name of the source {printable(named.address)}.",
                advice=f"Write ./{text} for the directory, or the address for the source.",
            )
        return Target(named.address, named)
    return Target(text, _row_at(text, rows))


def open_target(target: Target, rows: Iterable[SourceRow], settings: Settings) -> tuple[Source, Target]:
    """The source, and the target with its row if only the opened source shows which it is."""
    source = open_source(target.address, settings, target.definition)
    if target.row is None:
        row = next((row for row in rows if row.id == source.id), None)
        if row is not None:
            target = replace(target, row=row)
            source = open_source(target.address, settings, target.definition)
    elif source.id != target.row.id:
        raise UserError(
            f"{printable(target.address)} is now {printable(source.uri)}, and no longer the source that was added.",
            advice="Add it anew with: modeldex sources add ADDRESS",
        )
    return source, target


def open_source(address: str, settings: Settings, definition: SourceDefinition | None = None) -> Source:
    """The source at this address, crawled as it is defined. Raises UserError, SourceError, PluginUnavailable."""
    from catalog.contracts import only_errors  # noqa: PLC0415 - searches open no source
    from crawler.options import filled_options  # noqa: PLC0415 - `serve` and `worker` start without them
    from crawler.selection import Selection, selected  # noqa: PLC0415

    definition = definition or SourceDefinition()
    scheme = scheme_of(address)
    opener = plugins.load("source", scheme)
    options = filled_options(scheme, definition.options, definition.credentials)
    given = () if options is None else (options,)
    try:
        with only_errors():
            source: Source = opener(address, settings, *given)
    except ModeldexError:
        raise
    except Exception as error:
        if scheme in plugins.SOURCES:
            raise
        raise PluginUnavailable("source", scheme, described(error)) from error
    if scheme not in plugins.SOURCES:
        _check_described(scheme, source)
    return selected(source, Selection(definition.include, definition.exclude))


def _check_described(scheme: str, source: Source) -> None:
    """What a source of another package says of itself. Raises PluginUnavailable."""
    from catalog.contracts import taken_type  # noqa: PLC0415 - as above

    try:
        for name in ("id", "uri"):
            taken_type(str, getattr(source, name, None), name)
        taken_type(int, getattr(source, "concurrency", 1), "concurrency")
    except PromiseBroken as error:
        raise PluginUnavailable("source", scheme, str(error)) from error


def check_address(address: str) -> None:
    """Raises UserError if no crawl of this address could begin. Opens nothing."""
    scheme = scheme_of(address)
    if scheme == LOCAL and not Path(local_path(address)).is_dir():
        raise UserError(f"There is no directory {address!r}.", advice="Give existing directories.")
    check_without_password(address)
    check = getattr(plugins.load("source", scheme), "check_address", None)
    if check is not None:
        check(address)


def shown_address(text: str) -> str:
    """What was typed, for a sentence: on one line, and without the password that it may hold."""
    masked = _PASSWORD.sub(lambda match: f"{match[0].partition('://')[0]}://***@", text, count=1)
    return printable(masked, limit=200)


def check_without_password(address: str) -> None:
    """Raises UserError for an address that could not be stored."""
    if _PASSWORD.match(address):
        raise UserError(
            "This address holds a password, which would be stored in clear.",
            advice="Write the address without it, and --credential NAME=env:VARIABLE or NAME=file:PATH.",
        )


def local_path(address: str) -> str:
    """The path that a path or a `file:` address means."""
    from crawler.sources.local import path_of  # noqa: PLC0415 - `serve` and `worker` start without the crawler's sources

    return path_of(address)


def local_id(address: str) -> str:
    """The id of the directory that a path or a `file:` address means, whether it is there or not."""
    from crawler.sources.local import uri_of_directory  # noqa: PLC0415

    return uri_of_directory(local_path(address))


def _row_at(address: str, rows: Iterable[SourceRow]) -> SourceRow | None:
    if not address:
        return None
    is_local = scheme_of(address) == LOCAL
    wanted = {local_id(address)} if is_local else {address, address.rstrip("/")}
    for row in rows:
        places = {row.id} if is_local else {row.id, row.uri, row.address, row.address.rstrip("/")}
        if wanted & places:
            return row
    return None
