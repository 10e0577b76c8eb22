"""Who may do what: users, what is granted to them, their tokens, and the lines of the audit."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, NewType

from catalog.lazy_dataclasses import dataclass

UserId = NewType("UserId", str)
TokenId = NewType("TokenId", str)


REPORTER = "api"
"""Who says what jobs tell of models by the token that they share."""


class Action(StrEnum):
    """What can be done here. Every address and every command asks for one of these.

    `ACCOUNT` is nobody's to grant: it is what everybody has who signs in, and no token.
    """

    READ = "models:read"
    DISCLOSE = "models:read-sensitive"
    EDIT = "models:edit"
    SAVE = "searches:save"
    CRAWL = "sources:crawl"
    AUDIT = "audit:read"
    ACCOUNT = "account:own"
    MANAGE = "catalog:manage"


class Effect(StrEnum):
    """Whether a grant gives or takes. What is taken is not there, whatever else gives it."""

    ALLOW = "allow"
    DENY = "deny"


class Role(StrEnum):
    """A usual bundle of actions."""

    VIEWER = "viewer"
    EDITOR = "editor"
    ADMIN = "admin"
    AUDITOR = "auditor"
    CONFIDANT = "read-sensitive"


ROLES: Mapping[Role, frozenset[Action]] = {
    Role.VIEWER: frozenset({Action.READ, Action.SAVE}),
    Role.EDITOR: frozenset({Action.READ, Action.EDIT, Action.SAVE}),
    Role.ADMIN: frozenset(Action) - {Action.ACCOUNT},
    Role.AUDITOR: frozenset({Action.AUDIT}),
    Role.CONFIDANT: frozenset({Action.READ, Action.DISCLOSE, Action.SAVE}),
}
DENIED: Mapping[Role, frozenset[Action]] = {
    Role.VIEWER: frozenset({Action.READ, Action.SAVE}),
    Role.EDITOR: frozenset({Action.EDIT}),
    Role.ADMIN: frozenset({Action.CRAWL, Action.MANAGE}),
    Role.AUDITOR: frozenset({Action.AUDIT}),
    Role.CONFIDANT: frozenset({Action.DISCLOSE}),
}
"""What is taken with a role: what it has beyond the role below it. Who may not read a model may not edit it either."""
WHOLE = frozenset({Action.CRAWL, Action.AUDIT, Action.MANAGE})
"""Actions that are about the whole catalog: who has them for a part of it has not got them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a user may do, or may not. `scope` is a query text that says with which models; empty is all of them."""

    id: int = 0
    effect: Effect = Effect.ALLOW
    actions: frozenset[Action]
    scope: str = ""
    label: str = ""  # as it was granted: "editor of source lab"


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Somebody with a name. One that is disabled has no session and no token that counts."""

    id: UserId
    name: str
    is_disabled: bool
    has_password: bool
    created_at: datetime
    grants: tuple[Grant, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A key of a user for programs. It can do what both the user and the token may."""

    id: TokenId
    user: UserId
    user_name: str
    name: str
    actions: frozenset[Action]
    scope: str
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None
    revoked_at: datetime | None

    def is_valid(self, now: datetime) -> bool:
        return self.revoked_at is None and now < self.expires_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """What somebody did or tried: one line of the audit before it has its place in the chain. Holds no secret."""

    actor: str
    action: str
    resource: str
    origin: str
    outcome: str = "done"
    before: Any = None
    after: Any = None


AUDIT_PARTS = ("actor", "action", "resource", "outcome")
"""What lines of the audit are found by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditLine:
    """One line of the audit; its hash covers all of it and the hash of the line before."""

    serial: int
    at: str
    happening: Happening
    parent_sha256: str
    sha256: str
