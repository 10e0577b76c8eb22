"""Who reads, and how much of the catalog there is for them."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TypeAlias

from catalog.lazy_dataclasses import dataclass
from catalog.query.nodes import All, Nothing, Query
from catalog.records.accounts import Action

Scope: TypeAlias = Query
"""The models that a principal may see, as the query that finds them. `All()` is every model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """One reader. What lies outside the scope is as absent as what was never there.

    `scopes` says with which models each action may be done, and an action that it does not name not at all; None for
    who may do everything within the scope. `view` is the scope as it was written down, which stays the same while dates
    such as `after:-7d` move on.
    """

    id: str
    name: str
    scope: Scope
    scopes: tuple[tuple[Action, Scope], ...] | None = None
    view: str = ""

    @property
    def sees_all(self) -> bool:
        return isinstance(self.scope, All)

    def scope_of(self, action: Action) -> Scope:
        """The models with which this may be done."""
        if self.scopes is None:
            return self.scope
        return dict(self.scopes).get(action, Nothing())


OWNER = Principal(id="owner", name="owner", scope=All())
"""Whoever owns the machine: the one principal where no users are set up, and on the command line."""

READER: ContextVar[Principal] = ContextVar("reader", default=OWNER)
"""The principal for whom the command line reads."""
