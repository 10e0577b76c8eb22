"""The page of users, for admins who have signed in: what each may do, their tokens, and taking all of it away."""

from __future__ import annotations

from flask import Blueprint, Response, redirect, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from catalog.access.grants import grant_of
from catalog.access.permissions import allowed
from catalog.errors import UserError
from catalog.lazy_dataclasses import dataclass
from catalog.records.accounts import Action, Role, User
from webui.access.pages import TokenRow, grant_row, token_row
from webui.reading import accounts, catalog, settings, visit
from webui.refusals import NotAllowed
from webui.rendering import html

blueprint = Blueprint("users", __name__)
LONGEST_NUMBER = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantRow:
    """What was granted, and the number that takes it back."""

    id: int
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UserRow:
    """One user. `is_self` is true of whoever looks."""

    name: str
    is_disabled: bool
    is_self: bool
    comes_by: str
    created: str
    grants: tuple[GrantRow, ...]
    tokens: tuple[TokenRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UsersPage:
    """All users, and the roles that can be granted to them."""

    users: tuple[UserRow, ...]
    roles: tuple[str, ...]


@blueprint.get("/users")
def users() -> Response:
    _check_person()
    tokens: dict[str, list[TokenRow]] = {}
    for token in accounts().tokens():
        tokens.setdefault(token.user, []).append(token_row(token))
    rows = tuple(_row(user, tuple(tokens.get(user.id, ()))) for user in accounts().all())
    return html("users.html", UsersPage(users=rows, roles=tuple(role.value for role in Role)))


@blueprint.post("/users/<name>/disabled")
def set_disabled(name: str) -> BaseResponse:
    """Disables or enables, as the form says; sessions and tokens of who is disabled are gone for good."""
    user = _other(name)
    accounts().set_disabled(user, visit(), disabled=request.form.get("disabled") == "yes")
    return _back()


@blueprint.post("/users/<name>/grants")
def grant(name: str) -> BaseResponse:
    user, form = _other(name), request.form
    wanted = form.get("role", "")
    if wanted not in set(Role):
        raise UserError(f"There is no role {wanted[:40]!r}.")
    deny = form.get("effect") == "deny"
    granted = grant_of(settings(), Role(wanted), query=form.get("scope", "").strip(), deny=deny)
    accounts().grant(user, [granted], visit())
    return _back()


@blueprint.post("/users/<name>/grants/<number>/withdraw")
def withdraw(name: str, number: str) -> BaseResponse:
    is_number = number.isascii() and number.isdigit() and len(number) < LONGEST_NUMBER
    accounts().withdraw(_other(name), int(number) if is_number else 0, visit())
    return _back()


@blueprint.post("/users/<name>/tokens/<token_id>/revoke")
def revoke(name: str, token_id: str) -> BaseResponse:
    _check_person()
    accounts().revoke_token(token_id, visit(), accounts().named(name).id)
    return _back()


def _check_person() -> None:
    """Raises NotAllowed for a token, however much it may do: what it does must not outlive it."""
    if not allowed(catalog().principal, Action.ACCOUNT):
        raise NotAllowed("Users are managed by who signs in, and on the command line of the machine.")


def _other(name: str) -> User:
    """Somebody else: nobody locks themselves out, or makes themselves more. Raises NotAllowed, UserError."""
    _check_person()
    user = accounts().named(name)
    if user.name == catalog().principal.name:
        raise UserError(
            "Your own rights are changed by another admin, or on the machine.",
            advice=f"There: modeldex users --help, for {user.name}",
        )
    return user


def _row(user: User, tokens: tuple[TokenRow, ...]) -> UserRow:
    return UserRow(
        name=user.name,
        is_disabled=user.is_disabled,
        is_self=user.name == catalog().principal.name,
        comes_by="a password" if user.has_password else "tokens, a provider or a proxy",
        created=f"{user.created_at:%Y-%m-%d}",
        grants=tuple(
            GrantRow(id=grant.id, label=grant_row(accounts().label_of(grant))) for grant in user.grants
        ),
        tokens=tokens,
    )


def _back() -> BaseResponse:
    return redirect(url_for("users.users"), 303)
