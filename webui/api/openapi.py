"""The OpenAPI description of /api/v1, made of the routes, what their functions say of themselves, and the types of answers.

Nothing is described twice: an address is here because it is served, a field because an answer has it.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any

from flask import Flask
from werkzeug.routing import Rule

from mappings import facet_fields
from webui.api.json_schema import schema
from webui.api.query_parameters import PATH_PARAMETER, PREFIX, below, query_of, searches
from webui.api.responses import ANSWERS

OPENAPI = "3.1.0"
FACET = "values of the facet"
_METHODS = ("GET", "POST", "PATCH", "PUT", "DELETE")
_REQUIRED = frozenset({("compare", "ids"), ("models", "ids")})
_STREAMS = {
    "export.ndjson": "application/x-ndjson",
    "export.csv": "text/csv",
    "export.parquet": "application/vnd.apache.parquet",
}
_ACCEPTED = frozenset({"events", "events/mlflow/{source}", "runs/{run_id}/accept"})
_WRITTEN = "application/json"


def description(app: Flask, *, version: str) -> dict[str, Any]:
    """The whole description, as an OpenAPI document."""
    named: dict[str, dict[str, Any]] = {}
    paths: dict[str, dict[str, Any]] = {}
    for rule, method, view in operations(app):
        address = PATH_PARAMETER.sub(r"{\1}", rule.rule)
        paths.setdefault(address, {})[method.lower()] = _operation(rule, method, view, named)
    return {
        "openapi": OPENAPI,
        "info": {
            "title": "Modeldex",
            "version": version,
            "description": "The metadata catalog of model files. What is not understood is refused, never left out in silence.",
        },
        "paths": dict(sorted(paths.items())),
        "components": {"schemas": dict(sorted(named.items()))},
    }


def operations(app: Flask) -> Iterator[tuple[Rule, str, Callable[..., Any]]]:
    """Every address below /api/v1 with its methods and the function that answers, in the order of addresses."""
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        if rule.rule.startswith(f"{PREFIX}/"):
            for method in _METHODS:
                if method in (rule.methods or ()):
                    yield rule, method, app.view_functions[rule.endpoint]


def summary(view: Callable[..., Any]) -> tuple[str, str]:
    """What the function says of itself: the first sentence, and all of it."""
    text = " ".join((inspect.getdoc(view) or "").split())
    return text.partition(". ")[0].rstrip("."), text


def _operation(
    rule: Rule, method: str, view: Callable[..., Any], named: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    first, whole = summary(view)
    address = below(rule)
    operation: dict[str, Any] = {
        "operationId": f"{method.lower()} {rule.endpoint}".replace(" ", "_").replace(".", "_")
    }
    if first:
        operation["summary"] = first
        operation["description"] = whole
    parameters = [_parameter(name, "path", "", required=True) for name in PATH_PARAMETER.findall(rule.rule)]
    if method == "GET":
        parameters += [
            _parameter(name, "query", text, required=(address, name) in _REQUIRED)
            for name, text in query_of(rule).items()
        ]
        if searches(rule):
            parameters += [
                _parameter(field.name, "query", f"{FACET} {field.label}", required=False)
                for field in facet_fields()
            ]
    if parameters:
        operation["parameters"] = parameters
    if method != "GET":
        operation["requestBody"] = {"content": {_WRITTEN: {"schema": {}}}, "required": True}
    done = {"description": first or "the answer", "content": _content(address, method, named)}
    refused = {"description": "why there is no answer", "content": _json(ANSWERS["error"], named)}
    status = "202" if address in _ACCEPTED else "200"
    operation["responses"] = {status: done, "default": refused}
    return operation


def _parameter(name: str, place: str, text: str, *, required: bool) -> dict[str, Any]:
    parameter: dict[str, Any] = {
        "name": name,
        "in": place,
        "required": required,
        "schema": {"type": "string"},
    }
    if text:
        parameter["description"] = text
    return parameter


def _content(path: str, method: str, named: dict[str, dict[str, Any]]) -> dict[str, Any]:
    if path in _STREAMS:
        return {_STREAMS[path]: {"schema": {"type": "string"}}}
    address = re.sub(r"\{(\w+)\}", lambda name: f"<{_SHORT.get(name[1], name[1])}>", f"{PREFIX}/{path}")
    answers = [
        answer
        for served, answer in ANSWERS.items()
        if served in {address, f"{method} {address}"} or served.startswith(f"{address} with ")
    ]
    exact = ANSWERS.get(f"{method} {address}")
    if exact is not None:
        return _json(exact, named)
    if len(answers) > 1:
        return {_WRITTEN: {"schema": {"anyOf": [_reference(answer, named) for answer in answers]}}}
    return _json(answers[0], named) if answers else {_WRITTEN: {"schema": {"type": "object"}}}


_SHORT = {"model_id": "id"}
"""Names of parts of addresses as the table of answers has them."""


def _json(answer: type, named: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return {_WRITTEN: {"schema": _reference(answer, named)}}


def _reference(hint: Any, named: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """A type of answers under its name; everything else in its place."""
    if not dataclasses.is_dataclass(hint) or not isinstance(hint, type):
        return schema(hint, lambda inner: _reference(inner, named))
    if hint.__name__ not in named:
        named[hint.__name__] = {}
        whole = schema(hint, lambda inner: _reference(inner, named))
        named[hint.__name__] = {**whole, "description": " ".join((inspect.getdoc(hint) or "").split())}
    return {"$ref": f"#/components/schemas/{hint.__name__}"}
