"""Searches that people keep under a name."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NewType

from catalog.lazy_dataclasses import dataclass

SearchId = NewType("SearchId", str)


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedSearch:
    """A search under a name. `query` is its address as the `schema_version` of the query language understood it."""

    id: SearchId
    owner: str
    name: str
    slug: str
    query: str
    schema_version: int
    shared: bool
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What one reader saw of a saved search, and when."""

    looked_at: datetime
    seen: Mapping[str, Any]
