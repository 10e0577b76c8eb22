"""The types of answers as JSON Schema: names, kinds and what may be absent."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any

SCALARS: Mapping[type, str] = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    types.NoneType: "null",
}


def schema(hint: Any, inner: Callable[[Any], dict[str, Any]] | None = None) -> dict[str, Any]:
    """The schema of a type. `inner` makes that of the types in it, where they are not to be written out in their place."""
    of = inner or schema
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if dataclasses.is_dataclass(hint):
        hints = typing.get_type_hints(hint)
        properties = {field.name: of(hints[field.name]) for field in dataclasses.fields(hint)}
        return {
            "type": "object",
            "properties": properties,
            "required": list(properties),
            "additionalProperties": False,
        }
    if hint is Any:
        return {}
    if origin in {types.UnionType, typing.Union}:
        return {"anyOf": [of(member) for member in arguments]}
    if origin is tuple:
        return {"type": "array", "items": of(arguments[0])}
    if origin is Mapping:
        return {"type": "object", "additionalProperties": of(arguments[1])}
    return {"type": SCALARS[hint]}
