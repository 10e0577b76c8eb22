"""The pages of signing in and out, of one's own account, and of the audit."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from flask import Blueprint, Response, current_app, redirect, request, url_for
from werkzeug.exceptions import TooManyRequests
from werkzeug.wrappers import Response as BaseResponse

from catalog.access.accounts import SESSION_HOURS
from catalog.access.permissions import allowed
from catalog.errors import UserError
from catalog.records.accounts import AUDIT_PARTS, Action, Role
from webui.access.attempts import attempts_of
from webui.access.openid import FLOW_SECONDS, OpenIdProvider
from webui.access.pages import (
    AccountPage,
    AuditAnswer,
    AuditPage,
    SignInPage,
    audit_answer,
    audit_line,
    grant_row,
    token_row,
)
from webui.identity import COOKIE
from webui.not_found import NotFoundHere
from webui.parameters import addresses
from webui.reading import accounts, catalog, services, settings, visit
from webui.refusals import NotAllowed, NotSignedIn
from webui.rendering import answer, html
from webui.settings import AccessSettings

if TYPE_CHECKING:
    from catalog.records.accounts import User

blueprint = Blueprint("access", __name__)
FLOW_COOKIE = "modeldex-sign-in"
LINES_SHOWN, MOST_LINES = 100, 1_000
LONGEST_WORD = 4_000


@blueprint.get("/sign-in")
def sign_in_form() -> BaseResponse:
    if not _are_users_set_up():
        return redirect(url_for("pages.search"), 302)
    page = SignInPage(next=_own_path(request.args.get("next", "")), provider=_provider_name())
    return html("sign_in.html", page)


@blueprint.post("/sign-in")
def sign_in() -> BaseResponse:
    """A new session, whatever session there was: one that somebody else planted is worth nothing."""
    if not _are_users_set_up():
        return redirect(url_for("pages.search"), 303)
    name, target = request.form.get("name", "").strip(), _own_path(request.form.get("next", ""))
    address, is_shared = request.remote_addr or "", _is_proxied()
    attempts = attempts_of(current_app)
    if not attempts.take(name, address, is_shared=is_shared):
        raise TooManyRequests
    secret = accounts().sign_in(name, request.form.get("password", ""), address)
    if secret is None:
        page = SignInPage(next=target, name=name[:64], is_wrong=True, provider=_provider_name())
        return html("sign_in.html", page, status=401)
    attempts.forgive(name, address)
    return _signed_in(secret, target)


@blueprint.get("/sign-in/openid")
def openid() -> BaseResponse:
    """To the OpenID provider, which sends the browser back."""
    departure = _provider().depart(_return_address(), _own_path(request.args.get("next", "")))
    response = redirect(departure.url, 302)
    response.headers["Cache-Control"] = "no-store"
    _set_cookie(response, FLOW_COOKIE, departure.flow, FLOW_SECONDS)
    return response


@blueprint.get("/sign-in/openid/return")
def openid_return() -> BaseResponse:
    """The provider's answer: a new session of whom it names."""
    flow = request.cookies.get(FLOW_COOKIE, "")
    query = request.query_string.decode("ascii", "replace")
    arrival = _provider().arrive(f"{_return_address()}?{query}", _return_address(), flow)
    secret = accounts().sign_in_elsewhere(arrival.name, request.remote_addr or "")
    if secret is None:
        raise NotAllowed("Whom the provider names is not set up here, or disabled.")
    response = _signed_in(secret, _own_path(arrival.target))
    response.delete_cookie(FLOW_COOKIE, path=f"{request.script_root}/")
    return response


def _signed_in(secret: str, target: str) -> BaseResponse:
    principal = accounts().by_session(secret)
    if principal is not None and not allowed(principal, Action.READ) and target == url_for("pages.search"):
        target = url_for("access.account")
    response = redirect(target, 303)
    _set_cookie(response, COOKIE, secret, SESSION_HOURS * 3600)
    return response


def _set_cookie(response: BaseResponse, name: str, value: str, seconds: int) -> None:
    response.set_cookie(
        name,
        value,
        max_age=seconds,
        httponly=True,
        samesite="Lax",
        secure=request.is_secure or settings().section(AccessSettings).https,
        path=f"{request.script_root}/",
    )


@blueprint.post("/sign-out")
def sign_out() -> BaseResponse:
    accounts().sign_out(request.cookies.get(COOKIE, ""), visit())
    response = redirect(url_for("access.sign_in_form"), 303)
    response.delete_cookie(COOKIE, path=f"{request.script_root}/")
    response.headers["Clear-Site-Data"] = '"cache"'
    return response


@blueprint.get("/account")
def account() -> Response:
    return _account_page()


@blueprint.post("/account/tokens")
def create_token() -> Response:
    """The one answer that shows the token; it is kept by nobody."""
    form = request.form
    text, _ = accounts().create_token(
        _self(),
        form.get("name", ""),
        role=_role(form.get("role", "")),
        scope=form.get("scope", ""),
        days=_days(form.get("days", "")),
        visit=visit(),
    )
    return _account_page(new_token=text)


