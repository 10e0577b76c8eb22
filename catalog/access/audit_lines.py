"""The audit as the command line reads it: whole, and whether it holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from catalog.records.accounts import AuditLine
    from catalog.settings import Settings


def latest(settings: Settings, limit: int, where: Mapping[str, str] | None = None) -> list[AuditLine]:
    """The newest lines, newest first, those of `where`."""
    from catalog.store import open_store  # noqa: PLC0415 - `--help` needs no store

    with open_store(settings, write=False) as store:
        return store.audit.latest(limit, where=where)


def newest(settings: Settings) -> AuditLine | None:
    return next(iter(latest(settings, 1)), None)


def lines(settings: Settings, after: int = 0) -> Iterator[AuditLine]:
    """Every line after this one, oldest first."""
    from catalog.store import open_store  # noqa: PLC0415 - as above

    with open_store(settings, write=False) as store:
        yield from store.audit.lines(after=after)


def faults(settings: Settings, head: str | None = None) -> Iterator[str]:
    """A sentence for every place at which the chain does not hold."""
    from catalog.store import open_store  # noqa: PLC0415 - as above

    with open_store(settings, write=False) as store:
        yield from store.audit.faults(head=head)
