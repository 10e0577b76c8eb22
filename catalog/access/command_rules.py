"""What each command asks of who uses it. On the command line that is the owner of the machine, who may everything."""

from __future__ import annotations

from collections.abc import Mapping

from catalog.access.principals import OWNER, READER
from catalog.errors import UserError
from catalog.records.accounts import Action

COMMAND_RULES: Mapping[str, Action] = {
    "alias": Action.EDIT,
    "audit": Action.AUDIT,
    "crawl": Action.MANAGE,
    "diff": Action.READ,
    "edit": Action.EDIT,
    "export": Action.READ,
    "forget": Action.MANAGE,
    "hive": Action.MANAGE,
    "hive show": Action.READ,
    "hive tables": Action.READ,
    "history": Action.READ,
    "keys": Action.MANAGE,
    "log": Action.EDIT,
    "models": Action.READ,
    "mongodb": Action.MANAGE,
    "reindex": Action.MANAGE,
    "restore": Action.EDIT,
    "retention": Action.MANAGE,
    "runs": Action.READ,
    "runs accept": Action.MANAGE,
    "saved": Action.SAVE,
    "saved list": Action.READ,
    "saved show": Action.READ,
    "search": Action.READ,
    "serve": Action.MANAGE,
    "settings": Action.MANAGE,
    "show": Action.READ,
    "sources": Action.MANAGE,
    "stage": Action.EDIT,
    "store": Action.MANAGE,
    "tokens": Action.MANAGE,
    "users": Action.MANAGE,
    "verify": Action.MANAGE,
    "webhooks": Action.MANAGE,
    "worker": Action.MANAGE,
}
"""By the words of the command; a verb without a line of its own is what its group is."""


def check_command(words: str) -> None:
    """Raises UserError if the reader of the command line may not do this. What has no line is its owner's."""
    reader = READER.get()
    if reader == OWNER:
        return
    from catalog.access.permissions import allowed  # noqa: PLC0415 - it reads query texts, which the owner need not pay for

    action = action_of(words)
    if action is None or not allowed(reader, action):
        raise UserError(f"{reader.name} may not use: modeldex {words}.")


def action_of(words: str) -> Action | None:
    """What the command of these words asks for; None for one that has no line."""
    return COMMAND_RULES.get(words, COMMAND_RULES.get(words.partition(" ")[0]))