@blueprint.post("/account/tokens/<token_id>/revoke")
def revoke_token(token_id: str) -> BaseResponse:
    accounts().revoke_token(token_id, visit(), _self().id)
    return redirect(url_for("access.account"), 303)


@blueprint.post("/account/password")
def change_password() -> BaseResponse:
    """Every session and token ends with the old password, this session too."""
    user, attempts, address = _self(), attempts_of(current_app), request.remote_addr or ""
    if request.form.get("new") != request.form.get("again"):
        raise UserError("The new password was not typed the same twice.")
    if not attempts.take(user.name, address, is_shared=True):
        raise TooManyRequests
    accounts().change_password(user.name, request.form.get("old", ""), request.form.get("new", ""), visit())
    attempts.forgive(user.name, address)
    return redirect(url_for("access.sign_in_form"), 303)


@blueprint.get("/audit")
def audit() -> Response:
    before, where = _number(request.args.get("before", "")), _where()
    to = addresses() if allowed(catalog().principal, Action.READ) else None
    lines = [audit_line(line, to) for line in catalog().audit(LINES_SHOWN, before=before, where=where)]
    older = lines[-1].serial if len(lines) == LINES_SHOWN else None
    return html("audit.html", AuditPage(lines=tuple(lines), older=older, where=where))


@blueprint.get("/api/v1/audit")
def audit_lines() -> Response:
    """The newest lines, newest first; those before line `before`, at most `limit`, of this `actor`, `action`, `resource`,
    `outcome`.
    """
    limit = _number(request.args.get("limit", "")) or LINES_SHOWN
    unknown = sorted(request.args.keys() - {*AUDIT_PARTS, "limit", "before"})
    if unknown:  # to leave it out would show what was not asked for
        raise UserError(f"{unknown[0][:40]!r} is no condition of the audit: {', '.join(AUDIT_PARTS)}.")
    before = _number(request.args.get("before", ""))
    lines = catalog().audit(min(limit, MOST_LINES), before=before, where=_where())
    return answer(AuditAnswer(lines=tuple(audit_answer(line) for line in lines)))


def _where() -> dict[str, str]:
    """What lines are asked for, as they have it."""
    given = {name: request.args.get(name, "").strip()[:LONGEST_WORD] for name in AUDIT_PARTS}
    return {name: value for name, value in given.items() if value}


def _account_page(new_token: str = "") -> Response:
    user = _self()
    page = AccountPage(
        name=user.name,
        has_password=user.has_password,
        grants=tuple(grant_row(accounts().label_of(grant)) for grant in user.grants),
        tokens=tuple(map(token_row, accounts().tokens(user.id))),
        roles=tuple(role.value for role in Role),
        new_token=new_token,
        may_audit=allowed(catalog().principal, Action.AUDIT),
        may_manage=allowed(catalog().principal, Action.MANAGE),
    )
    return html("account.html", page)


def _self() -> User:
    """Who is signed in. Raises NotSignedIn for the owner of the machine, who has no account."""
    if not _are_users_set_up():
        raise NotSignedIn("No users are set up here.")
    return accounts().named(catalog().principal.name)


def _are_users_set_up() -> bool:
    identity = services().identity
    return identity is not None and identity.are_users_set_up()


def _is_proxied() -> bool:
    identity = services().identity
    return identity is not None and identity.is_proxied()


def _provider() -> OpenIdProvider:
    """Raises NotFoundHere where none is set up, or nobody is."""
    if not (_are_users_set_up() and settings().section(AccessSettings).oidc_issuer):
        raise NotFoundHere("Nobody signs in by an OpenID provider here.")
    extensions = current_app.extensions
    if "modeldex-openid" not in extensions:
        extensions.setdefault("modeldex-openid", OpenIdProvider(settings().section(AccessSettings)))
    provider: OpenIdProvider = extensions["modeldex-openid"]
    return provider


def _provider_name() -> str:
    """Where else one may sign in; empty for nowhere."""
    return urlsplit(settings().section(AccessSettings).oidc_issuer).hostname or ""


def _return_address() -> str:
    """Where the provider sends browsers: its list of addresses must have this one."""
    scheme = "https" if settings().section(AccessSettings).https else request.scheme
    return url_for("access.openid_return", _external=True, _scheme=scheme)


def _own_path(target: str) -> str:
    """A path of ours to go on to, never a place elsewhere."""
    is_own = target.startswith("/") and not target.startswith(("//", "/\\")) and target.isprintable()
    return target[:2_000] if is_own else url_for("pages.search")


def _role(name: str) -> Role:
    try:
        return Role(name)
    except ValueError:
        raise UserError(f"There is no role {name[:40]!r}.") from None


def _days(text: str) -> int:
    return _number(text) or 0


def _number(text: str) -> int | None:
    return int(text[:15]) if text.isascii() and text[:15].isdigit() else None
