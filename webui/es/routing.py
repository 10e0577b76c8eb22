"""The paths that are answered. A path is cut into names and looked up; whatever is not in the table is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from catalog.lazy_dataclasses import dataclass
from webui.es import documents, index_info, scrolls, searching
from webui.es.call import Asked
from webui.es.faults import Fault, illegal, read_only

# By hand and not by werkzeug's rules, measured: 5 µs a path against 18 µs, and its rules take `_nope` for the name of an
# index and `_bulk` for nothing at all, where a client is to read 400 and 403 with the part named.
MAX_PATH = 2_000
Handler = Callable[[Asked], Any]
_WRITING_METHODS = frozenset({"PUT", "DELETE", "PATCH"})
_READ_BY_GET = frozenset({"_ingest", "_scripts"})
"""Of these a GET changes nothing at Elasticsearch either; here there is nothing to read."""
_WRITING = frozenset(
    {
        "_bulk",
        "_cache",
        "_clone",
        "_close",
        "_create",
        "_delete_by_query",
        "_flush",
        "_forcemerge",
        "_ingest",
        "_open",
        "_refresh",
        "_reindex",
        "_rollover",
        "_scripts",
        "_shrink",
        "_snapshot",
        "_split",
        "_update",
        "_update_by_query",
    }
)


def _reading(handler: Handler, *, post: bool = False) -> Mapping[str, Handler]:
    return {"GET": handler, "HEAD": handler} | ({"POST": handler} if post else {})


ENDPOINTS: Mapping[str, Mapping[str, Handler]] = {
    "": _reading(index_info.index),
    "/": _reading(index_info.root),
    "_search": _reading(searching.search, post=True),
    "_search/scroll": {
        **_reading(scrolls.next_of_scroll, post=True),
        "DELETE": scrolls.close_scrolls,
    },
    "_count": _reading(searching.count, post=True),
    "_msearch": _reading(searching.msearch, post=True),
    "_mget": _reading(documents.mget, post=True),
    "_doc": _reading(documents.document),
    "_source": _reading(documents.source),
    "_mapping": _reading(index_info.mapping),
    "_alias": _reading(index_info.aliases),
    "_aliases": _reading(index_info.aliases),
    "_settings": _reading(index_info.settings),
    "_field_caps": _reading(index_info.field_caps, post=True),
    "_pit": {"POST": scrolls.open_point, "DELETE": scrolls.close_point},
    "_search/point_in_time": {"POST": scrolls.open_pit, "DELETE": scrolls.close_pits},  # OpenSearch's words
    "_cluster/health": _reading(index_info.health),
    "_cat/indices": _reading(index_info.cat_indices),
    "_cat/count": _reading(index_info.cat_count, post=True),  # elasticsearch-py 9 posts it
}
"""By the endpoint's name: what answers each method. `""` is an index itself, `/` the root."""
_WITH_ID = frozenset({"_alias", "_doc", "_source"})
_WITH_INDEX_LAST = frozenset({"_cat/indices", "_cat/count", "_cluster/health"})
_WITHOUT_INDEX = frozenset({"_search/scroll", "/"})


@dataclass(frozen=True, slots=True)
class Place:
    """What a path names."""

    endpoint: str
    index: str | None = None
    parameter: str = ""


def place_of(path: str) -> Place:
    """What the path below /es/ names, known or not. Raises Fault for a path that is no list of names."""
    path = path.removesuffix("/")
    if not path:
        return Place("/")
    names = path.split("/")
    if len(path) > MAX_PATH or any(name in {"", ".", ".."} for name in names) or not path.isprintable():
        raise illegal("path", "is not a list of names.")
    index: str | None = None
    if not names[0].startswith("_") or names[0] == "_all":
        index, *names = names
    if not names:
        return Place("", index)
    two = "/".join(names[:2])
    endpoint, rest = (two, names[2:]) if two in ENDPOINTS else (names[0], names[1:])
    if endpoint in _WITH_ID and len(rest) == 1:
        return Place(endpoint, index, rest[0])
    if endpoint in _WITH_INDEX_LAST and index is None and len(rest) == 1:
        return Place(endpoint, rest[0])
    if endpoint == "_pit" and index is None and not rest:
        return Place(endpoint)
    if rest or (index is not None and endpoint in _WITHOUT_INDEX | _WITH_INDEX_LAST):
        return Place("/".join(names), index)
    return Place(endpoint, index)


def handler_of(place: Place, method: str) -> Handler:
    """What answers this place. Raises Fault: 403 for what would write, 405 for another method, 400 for the rest."""
    methods = ENDPOINTS.get(place.endpoint)
    named = place.endpoint or "index"
    if methods is None:
        first = named.partition("/")[0]
        reads = method in {"GET", "HEAD"} and first in _READ_BY_GET
        if (first in _WRITING and not reads) or method in _WRITING_METHODS:
            raise read_only(first)
        known = ", ".join(name for name in ENDPOINTS if name not in {"", "/"})
        raise illegal(named, f"is not answered here; known are {known}.")
    handler = methods.get(method)
    if handler is not None:
        return handler
    if method in _WRITING_METHODS or place.endpoint in {"", "_doc", "_aliases"}:
        raise read_only(named if place.endpoint else f"{method} {place.index or ''}".strip())
    allowed = ", ".join(methods)
    raise Fault(
        405,
        "method_not_allowed_exception",
        f"[{method}] is not allowed for [{named}]; allowed: {allowed}",
        allow=allowed,
    )
