"""`_doc`, `_source`, `_mget`: documents by their ids."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import request as http

from catalog.dsl.body import Options, from_dsl
from catalog.dsl.response import source_of
from catalog.dsl.values import only
from catalog.errors import RequestRefused, visible
from webui.es.arguments import source_of_address
from webui.es.call import Asked
from webui.es.faults import Fault, Json, body_of, illegal, no_such_index
from webui.es.indices import INDEX, means_models
from webui.es.media import read_json

MAX_ID = 512
"""Characters of an id. Source: Elasticsearch refuses ids of more than 512 bytes."""
MAX_IDS = 1_000


def document(asked: Asked) -> tuple[Json, int]:
    """One document with its version, or 404."""
    identifier = _named(asked)
    options = _options(source_of_address(asked.arguments))
    asked.arguments.done()
    documents = _read(asked, [identifier])
    return _shown(identifier, documents, options), 200 if identifier in documents else 404


def source(asked: Asked) -> Json:
    """The document itself. Raises Fault 404."""
    identifier = _named(asked)
    options = _options(source_of_address(asked.arguments))
    asked.arguments.done()
    documents = _read(asked, [identifier])
    shown = source_of(documents[identifier], options) if identifier in documents else None
    if shown is None:
        reason = f"Document not found [{INDEX}]/[{visible(identifier)}]"
        raise Fault(404, "resource_not_found_exception", reason)
    return shown


def mget(asked: Asked) -> Json:
    """Many documents, in the order asked; those that are not there say so."""
    if asked.index is not None:
        _one_index(asked.index)
    body = only(read_json(http), "_mget", frozenset({"ids", "docs"}))
    default = source_of_address(asked.arguments)
    asked.arguments.done()
    rows = [_row(row, asked.index, default) for row in _listed(body)]
    documents = _read(asked, [identifier for identifier, _, fault in rows if fault is None])
    return {
        "docs": [
            _shown(identifier, documents, options) if fault is None else _missing_index(identifier, fault)
            for identifier, options, fault in rows
        ]
    }


def _named(asked: Asked) -> str:
    if asked.index is None:
        raise illegal("index", "is needed.")
    _one_index(asked.index)
    return _identifier(asked.parameter)


def _one_index(name: str) -> None:
    if "*" in name or "," in name:
        raise illegal(name, f"is no single index; ask for {INDEX}.")
    means_models(name)


def _identifier(value: Any) -> str:
    if not isinstance(value, str) or not value or len(value) > MAX_ID:
        raise RequestRefused("_id", f"is a text of 1 to {MAX_ID} characters.")
    return value


def _options(given: Any) -> Options:
    """How the source is to be cut, read as `_search` reads it."""
    return Options() if given is None else from_dsl({"_source": given, "size": 0})[1]


def _listed(body: Mapping[str, Any]) -> list[Any]:
    listed = body.get("docs", body.get("ids"))
    if not isinstance(listed, list) or not 0 < len(listed) <= MAX_IDS:
        raise RequestRefused("_mget", f"needs ids or docs, 1 to {MAX_IDS:,} of them.")
    return listed


def _row(given: Any, index: str | None, default: Any) -> tuple[str, Options, Fault | None]:
    """The id, the options and, for another index, why there is nothing."""
    if not isinstance(given, dict):
        given = {"_id": given}
    parts = only(given, "docs", frozenset({"_id", "_index", "_source", "routing"}))
    name = parts.get("_index", index)
    if not isinstance(name, str):
        raise RequestRefused("_index", "is missing.")
    identifier, options = _identifier(parts.get("_id")), _options(parts.get("_source", default))
    try:
        _one_index(name)
    except Fault as fault:
        if fault.http_status != 404:
            raise
        return identifier, options, no_such_index(name)
    return identifier, options, None


def _read(asked: Asked, identifiers: list[str]) -> Mapping[str, Mapping[str, Any]]:
    wanted = list(dict.fromkeys(identifiers))
    if not wanted:
        return {}
    return asked.call.run(lambda: asked.call.catalog.present(wanted))


def _shown(identifier: str, documents: Mapping[str, Mapping[str, Any]], options: Options) -> Json:
    if identifier not in documents:
        return {"_index": INDEX, "_id": identifier, "found": False}
    document = documents[identifier]
    revision = document.get("revision", 1)
    shown = {
        "_index": INDEX,
        "_id": identifier,
        "_version": revision,
        "_seq_no": revision,
        "_primary_term": 1,
    }
    cut = source_of(document, options)
    return {**shown, "found": True, **({} if cut is None else {"_source": cut})}


def _missing_index(identifier: str, fault: Fault) -> Json:
    name = fault.details.get("index", INDEX)
    return {"_index": name, "_id": identifier, "error": body_of(fault)["error"]}
