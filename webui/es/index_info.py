"""What this endpoint says of itself: `GET /`, `_mapping`, `_alias`, `_settings`, `_field_caps`, `_cat`, `_cluster/health`."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from flask import Response
from flask import request as http

from catalog.dsl.values import only
from catalog.errors import RequestRefused, visible
from catalog.query.request import MAX_RESULT_WINDOW
from catalog.query.validate import NESTED_FIELDS, NESTED_PATH
from catalog.search.engine import EngineInfo
from mappings import Field, fields, indexed_fields
from mappings.metrics import metrics
from webui.es.call import Asked
from webui.es.faults import ECHOED, Fault, Json, illegal
from webui.es.indices import INDEX
from webui.es.media import read_json, write_text

VERSION = "8.19.0"
"""The Elasticsearch whose search API is spoken here; clients of 8 and 9 choose by it."""
MAX_PATTERNS = 100
_TYPES = {
    "keyword": "keyword",
    "text": "text",
    "long": "long",
    "double": "double",
    "date": "date",
    "boolean": "boolean",
    "flattened": "flattened",
}
_FILTERS = frozenset({"+metadata", "-metadata", "-multifield", "-nested", "-parent"})
"""Source: Elasticsearch, field capabilities, parameter `filters`."""
_COUNTED = frozenset({"keyword", "long", "double", "date", "boolean"})


def root(asked: Asked) -> Json:
    """Name and version, as clients ask for them first."""
    asked.arguments.done()
    return {
        "name": "modeldex",
        "cluster_name": "modeldex",
        "cluster_uuid": "modeldex",
        "version": {
            "number": VERSION,
            "build_flavor": "default",
            "build_type": "modeldex",
            "build_hash": "unknown",
            "build_date": "2025-07-23T22:10:18.138215839Z",
            "build_snapshot": False,
            "lucene_version": "9.12.2",
            "minimum_wire_compatibility_version": "7.17.0",
            "minimum_index_compatibility_version": "7.0.0",
        },
        "tagline": "You Know, for Search",
        "modeldex": {"engine": asked.call.catalog.engine_name, "read_only": True},
    }


def index(asked: Asked) -> Json:
    """`GET /models`: its mappings. `HEAD` tells whether it is there."""
    included = asked.among_models()
    asked.arguments.text("features")
    asked.arguments.done()
    described = {"aliases": {}, "mappings": {"properties": properties()}, "settings": {"index": {}}}
    return {INDEX: described} if included else {}


def mapping(asked: Asked) -> Json:
    """`_mapping`: the fields that queries may name, with their types, labels and units."""
    included = asked.among_models()
    asked.arguments.done()
    return {INDEX: {"mappings": {"properties": properties()}}} if included else {}


def aliases(asked: Asked) -> Json:
    """`_alias`: the index without aliases, as clients list what there is. Raises Fault, 404, for an alias by its name."""
    included = asked.among_models()
    asked.arguments.done()
    if asked.parameter:
        name = visible(asked.parameter[:ECHOED])
        raise Fault(404, "aliases_not_found_exception", f"aliases [{name}] missing")
    return {INDEX: {"aliases": {}}} if included else {}


def settings(asked: Asked) -> Json:
    """`_settings`: how many hits one search may reach; nothing else can be set here."""
    included = asked.among_models()
    asked.arguments.flag("flat_settings")
    asked.arguments.flag("include_defaults")
    asked.arguments.done()
    reach = {"max_result_window": str(MAX_RESULT_WINDOW), "number_of_shards": "1"}
    return {INDEX: {"settings": {"index": reach}}} if included else {}


def properties() -> Json:
    """The properties of a mapping, from the one table of fields."""
    root: Json = {}
    for row in indexed_fields():
        *parents, last = row.name.split(".")
        level = root
        for parent in parents:
            level = level.setdefault(parent, {}).setdefault("properties", {})
        level[last] = {**level.get(last, {}), **_property(row)}
    return root


def _property(row: Field) -> Json:
    meta = {"label": row.label} | ({"unit": row.unit} if row.unit else {})
    match row.type:
        case "name":
            shown: Json = {"type": "text", "fields": {"keyword": {"type": "keyword"}}}
        case "metrics":
            measured = {
                name: {"type": "double", "meta": {"label": metric.label, "unit": metric.unit}}
                for name, metric in metrics().items()
            }
            return {"type": "object", "dynamic": "true", "properties": measured}
        case "nested":
            return {
                "type": "nested",
                "properties": {name: {"type": kind} for name, kind in NESTED_FIELDS.items()},
            }
        case "object":
            return {"type": "object", "enabled": False}
        case kind:
            shown = {"type": _TYPES[kind]}
    return {**shown, "meta": meta}


def field_caps(asked: Asked) -> Json:
    """`_field_caps`: which of the named fields there are, and what can be done with them."""
    included = asked.among_models()
    body = only(read_json(http), "_field_caps", frozenset({"fields"}))
    given = body.get("fields", asked.arguments.listed("fields"))
    kept = _kept(asked.arguments.listed("filters") or [], asked.arguments.listed("types") or [])
    asked.arguments.flag("include_unmapped")
    asked.arguments.flag("include_empty_fields", default=True)
    asked.arguments.done()
    patterns = given.split(",") if isinstance(given, str) else given
    if not isinstance(patterns, list) or not 0 < len(patterns) <= MAX_PATTERNS:
        raise RequestRefused("fields", f"needs 1 to {MAX_PATTERNS} names or patterns.")
    if not all(isinstance(entry, str) and len(entry) <= 300 for entry in patterns):
        raise RequestRefused("fields", "needs names.")
    if not included:
        return {"indices": [], "fields": {}}
    wanted = {
        name: {caps["type"]: caps}
        for name, caps in _capabilities(properties(), "")
        if kept(name, caps) and any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
    }
    return {"indices": [INDEX], "fields": wanted}


def _kept(filters: list[str], types: list[str]) -> Callable[[str, Json], bool]:
    """Whether a field passes `filters` and `types`. There are no metadata fields, and none are refused to anybody."""
    unknown = sorted(set(filters) - _FILTERS)
    if unknown:
        raise illegal("filters", f"knows {', '.join(sorted(_FILTERS))}, not {unknown[0]:.60}.")
    inner = {f"{name}.keyword" for name, row in fields().items() if row.type == "name"}

    def kept(name: str, caps: Json) -> bool:
        kind = caps["type"]
        if "-multifield" in filters and name in inner:
            return False
        if "-nested" in filters and name.partition(".")[0] == NESTED_PATH:
            return False
        if kind in {"object", "nested"} and "-parent" in filters:
            return False
        return "+metadata" not in filters and (not types or kind in types)

    return kept


def _capabilities(level: Mapping[str, Any], path: str) -> Iterator[tuple[str, Json]]:
    for name, row in level.items():
        here = f"{path}.{name}" if path else name
        yield here, _caps(row)
        for sub, inner in row.get("fields", {}).items():
            yield f"{here}.{sub}", _caps(inner)
        yield from _capabilities(row.get("properties", {}), here)


def _caps(row: Mapping[str, Any]) -> Json:
    kind = row.get("type", "object")
    searchable = kind not in {"object", "nested"}
    caps: Json = {
        "type": kind,
        "metadata_field": False,
        "searchable": searchable,
        "aggregatable": kind in _COUNTED,
    }
    return caps | ({"meta": {key: [value] for key, value in row["meta"].items()}} if "meta" in row else {})


def health(asked: Asked) -> Json:
    """`_cluster/health`, as much of it as there is to say."""
    for name in ("wait_for_status", "timeout", "level"):
        asked.arguments.text(name)
    asked.arguments.done()
    _info(asked)
    return {
        "cluster_name": "modeldex",
        "status": "green",
        "timed_out": False,
        "number_of_nodes": 1,
        "number_of_data_nodes": 1,
        "active_primary_shards": 1,
        "active_shards": 1,
        "relocating_shards": 0,
        "initializing_shards": 0,
        "unassigned_shards": 0,
    }


def cat_indices(asked: Asked) -> Any:
    """`_cat/indices`: the one there is."""
    row = {"health": "green", "status": "open", "index": INDEX, "docs.count": str(_documents(asked))}
    return _table(asked, [row])


def cat_count(asked: Asked) -> Any:
    """`_cat/count`: how many models there are."""
    if read_json(http):
        raise RequestRefused("body", "is not read here; use _count.")
    return _table(asked, [{"count": str(_documents(asked))}])


def _documents(asked: Asked) -> int:
    return _info(asked).documents if asked.among_models() else 0


def _info(asked: Asked) -> EngineInfo:
    return asked.call.run(asked.call.catalog.info)


def _table(asked: Asked, rows: list[Mapping[str, str]]) -> list[Mapping[str, str]] | Response:
    """Rows as JSON where JSON is asked for, else as text with columns."""
    arguments = asked.arguments
    columns = arguments.listed("h") or list(rows[0])
    headed = arguments.flag("v")
    wanted = arguments.text("format") or ""
    arguments.text("s")  # one row is in order
    arguments.done()
    unknown = [column for column in columns if column not in rows[0]]
    if unknown:
        raise illegal("h", f"knows {', '.join(rows[0])}.")
    if wanted == "json" or "json" in http.headers.get("Accept", ""):
        return [{column: row[column] for column in columns} for row in rows]
    lines = [columns] if headed else []
    lines += [[row[column] for column in columns] for row in rows]
    return write_text("".join(" ".join(line) + "\n" for line in lines))
