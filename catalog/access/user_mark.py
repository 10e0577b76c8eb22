"""A mark in the home folder that there are users: a store that is away must not make everybody the owner."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from catalog.settings import Settings

MARK = "has-users"


def mark_users(settings: Settings) -> None:
    """From now on a store that is not there is one that is lost, for every process that begins."""
    settings.home.mkdir(parents=True, exist_ok=True)
    (settings.home / MARK).touch()


def have_been_set_up(settings: Settings) -> bool:
    """Whether there were users here once."""
    return (settings.home / MARK).exists()
