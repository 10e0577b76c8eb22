"""Grants as commands are told them: a role, and with which models."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from catalog.access.event_notes import with_store
from catalog.access.policy import grants_of_policy
from catalog.access.scopes import check_scope, check_sources, scope_of_source
from catalog.errors import UserError
from catalog.query.text.search_text import parse
from catalog.records.accounts import DENIED, ROLES, Effect, Grant, Role

if TYPE_CHECKING:
    from catalog.settings import Settings
    from catalog.store import Store


def grant_of(
    settings: Settings, role: Role, *, sources: tuple[str, ...] = (), query: str = "", deny: bool = False
) -> Grant:
    """The role with the models of these sources and of this query; all models where neither is named. Raises UserError."""
    known = sources_by_name(settings) if sources or query.strip() else {}
    meant = {source: known.get(source) or known.get(_directory(source)) for source in sources}
    unknown = next((source for source, row in meant.items() if row is None), None)
    if unknown is not None:
        raise UserError(f"There is no source {unknown!r}.", advice="List them with: modeldex sources list")
    among = " OR ".join(scope_of_source(str(row)) for row in meant.values())
    query = check_scope(query) if query.strip() else ""
    check_sources(query, known)
    scope = f"({among}) ({query})" if among and query else among or query
    if scope:
        check_scope(scope)
    called = [source if source in known else str(row) for source, row in meant.items()]
    where = [*(f"source {source}" for source in called), *([query] if query else [])]
    label = " ".join([*(["not"] if deny else []), role.value, *(["of", ", ".join(where)] if where else [])])
    actions = DENIED[role] if deny else ROLES[role]
    return Grant(effect=Effect.DENY if deny else Effect.ALLOW, actions=actions, scope=scope, label=label)


def grants_of_file(settings: Settings, text: str, label: str) -> tuple[Grant, ...]:
    """The grants of a policy file. Raises UserError."""
    known = sources_by_name(settings)
    grants = grants_of_policy(text, known.get, label=label)
    for grant in grants:
        check_sources(grant.scope, known)
    return grants


def query_of_saved(text: str) -> str:
    """The query of a saved search as a scope: a copy, so that who changes the search later grants nothing by it."""
    return check_scope(parse(text).whole)


def _directory(text: str) -> str:
    """The address of the directory that a path means, as lists of sources show it."""
    return Path(text).resolve().as_uri()


def sources_by_name(settings: Settings) -> dict[str, str]:
    """The id of each source by its name and by its address."""

    def work(store: Store) -> dict[str, str]:
        named: dict[str, str] = {}
        for row in store.sources.all():
            named |= {str(row.uri): str(row.id), str(row.id): str(row.id)}
            if row.definition.name:
                named[row.definition.name] = str(row.id)
        return named

    return with_store(settings, work)
