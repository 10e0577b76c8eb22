"""What programs may rely on: the types of the API as JSON Schema, pinned in a file, and every answer held to it.

A change of `api_schema.json` is a change for everybody's programs. After a wanted one: `python tests/web/test_web_api_schema.py`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from fixtures.shelf import model_documents

from webui.api.json_schema import SCALARS, schema
from webui.api.responses import ANSWERS

FILE = Path(__file__).with_name("api_schema.json")
FIRST, SECOND = (document["id"] for document in model_documents()[:2])
ADDRESSES = [
    ("/api/search", "/api/search"),
    ("/api/search", "/api/search?q=accuracy%3E0.5&sort=-accuracy&task=text-classification"),
    ("/api/search", "/api/search?q=acuracy%3E0.5+zzzznothing"),
    ("/api/models/<id>", f"/api/models/{FIRST}"),
    ("/api/models", f"/api/models?ids={FIRST},nothing"),
    ("/api/facets/<field>", "/api/facets/task?prefix=text"),
    ("/api/suggest", "/api/suggest?q=acc"),
    ("/api/runs", "/api/runs"),
    ("/api/v1/search", "/api/v1/search?q=sort:name"),
    ("GET /api/v1/models", f"/api/v1/models?ids={FIRST}"),
    ("/api/v1/facets/<field>", "/api/v1/facets/task"),
    ("/api/v1/suggest", "/api/v1/suggest?q=acc"),
    ("/api/v1/compare", f"/api/v1/compare?ids={FIRST},{SECOND}"),
    ("/api/v1/models/<id>/lineage", f"/api/v1/models/{FIRST}/lineage"),
    ("/api/v1/runs", "/api/v1/runs?limit=1"),
    ("/api/v1/sources", "/api/v1/sources"),
    ("error", "/api/models/nothing"),
    ("error", "/api/models"),
]


def whole() -> str:
    return json.dumps({address: schema(answer) for address, answer in ANSWERS.items()}, indent=1) + "\n"


def faults(rule: Mapping[str, Any], value: Any, place: str = "") -> list[str]:
    """Where a value is not what the schema says."""
    if "anyOf" in rule:
        tried = [faults(one, value, place) for one in rule["anyOf"]]
        return [] if [] in tried else min(tried, key=len)
    match rule.get("type"):
        case None:
            return []
        case "object":
            return _object_faults(rule, value, place)
        case "array":
            if not isinstance(value, list):
                return [f"{place}: no array"]
            return [
                fault for at, one in enumerate(value) for fault in faults(rule["items"], one, f"{place}/{at}")
            ]
        case kind:
            python = next(python for python, name in SCALARS.items() if name == kind)
            fits = isinstance(value, (int, float) if python is float else python)
            return [] if fits and (python is bool or not isinstance(value, bool)) else [f"{place}: no {kind}"]


def _object_faults(rule: Mapping[str, Any], value: Any, place: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{place}: no object"]
    known, others = rule.get("properties", {}), rule["additionalProperties"]
    lacking = [f"{place}: {name} is missing" for name in rule.get("required", ()) if name not in value]
    unknown = [f"{place}: {name} is not declared" for name in value if name not in known and others is False]
    inner = [
        fault
        for name, one in value.items()
        if name in known or others is not False
        for fault in faults(known.get(name, others), one, f"{place}/{name}")
    ]
    return [*lacking, *unknown, *inner]


def test_the_schema_of_the_api_is_the_pinned_one():
    assert whole() == FILE.read_text(), "programs rely on it; see the top of this file"


@pytest.mark.parametrize(("kind", "address"), ADDRESSES)
def test_every_answer_is_as_the_schema_says(web, kind, address):
    rule = json.loads(FILE.read_text())[kind]
    assert faults(rule, web.get(address).json) == []


if __name__ == "__main__":
    FILE.write_text(whole())
