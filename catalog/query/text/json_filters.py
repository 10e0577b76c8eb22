"""Filters in JSON as trackers and document stores take them: `{"config.lr": {"$gt": 0.01}}` is `config.lr>0.01`.

Source: W&B, Api.runs; MongoDB, query operators.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from typing import Any

from catalog.query.text.parse_context import Reading
from catalog.query.text.printing import quoted
from catalog.text.patterns import pattern

_COMPARING = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "eq": "=", "ne": "!="}
_NAME = pattern(r"[^\W\d_][\w.\-/@]*")
_MAX_DEPTH = 10
_MAX_LISTED = 100


class _NotReadError(ValueError):
    """A part of the filter that has no counterpart here."""


def of_json(text: str, reading: Reading) -> str | None:
    """The filter in our words, as long as the text; None for what is no object.

    An object that is not understood is a problem that names the part, and its words are searched.
    """
    bare = text.strip()
    if not (bare.startswith("{") and bare.endswith("}") and ":" in bare):
        return None
    try:
        written = _written(bare, len(text))
    except _NotReadError as error:
        message = f"This filter in JSON is not understood at {error}; the words are searched as text."
        reading.problem("unsupported-operator", message, 0, len(text))
        return None
    return written.ljust(len(text))


def _written(text: str, longest: int) -> str:
    written = _all_of(_loaded(text), 0)
    if not written or len(written) > longest:
        raise _NotReadError(text[:40])
    return written


def _loaded(text: str) -> Mapping[str, Any]:
    try:
        loaded = json.loads(text)
    except (ValueError, RecursionError):
        try:
            loaded = ast.literal_eval(text)
        except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
            raise _NotReadError("its syntax") from None
    if not isinstance(loaded, dict):
        raise _NotReadError("its syntax")
    return loaded


def _all_of(filters: object, depth: int) -> str:
    """The conditions of an object, all of them required."""
    if not isinstance(filters, dict) or depth > _MAX_DEPTH:
        raise _NotReadError(str(filters)[:40])
    parts = []
    for name, value in filters.items():
        match str(name).removeprefix("$"):
            case "and" if isinstance(value, list):
                parts.append(" ".join(_all_of(part, depth + 1) for part in value))
            case "or" | "nor" as joining if isinstance(value, list):
                either = " OR ".join(f"({_all_of(part, depth + 1)})" for part in value)
                parts.append(f"{'-' * (joining == 'nor')}({either})")
            case _:
                parts.append(_condition(str(name), value))
    return " ".join(parts)


def _condition(name: str, value: object) -> str:
    if not _NAME.fullmatch(name):
        raise _NotReadError(name[:40])
    if not isinstance(value, dict):
        return _equal(name, value)
    parts = []
    for operator, bound in value.items():
        bare = str(operator).removeprefix("$")
        if bare in _COMPARING:
            sign = _COMPARING[bare]
            parts.append(
                _equal(name, bound, sign) if sign in {"=", "!="} else f"{name}{sign}{_scalar(bound)}"
            )
        elif bare in {"in", "nin"} and isinstance(bound, list) and bound:
            parts.append(f"{'-' * (bare == 'nin')}{name}:[{', '.join(map(_scalar, bound))}]")
        elif bare == "exists" and isinstance(bound, bool):
            parts.append(f"{'has' if bound else 'missing'}:{name}")
        else:
            raise _NotReadError(f"{name}: {operator}"[:60])
    return " ".join(parts)


def _equal(name: str, value: object, sign: str = "=") -> str:
    if isinstance(value, list) and 0 < len(value) <= _MAX_LISTED:
        listed = f"{name}:[{', '.join(map(_scalar, value))}]"
        return f"-{listed}" if sign == "!=" else listed
    if value is None:
        return f"{'missing' if sign == '=' else 'has'}:{name}"
    return f"{name}{sign}{_scalar(value)}"


def _scalar(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, str) and value:
        return quoted(value)
    raise _NotReadError(str(value)[:40])
