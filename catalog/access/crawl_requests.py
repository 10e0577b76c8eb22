"""The one thing that a reader may want done: that a source is crawled now."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from catalog.records.objects import SourceId
    from catalog.settings import Settings


def ask_for_crawl(settings: Settings, source: SourceId) -> bool:
    """The next worker with a free place crawls the source, once however often it is asked. False if there is none such."""
    from catalog.records.sources import SourceState  # noqa: PLC0415 - a server is up before it needs a store
    from catalog.store import open_store  # noqa: PLC0415

    with open_store(settings, write=True) as store:
        known = any(row.id == source and row.state is SourceState.ACTIVE for row in store.sources.all())
        if known:
            store.sources.ask(source)
    return known
