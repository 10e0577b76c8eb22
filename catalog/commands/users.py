"""The verb `users`: who may do what. Data on stdout, talk on stderr. It is for who owns the machine."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from catalog.access.command_line import accounts, visit
from catalog.commands.given_values import STORED_NUMBER, text_of
from catalog.errors import UserError
from catalog.records.accounts import Role
from catalog.settings import Settings
from catalog.terminal import printable, table

if TYPE_CHECKING:
    from catalog.access.accounts import Accounts
    from catalog.records.accounts import Grant, User

ROLES = click.Choice([role.value for role in Role])
role_option = click.option(
    "--role", type=ROLES, default=Role.VIEWER.value, show_default=True, help="What they may do."
)
source_option = click.option(
    "--source", "sources", multiple=True, metavar="NAME", help="Only with models of this source."
)
query_option = click.option("--query", default="", help="Only with models that it finds, as in tag:prod.")
saved_option = click.option(
    "--saved", default="", metavar="NAME", help="Only with models of this saved search, as it is now."
)
stdin_option = click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")


@click.group()
def users() -> None:
    """Who may do what. While there is no user, whoever reaches the page sees everything, and nobody signs in.

    With the first user, everybody needs a name. The command line of this machine is its owner's and needs none.
    """


@users.command()
@click.argument("name")
@role_option
@source_option
@query_option
@saved_option
@stdin_option
@click.option(
    "--no-password", is_flag=True, help="They come by tokens or by a proxy, and cannot sign in here."
)
@click.pass_obj
def add(
    settings: Settings,
    name: str,
    *,
    role: str,
    sources: tuple[str, ...],
    query: str,
    saved: str,
    password_stdin: bool,
    no_password: bool,
) -> None:
    """Add a user. The password is asked for; there is no default one."""
    known = accounts(settings)
    granted = _grant(settings, role, sources, query, saved)
    is_first = not known.all()
    password = None if no_password else _password(from_stdin=password_stdin)
    user = known.add(name, password, [granted], visit())
    click.echo(f"{user.name} is {granted.label}.", err=True)
    if is_first:
        click.echo("From now on nobody reads the page without signing in.", err=True)


@users.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array.")
@click.pass_obj
def list_users(settings: Settings, *, as_json: bool) -> None:
    """List users with what is granted to them; the number of a grant takes it back (`users withdraw`)."""
    book = accounts(settings)
    known = book.all()
    if as_json:
        click.echo(json.dumps([_entry(user, book) for user in known], indent=2))
        return
    if not known:
        click.echo("There is no user. Add the first one with: modeldex users add NAME --role admin", err=True)
        return
    rows = [
        (
            user.name,
            "disabled" if user.is_disabled else "",
            "; ".join(f"{grant.id}: {book.label_of(grant)}" for grant in user.grants),
        )
        for user in known
    ]
    for line in table(("name", "", "granted"), rows, whole=("name",)):
        click.echo(line)


@users.command()
@click.argument("name")
@stdin_option
@click.pass_obj
def password(settings: Settings, name: str, *, password_stdin: bool) -> None:
    """Set the password of a user; all their sessions end, all their tokens are revoked."""
    known = accounts(settings)
    known.set_password(known.named(name), _password(from_stdin=password_stdin), visit())
    click.echo(f"{name} has a new password.", err=True)


@users.command()
@click.argument("name")
@click.pass_obj
def disable(settings: Settings, name: str) -> None:
    """Let a user do nothing more, from their next request on; sessions and tokens are gone for good."""
    known = accounts(settings)
    known.set_disabled(known.named(name), visit(), disabled=True)
    click.echo(f"{name} is disabled.", err=True)


@users.command()
@click.argument("name")
@click.pass_obj
def enable(settings: Settings, name: str) -> None:
    """Let a disabled user sign in again."""
    known = accounts(settings)
    known.set_disabled(known.named(name), visit(), disabled=False)
    click.echo(f"{name} is enabled.", err=True)


@users.command()
@click.argument("name")
@role_option
@source_option
@query_option
@saved_option
@click.option("--deny", is_flag=True, help="Take it away, whatever else grants it.")
@click.pass_obj
def grant(
    settings: Settings, name: str, *, role: str, sources: tuple[str, ...], query: str, saved: str, deny: bool
) -> None:
    """Grant a role to a user beside what they have, or deny it."""
    known = accounts(settings)
    granted = _grant(settings, role, sources, query, saved, deny=deny)
    known.grant(known.named(name), [granted], visit())
    click.echo(f"{name} is {granted.label}.", err=True)


@users.command()
@click.argument("name")
@click.argument("grant_id", type=STORED_NUMBER, metavar="GRANT")
@click.pass_obj
def withdraw(settings: Settings, name: str, grant_id: int) -> None:
    """Take the grant of this number back."""
    known = accounts(settings)
    known.withdraw(known.named(name), grant_id, visit())
    click.echo(f"{name} has no grant {grant_id} any more.", err=True)


@users.command()
@click.argument("name")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--check", is_flag=True, help="Only say what it would grant.")
@click.pass_obj
def policy(settings: Settings, name: str, file: Path, *, check: bool) -> None:
    """Give a user what a policy FILE in the shape of CAM says, in place of what they have.

    What in it cannot be expressed here is refused by name, and nothing is changed.
    """
    from catalog.access.grants import grants_of_file  # noqa: PLC0415 - `--help` needs none of it

    known = accounts(settings)
    user = known.named(name)
    granted = grants_of_file(settings, text_of(file), file.name)
    for each in granted:
        click.echo(
            printable(
                f"{each.effect.value} {', '.join(sorted(each.actions))} with {each.scope or 'all models'}"
            )
        )
    if not check:
        known.grant(user, granted, visit(), replace=True)


def _grant(
    settings: Settings, role: str, sources: tuple[str, ...], query: str, saved: str, *, deny: bool = False
) -> Grant:
    from catalog.access.grants import grant_of, query_of_saved  # noqa: PLC0415 - `--help` needs none of it

    if saved and query:
        raise UserError("Give --query or --saved, not both.")
    if saved:
        from catalog.access.principals import READER  # noqa: PLC0415
        from catalog.access.saved_searches import SavedSearches, state_of  # noqa: PLC0415

        state = state_of(SavedSearches(settings, READER.get().id).named(saved))
        if state.selections:
            raise UserError("That search chooses facets, too.", advice="Give its conditions as --query.")
        query = query_of_saved(state.text)
    return grant_of(settings, Role(role), sources=sources, query=query, deny=deny)


def _password(*, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise UserError(
            "The password cannot be asked for: standard input is no terminal.",
            advice="Give it with --password-stdin.",
        )
    text: str = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    return text


def _entry(user: User, book: Accounts) -> dict[str, Any]:
    return {
        "name": user.name,
        "disabled": user.is_disabled,
        "has_password": user.has_password,
        "created_at": user.created_at.isoformat(),
        "grants": [
            {
                "id": each.id,
                "effect": each.effect.value,
                "actions": sorted(each.actions),
                "scope": each.scope,
                "label": book.label_of(each),
            }
            for each in user.grants
        ],
    }
