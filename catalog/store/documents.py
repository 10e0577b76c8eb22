"""The one place that finishes a document: what the normaliser said and what only the store knows."""

from __future__ import annotations

from typing import Any

from catalog.lazy_dataclasses import dataclass
from catalog.records import Document
from mappings.flags import flags as known_flags

LIVE, MISSING, GONE = "live", "missing", "gone"
TRASHED, DELETED = "trashed", "deleted"
"""What retention did with the files: they can be brought back, or not. No crawl misses such a model."""
NOT_MADE_CODE = "not-made"
"""Of the problem of a model over which processes died that were to make its record."""
DAMAGED_CODE = "damaged"
"""Of the problem of a model of whose newest revision a part is lost."""
MAX_LOCATIONS = 100
MOVED_TO = "moved_to"
"""Below `extra`, and the store's alone: pages lead from it to another model, so no file may say it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What the store knows of a model. `copies` are the URIs of live models with provably the same weights, and
    `duplicate_group` is what they share.
    """

    state: str
    first_seen: str
    moved_to: str | None = None
    moved_path: str | None = None
    duplicate_group: str | None = None
    copies: tuple[str, ...] = ()


_REPLACED = ("status", "duplicate_group")
"""What `finish` may say in place of the content, places aside, of which it may say more."""


def replaced_by_standing(content: Document) -> Document:
    """What of the content its finished document may not say any more; None for places that it does not have."""
    own: dict[str, Any] = {name: content[name] for name in _REPLACED if name in content}
    if (places := content.get("locations")) != [content.get("uri")]:
        own["locations"] = places
    return own


def content_of(document: Document, own: Document) -> Document:
    """The content that `finish` made this document of, `own` being what `replaced_by_standing` kept of it."""
    content: dict[str, Any] = {**document, "first_seen": None, "revision": None}
    content |= {name: own.get(name) for name in _REPLACED}
    content["locations"] = own.get("locations", [document.get("uri")])
    content["flags"] = [flag for flag in content.get("flags", ()) if not _is_of_store(flag)] or None
    if MOVED_TO in content.get("extra", {}):
        extra = {name: value for name, value in content["extra"].items() if name != MOVED_TO}
        content["extra"] = extra or None
        content["problems"] = content.get("problems", ())[:-1] or None
    return {name: value for name, value in content.items() if value is not None}


def _is_of_store(flag: str) -> bool:
    return flag in known_flags() and known_flags()[flag].by == "store"


def finish(content: Document, standing: Standing) -> Document:
    """The document as revisions hold it: content, standing, and nothing that changes by being looked at."""
    document: dict[str, Any] = dict(content)
    flags = {flag for flag in document.get("flags", ()) if not _is_of_store(flag)}
    document["first_seen"] = standing.first_seen
    if standing.state != LIVE:
        document["status"] = standing.state
        flags.add("removed" if standing.state in {TRASHED, DELETED} else "missing")
    if MOVED_TO in document.get("extra", {}):
        extra = {name: value for name, value in document.pop("extra").items() if name != MOVED_TO}
        document |= {"extra": extra} if extra else {}
    if standing.moved_to is not None:
        flags.add("moved")
        document["extra"] = {**document.get("extra", {}), MOVED_TO: standing.moved_to}
        moved = {"code": "moved", "message": f"moved to {standing.moved_path or standing.moved_to}"}
        document["problems"] = [*document.get("problems", ()), moved]
    if standing.copies and standing.state == LIVE:
        flags.add("duplicate")
        document["duplicate_group"] = standing.duplicate_group
        places = [*document.get("locations", ()), *sorted(standing.copies)]
        document["locations"] = list(dict.fromkeys(places))[:MAX_LOCATIONS]
    if flags:
        document["flags"] = sorted(flags)
    else:
        document.pop("flags", None)
    return document
