"""Provenance as JSON for programs: fields by their names, those that say nothing left out."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime
from enum import Enum
from typing import Any


def as_json(value: Any) -> Any:
    """JSON of a dataclass or of anything inside one. What is no number in JSON is text."""
    if is_dataclass(value) and not isinstance(value, type):
        return {
            row.name: as_json(item)
            for row in fields(value)
            if not _says_nothing(item := getattr(value, row.name), row)
        }
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(key): as_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(item) for item in value]
    if isinstance(value, set | frozenset):
        return [as_json(item) for item in sorted(value, key=repr)]
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _says_nothing(item: Any, row: Any) -> bool:
    if row.default is not MISSING:
        return type(item) is type(row.default) and bool(item == row.default)
    return row.default_factory is not MISSING and isinstance(item, Mapping) and not item
