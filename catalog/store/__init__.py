"""The record store: the truth behind the index. Everything that an engine shows can be rebuilt from here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from catalog.search.engine import INDEX

if TYPE_CHECKING:
    from catalog.store.store import Store, open_store

__all__ = ["INDEX", "Store", "open_store"]


def __getattr__(name: str) -> Any:
    # SQLAlchemy costs 0.2 s: whoever imports this package for its types alone does not pay for it.
    if name in __all__:
        from catalog.store import store  # noqa: PLC0415

        return getattr(store, name)
    raise AttributeError(name)
