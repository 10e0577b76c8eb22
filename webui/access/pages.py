"""What the pages of accounts and of the audit show."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from catalog.lazy_dataclasses import dataclass
from webui.rendering import dumps
from webui.text import shown

if TYPE_CHECKING:
    from catalog.records.accounts import AuditLine, Token
    from webui.urls import Addresses

MODEL = re.compile(r"[0-9a-f]{64}")
"""What the id of a model looks like."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInPage:
    """The form, and whether what was sent was wrong; it never says what of it."""

    next: str
    name: str = ""
    is_wrong: bool = False
    provider: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRow:
    """One token as its owner sees it."""

    id: str
    name: str
    rights: str
    scope: str
    created: str
    expires: str
    used: str
    state: str  # empty: it counts


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountPage:
    """One's own account. `new_token` is shown this once."""

    name: str
    has_password: bool
    grants: tuple[str, ...]
    tokens: tuple[TokenRow, ...]
    roles: tuple[str, ...]
    new_token: str
    may_audit: bool
    may_manage: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRow:
    """One line of the audit for people. `url` leads to the model that it is about, for who may see models, `of` says which
    part of it is meant; `changes` say what was before and after, a line for each thing.
    """

    serial: int
    at: str
    actor: str
    action: str
    resource: str
    url: str
    of: str
    origin: str
    outcome: str
    changes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditPage:
    """The newest lines; `older` is the number before which the next page begins, `where` what they were asked to be."""

    lines: tuple[AuditRow, ...]
    older: int | None
    where: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditLineAnswer:
    """One line of the audit for programs."""

    serial: int
    at: str
    actor: str
    action: str
    resource: str
    origin: str
    outcome: str
    before: Any
    after: Any
    parent_sha256: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditAnswer:
    """Lines of the audit, newest first."""

    lines: tuple[AuditLineAnswer, ...]


def grant_row(label: str) -> str:
    return shown(label, 300)


def token_row(token: Token) -> TokenRow:
    now = datetime.now(UTC)
    state = "" if token.is_valid(now) else "revoked" if token.revoked_at is not None else "expired"
    return TokenRow(
        id=token.id,
        name=shown(token.name, 100),
        rights=", ".join(sorted(token.actions)),
        scope=shown(token.scope, 200) or "all",
        created=f"{token.created_at:%Y-%m-%d}",
        expires=f"{token.expires_at:%Y-%m-%d}",
        used=f"{token.used_at:%Y-%m-%d %H:%M}" if token.used_at else "never",
        state=state,
    )


def audit_line(line: AuditLine, addresses: Addresses | None) -> AuditRow:
    known = line.happening
    model, _, part = known.resource.removeprefix("model ").partition(" ")
    is_model = MODEL.fullmatch(model) is not None
    return AuditRow(
        serial=line.serial,
        at=line.at[:19].replace("T", " "),
        actor=shown(known.actor, 100),
        action=shown(known.action, 60),
        resource=model[:12] if is_model else shown(known.resource, 200),
        url=addresses.model(model) if is_model and addresses is not None else "",
        of=shown(part, 100) if is_model else "",
        origin=shown(known.origin, 60),
        outcome=shown(known.outcome, 40),
        changes=tuple(shown(change, 400) for change in _changes(known.before, known.after)),
    )


def _changes(before: Any, after: Any) -> list[str]:
    """`license: mit → set apache-2.0`; what is no mapping as one line."""
    if not isinstance(before, Mapping | None) or not isinstance(after, Mapping | None):
        return [" → ".join(_in_words(value) for value in (before, after) if value is not None)]
    then, now = before or {}, after or {}
    names = dict.fromkeys((*then, *now))
    return [
        f"{name}: {' → '.join(_in_words(values[name]) for values in (then, now) if name in values)}"
        for name in names
    ]


def _in_words(value: Any) -> str:
    """A value in words: `set mit` of {"set": "mit"}, a list with commas."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(word, str) for word in value):
        return ", ".join(value) or "none"
    if isinstance(value, Mapping) and len(value) == 1:
        return " ".join(f"{name} {_in_words(inner)}" for name, inner in value.items())
    return "none" if value is None or value == {} else dumps(value)


def audit_answer(line: AuditLine) -> AuditLineAnswer:
    known = line.happening
    return AuditLineAnswer(
        serial=line.serial,
        at=line.at,
        actor=known.actor,
        action=known.action,
        resource=known.resource,
        origin=known.origin,
        outcome=known.outcome,
        before=known.before,
        after=known.after,
        parent_sha256=line.parent_sha256,
        sha256=line.sha256,
    )
