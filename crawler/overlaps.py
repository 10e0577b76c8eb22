"""Two sources that hold each other: every model of the inner one is in the catalog twice."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from catalog.records import SourceId, display_key
from catalog.terminal import printable
from crawler.selection import Selection
from crawler.source import Source

if TYPE_CHECKING:
    from catalog.store.records import KnownSource

FILE = "file://"


def overlaps(
    source: Source, known: Iterable[KnownSource], selections: Mapping[SourceId, Selection] | None = None
) -> Iterator[str]:
    """A sentence for each other source with models whose root lies above or below this one's, and is not left out there."""
    everything = Selection()
    for other in known:
        if other.id == source.id or not other.live:
            continue
        for inner, outer in ((source, other), (other, source)):
            selection = (selections or {}).get(outer.id, everything)
            if _lies_within(inner.uri, outer.uri) and not selection.pruned(_below(inner.uri, outer.uri)):
                yield _sentence(inner.uri, outer.uri)


def typed(uri: str) -> str:
    """The address as a person types it in a shell: a path for a directory of this machine."""
    plain = os.fsdecode(unquote_to_bytes(uri[len(FILE) :])) if uri.startswith(FILE) else uri
    return shlex.quote(printable(display_key(plain)))


def _lies_within(inner: str, outer: str) -> bool:
    return inner.startswith(f"{outer.rstrip('/')}/") and inner.rstrip("/") != outer.rstrip("/")


def _below(inner: str, outer: str) -> str:
    """The key of the inner root in the outer source."""
    return os.fsdecode(unquote_to_bytes(inner[len(outer.rstrip("/")) :])).strip("/")


def _sentence(inner: str, outer: str) -> str:
    within, around = typed(inner), typed(outer)
    return (
        f"{within} lies within {around}, and both are crawled, so that each model there is listed twice: keep one of them, "
        f"with `modeldex forget {within}` or `modeldex forget {around}`."
    )
