"""What a reader's door may take in: hints that objects changed. They are committed before the sender is thanked."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from catalog.settings import Settings
    from catalog.store import Store

T = TypeVar("T")


def with_store(settings: Settings, work: Callable[[Store], T]) -> T:
    """What `work` makes of the store, which is open for writing meanwhile. Raises StoreError."""
    from catalog.store import open_store  # noqa: PLC0415 - a server is up before it needs a store

    with open_store(settings, write=True) as store:
        return work(store)
