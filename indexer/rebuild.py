"""A fresh index from the record store: no model file is touched, searches go on, no change is lost."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from catalog.lazy_dataclasses import dataclass, field
from catalog.search.engine import IndexWriter
from catalog.store import INDEX
from indexer.following import note_complete, note_of, takes_its_place

if TYPE_CHECKING:
    from catalog.store.store import Store

REBUILD = "rebuild"
"""The lease of whoever builds the index anew."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class RebuildReport:
    """What a rebuild wrote, and the models that the engine refused with the reason."""

    documents: int
    rejected: dict[str, str] = field(default_factory=dict)
    took_ms: int = 0


def needs_rebuild(writer: IndexWriter) -> str | None:
    """Why this index cannot take single changes; None when it can. Engines that never need it do not say."""
    reason: str | None = getattr(writer, "needs_rebuild", None)
    return reason


def forget_earlier(writer: IndexWriter) -> None:
    """Nothing is left to roll back to, where an engine keeps something: it shows what is sealed by now."""
    forget: Callable[[], None] | None = getattr(writer, "forget_earlier", None)
    if forget is not None:
        forget()


def rebuild(store: Store, writer: IndexWriter) -> RebuildReport:
    """Build the index anew from the store's present state, with what changes meanwhile, and swap it in.

    Raises WriterBusy while another process does that: each of the two would sweep away what the other loads.
    """
    started = time.perf_counter()
    index = store.consumer(INDEX)
    with store.lease(REBUILD):
        takes_its_place(index, writer, note_of(writer))  # what it lacks is mended here
        documents, watermark = index.snapshot()
        outcome = writer.rebuild(documents, catch_up=index.since(watermark))
        index.rebuilt(watermark, outcome.rejected)
        writer.refresh()
        note_complete(store, index, writer)
    report = RebuildReport(
        documents=len(set(outcome.done)),
        rejected={**outcome.rejected, **index.damaged},
        took_ms=int((time.perf_counter() - started) * 1000),
    )
    log.info(
        "index rebuilt documents=%d rejected=%d took_ms=%d",
        report.documents,
        len(report.rejected),
        report.took_ms,
    )
    return report
