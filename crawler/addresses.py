"""From what a person types to a source: a path means a directory of this machine, an address the source of its scheme."""

from __future__ import annotations

import re
from pathlib import Path

from catalog import plugins
from catalog.errors import ModeldexError, PluginUnavailable, UserError
from catalog.settings import Settings
from crawler.source import Source

LOCAL = "file"
PLANNED = frozenset({"s3"})
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://", re.IGNORECASE)
"""Source: RFC 3986, section 3.1."""


def scheme_of(address: str) -> str:
    """The scheme that the address begins with, in small letters; `file` for a path. Raises UserError for an unknown one."""
    found = _SCHEME.match(address)
    scheme = found[1].lower() if found else LOCAL
    known = plugins.names("source") if scheme not in plugins.SOURCES else [scheme]
    if scheme in known:
        return scheme
    if scheme in PLANNED:
        raise UserError(
            f"Addresses with {scheme}:// are not supported yet: crawl a directory that holds or mounts the same files."
        )
    listed = ", ".join(f"{name}://" for name in known)
    raise UserError(
        f"There is no source for {scheme}:// addresses.",
        advice=f"Known are {listed} and paths of this machine.",
    )


def open_source(address: str, settings: Settings) -> Source:
    """The source at this address. Raises UserError, SourceError, PluginUnavailable."""
    scheme = scheme_of(address)
    opener = plugins.load("source", scheme)
    try:
        source: Source = opener(address, settings)
    except ModeldexError:
        raise
    except Exception as error:
        if scheme in plugins.SOURCES:
            raise
        raise PluginUnavailable("source", scheme, f"{type(error).__name__}: {error}") from error
    return source


def check_address(address: str) -> None:
    """Raises UserError if no crawl of this address could begin. Opens nothing."""
    if scheme_of(address) == LOCAL and not Path(local_path(address)).is_dir():
        raise UserError(f"There is no directory {address!r}.", advice="Give existing directories.")


def local_path(address: str) -> str:
    """The path that a path or a `file:` address means."""
    from crawler.sources.local import path_of  # noqa: PLC0415 - `serve` and `worker` start without the crawler's sources

    return path_of(address)
