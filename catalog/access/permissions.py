"""The one question of who may do what, and what grants come down to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from catalog import plugins
from catalog.access.principals import Principal, Scope
from catalog.access.scopes import NO_NAMES, all_of, any_of, but, scope_of_text, sources_called
from catalog.query.nodes import All, Nothing, Query
from catalog.records.accounts import WHOLE, Action, Effect, Grant, Token, User


def allowed(actor: Principal, action: Action, resource: Mapping[str, Any] | None = None) -> bool:
    """Whether the actor may do this: with a model, whose document is the resource, or at all with any.

    What is about the whole catalog (`WHOLE`) is allowed to who has it for all of it. A model that the actor does not see
    is one with which nothing can be done.
    """
    scope = actor.scope_of(action)
    if action in WHOLE:
        return isinstance(scope, All)
    if isinstance(scope, Nothing):
        return False
    if resource is None:
        return True
    return _lies_in(scope, resource) and _lies_in(actor.scope, resource)


def may_edit(actor: Principal, document: Mapping[str, Any]) -> bool:
    """Whether the actor may set values of the model of this document."""
    return allowed(actor, Action.EDIT, document)


def may_disclose(actor: Principal, document: Mapping[str, Any]) -> bool:
    """Whether the actor may read the sensitive values of the model of this document."""
    return allowed(actor, Action.DISCLOSE, document)


def sees(actor: Principal, document: Mapping[str, Any]) -> bool:
    """Whether there is the model of this document for the actor; one that cannot be read only for who sees everything."""
    return actor.sees_all or (bool(document) and allowed(actor, Action.READ, document))


def may_edit_some(actor: Principal) -> bool:
    """Whether there may be a model that the actor may change: whether changing is offered to them at all."""
    return allowed(actor, Action.EDIT)


def principal_of(
    user: User, token: Token | None = None, *, sources: Mapping[str, str] = NO_NAMES
) -> Principal:
    """The user as a principal, cut to what the token may do, if they come by one. `sources` are ids by the names that
    scopes of earlier versions may call them by.
    """
    scopes = {action: _scope(user.grants, action, sources) for action in Action}
    for action in (Action.EDIT, Action.DISCLOSE):
        scopes[action] = all_of(scopes[action], scopes[Action.READ])
    scopes[Action.ACCOUNT] = All()
    if token is not None:
        limit = _bounded(token.scope, sources)
        scopes = {
            action: all_of(scope, limit) if action in token.actions else Nothing()
            for action, scope in scopes.items()
        }
    return Principal(
        id=user.id,
        name=user.name,
        scope=scopes[Action.READ],
        scopes=tuple(scopes.items()),
        view=_view(user, "" if token is None else token.scope.strip(), sources),
    )


def _view(user: User, limit: str, sources: Mapping[str, str]) -> str:
    """What the scope of reading is made of."""
    granted = [grant for grant in user.grants if Action.READ in grant.actions]
    texts = sorted(f"{grant.effect.value} {grant.scope}" for grant in granted)
    called = {
        f"{name} is {source}"
        for scope in (*(grant.scope for grant in granted), limit)
        for name, source in sources_called(scope, sources).items()
    }
    return "\n".join([*texts, *([f"within {limit}"] if limit else []), *sorted(called)])


def _scope(grants: Iterable[Grant], action: Action, sources: Mapping[str, str]) -> Scope:
    """With what the action may be done: all that is allowed, without all that is denied."""
    concerned = [grant for grant in grants if action in grant.actions]
    given = any_of(_bounded(grant.scope, sources) for grant in concerned if grant.effect is Effect.ALLOW)
    taken = any_of(_taken(grant.scope, sources) for grant in concerned if grant.effect is Effect.DENY)
    return but(given, taken)


def _bounded(text: str, sources: Mapping[str, str]) -> Scope:
    """What a scope gives: nothing, where this version does not understand it any more."""
    scope = scope_of_text(text, sources)
    return Nothing() if scope is None else scope


def _taken(text: str, sources: Mapping[str, str]) -> Scope:
    """What a scope takes: everything, where this version does not understand it any more."""
    scope = scope_of_text(text, sources)
    return All() if scope is None else scope


def _lies_in(scope: Query, document: Mapping[str, Any]) -> bool:
    if isinstance(scope, All):
        return True
    matching: Callable[[Query, Mapping[str, Any]], bool] = plugins.load("hook", "matching")
    return matching(scope, document)
