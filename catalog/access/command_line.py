"""The accounts as the command line holds them, and who uses it, as the audit tells it."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from catalog.access.accounts import Accounts, Visit
    from catalog.settings import Settings
    from catalog.store import Store

COMMAND_LINE = "command line"


def accounts(settings: Settings) -> Accounts:
    """They open the store themselves."""
    from catalog.access.accounts import Accounts  # noqa: PLC0415 - `--help` needs none of it
    from catalog.access.opening import open_catalogs  # noqa: PLC0415

    return Accounts(settings, open_catalogs(settings).accounts)


def note(store: Store, action: str, resource: str, *, before: Any = None, after: Any = None) -> None:
    """One line of the audit of what was done by a command, in the store that it was done in."""
    from catalog.records.accounts import Happening  # noqa: PLC0415 - `--help` needs none of it

    who = visit()
    store.audit.add(
        Happening(
            actor=who.actor, action=action, resource=resource, origin=who.origin, before=before, after=after
        )
    )


def visit() -> Visit:
    """The owner of the machine, under the name that they have there."""
    from catalog.access.accounts import Visit  # noqa: PLC0415 - as above

    return Visit(f"owner ({machine_user()})", COMMAND_LINE)


def machine_user() -> str:
    """Who is at the keyboard, as this machine knows them. A colon is in the names of neighbours alone."""
    try:
        return getpass.getuser().replace(":", "_")
    except (KeyError, OSError):
        return "?"
