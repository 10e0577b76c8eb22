"""What readers may want done: that a source is crawled now, or that models go missing of which a run could not tell whether they may."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from catalog.records import Run
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


def accept_run(settings: Settings, number: int) -> Run | None:
    """The held run, whose models that are no longer there may go missing: the next worker with a free place crawls its
    source for that. None if there is no such run. Raises NotAcceptable.
    """
    from catalog.errors import NotAcceptable  # noqa: PLC0415 - a server is up before it needs a store
    from catalog.records.sources import SourceState  # noqa: PLC0415
    from catalog.store import open_store  # noqa: PLC0415

    with open_store(settings, write=True) as store:
        waiting = store.runs.get(number)
        row = next((row for row in store.sources.all() if waiting and row.id == waiting.source), None)
        if row is not None and row.state is not SourceState.ACTIVE:
            raise NotAcceptable(
                f"The source of run {number} is {row.state.value}: no worker would crawl it.",
                advice=f"On the command line: modeldex runs accept {number}",
            )
        run = store.runs.accept(number)
        if run is not None:
            store.sources.ask(run.source)
    return run
