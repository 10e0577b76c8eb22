"""The verb `tokens`: keys of users for programs. The text of one goes to stdout, once; talk goes to stderr."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from catalog.access.command_line import accounts, visit
from catalog.commands.users import query_option, role_option
from catalog.records.accounts import Role
from catalog.settings import Settings
from catalog.terminal import table

if TYPE_CHECKING:
    from catalog.records.accounts import Token


@click.group()
def tokens() -> None:
    """Keys of users for programs: they may do what both the user and the token may, and end by themselves."""


@tokens.command()
@click.argument("user")
@click.argument("name")
@role_option
@query_option
@click.option("--days", type=int, default=90, show_default=True, help="How long it is good.")
@click.pass_obj
def create(settings: Settings, user: str, name: str, *, role: str, query: str, days: int) -> None:
    """Make a token for USER; NAME says what it is for. It is printed this once."""
    known = accounts(settings)
    text, token = known.create_token(
        known.named(user), name, role=Role(role), scope=query, days=days, visit=visit()
    )
    click.echo(text)
    click.echo(
        f"Good until {token.expires_at:%Y-%m-%d}. Revoke it with: modeldex tokens revoke {token.id}", err=True
    )


@tokens.command("list")
@click.argument("user", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array.")
@click.pass_obj
def list_tokens(settings: Settings, user: str | None, *, as_json: bool) -> None:
    """List the tokens of USER, or of all."""
    known = accounts(settings)
    listed = known.tokens(None if user is None else known.named(user).id)
    if as_json:
        click.echo(json.dumps([_entry(token) for token in listed], indent=2))
        return
    if not listed:
        click.echo("There is no token. Make one with: modeldex tokens create USER NAME", err=True)
        return
    rows = [
        (
            token.id,
            token.user_name,
            token.name,
            _state(token),
            f"{token.used_at:%Y-%m-%d}" if token.used_at else "never",
        )
        for token in listed
    ]
    for line in table(("id", "user", "name", "good until", "last used"), rows, whole=("id",)):
        click.echo(line)


@tokens.command()
@click.argument("token_id", metavar="ID")
@click.pass_obj
def revoke(settings: Settings, token_id: str) -> None:
    """Let a token count no more, from its next request on."""
    revoked = accounts(settings).revoke_token(token_id, visit())
    click.echo(f"The token {revoked.name} of {revoked.user_name} counts no more.", err=True)


def _state(token: Token) -> str:
    if token.revoked_at is not None:
        return f"revoked {token.revoked_at:%Y-%m-%d}"
    return f"{token.expires_at:%Y-%m-%d}{'' if token.is_valid(datetime.now(UTC)) else ' (over)'}"


def _entry(token: Token) -> dict[str, Any]:
    instants = {
        name: None if value is None else value.isoformat()
        for name in ("created_at", "expires_at", "used_at", "revoked_at")
        for value in (getattr(token, name),)
    }
    return {
        "id": token.id,
        "user": token.user_name,
        "name": token.name,
        "actions": sorted(token.actions),
        "scope": token.scope,
        **instants,
    }
