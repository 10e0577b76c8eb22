"""Nodes as query clauses of Elasticsearch JSON that read as the same nodes again."""

from __future__ import annotations

from typing import Any

from catalog.dsl.values import json_value
from catalog.query.nodes import (
    All,
    And,
    Exists,
    Match,
    Nested,
    Not,
    Nothing,
    Or,
    Phrase,
    Prefix,
    Query,
    Range,
    Term,
    Terms,
    Wildcard,
)


def query_json(query: Query) -> dict[str, Any]:
    """One clause."""
    match query:
        case All():
            return {"match_all": {}}
        case Nothing() | Or(clauses=()):
            return {"match_none": {}}
        case And(clauses=clauses):
            return _bool(clauses)
        case Or(clauses=clauses):
            return {"bool": {"should": [query_json(clause) for clause in clauses], "minimum_should_match": 1}}
        case Not(clause=clause):
            return {"bool": {"must_not": [query_json(clause)]}}
        case Term(field=field, value=value):
            return {"term": {field: {"value": json_value(value)}}}
        case Terms(field=field, values=values):
            return {"terms": {field: [json_value(value) for value in values]}}
        case Range():
            named = {key: json_value(getattr(query, key)) for key in ("gt", "gte", "lt", "lte")}
            return {"range": {query.field: {key: value for key, value in named.items() if value is not None}}}
        case Exists(field=field):
            return {"exists": {"field": field}}
        case Prefix(field=field, value=value):
            return {"prefix": {field: {"value": value}}}
        case Wildcard(
            field="name"
        ):  # the door takes no star before a name's first letter but as a person types it
            return {"query_string": {"query": f"name:{query.value}"}}
        case Wildcard(field=field, value=value):
            return {"wildcard": {field: {"value": value.replace("\\", "\\\\")}}}
        case Match(text=text, fields=(field,), operator="prefix"):
            return {"match_bool_prefix": {field: {"query": text, "operator": "and"}}}
        case Match(text=text, fields=(field,), operator=operator):
            return {"match": {field: {"query": text, "operator": operator}}}
        case Phrase(text=text, fields=(field,)):
            return {"match_phrase": {field: {"query": text}}}
        case Match(text=text, fields=fields, operator=operator):
            named_fields = {"fields": list(fields)} if fields else {}
            return {
                "multi_match": {"query": text, **named_fields, "type": "cross_fields", "operator": operator}
            }
        case Phrase(text=text, fields=fields):
            named_fields = {"fields": list(fields)} if fields else {}
            return {"multi_match": {"query": text, **named_fields, "type": "phrase"}}
        case Nested(path=path, query=inner):
            return {"nested": {"path": path, "query": query_json(inner)}}


def _bool(clauses: tuple[Query, ...]) -> dict[str, Any]:
    """What looks for words must match and scores; the rest filters."""
    parts: dict[str, list[Any]] = {}
    for clause in clauses:
        if isinstance(clause, Not):
            parts.setdefault("must_not", []).append(query_json(clause.clause))
        else:
            name = "must" if isinstance(clause, Match | Phrase) else "filter"
            parts.setdefault(name, []).append(query_json(clause))
    return {"bool": {name: parts[name] for name in ("must", "filter", "must_not") if name in parts}}
