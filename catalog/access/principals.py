"""Who reads, and how much of the catalog there is for them."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from typing import TypeAlias

from catalog.query.nodes import All, Query

Scope: TypeAlias = Query
"""The models that a principal may see, as the query that finds them. `All()` is every model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """One reader. What lies outside the scope is as absent as what was never there."""

    id: str
    name: str
    scope: Scope

    @property
    def sees_all(self) -> bool:
        return isinstance(self.scope, All)


OWNER = Principal(id="owner", name="owner", scope=All())
"""Whoever owns the machine: the one principal where no users are set up."""

READER: ContextVar[Principal] = ContextVar("reader", default=OWNER)
"""The principal for whom the command line reads."""
