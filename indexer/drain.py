"""From the store to the engine: the revisions that are committed and that the index does not show yet.

A crash anywhere between commit and index leaves revisions ahead of the index's cursor, or claims of a dead process; the
next drain finds them. Writing a state twice does no harm, because states of one model are ordered by revision.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Protocol

from catalog.errors import EngineBusy, EngineUnavailable, WriterBusy
from catalog.lazy_dataclasses import dataclass, field
from catalog.search.engine import IndexAction, IndexOutcome, IndexWriter
from catalog.store import INDEX
from indexer.engines import open_writer
from indexer.following import is_of_another_state, note_ahead, note_complete, note_of, takes_its_place
from indexer.rebuild import forget_earlier, needs_rebuild, rebuild

if TYPE_CHECKING:
    from catalog.settings import Settings
    from catalog.store.store import Store
    from indexer.following import IndexNote

BATCH = 1_000
"""Models per durable write. A Tantivy commit costs about 50 ms, an Elasticsearch bulk of 1,000 about 2 MB."""

SEALED = "fields became sensitive, or are not any more, and the index still shows them as they were"

log = logging.getLogger(__name__)


class Deliveries(Protocol):
    """The part of the store that a drain needs: the work of one consumer."""

    def claim(self, limit: int = ...) -> list[IndexAction]: ...

    def settle(self, actions: Sequence[IndexAction], outcome: IndexOutcome) -> None: ...

    def put_off(self, actions: Sequence[IndexAction], reason: str) -> None: ...

    def release(self) -> None: ...

    def retry_now(self) -> None: ...

    def size(self) -> int: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DrainReport:
    """What a drain did. `waiting` models are still to come, and `unavailable` says why; `busy` when another process is at it."""

    indexed: int = 0
    rejected: dict[str, str] = field(default_factory=dict)
    waiting: int = 0
    rebuilt: str | None = None
    unavailable: str | None = None
    busy: bool = False


def drain(waiting: Deliveries, writer: IndexWriter) -> DrainReport:
    """Write everything that waits. What the engine cannot take now is put off, what it will never take is set aside.

    Also what earlier drains put off is tried: whoever has just mended the engine need not wait for it. An engine that
    takes nothing of a batch is left alone until the next drain. Whatever breaks a drain off leaves its batch to others.
    """
    try:
        return _drained(waiting, writer)
    except BaseException:
        waiting.release()
        raise


def _drained(waiting: Deliveries, writer: IndexWriter) -> DrainReport:
    indexed = 0
    rejected: dict[str, str] = {}
    reasons: Counter[str] = Counter()
    waiting.retry_now()
    while actions := waiting.claim(BATCH):
        try:
            outcome = writer.write(actions)
        except EngineUnavailable as error:
            reasons = Counter([str(error)])
            waiting.put_off(actions, str(error))
            break
        waiting.settle(actions, outcome)
        indexed += len(outcome.done)
        rejected |= outcome.rejected
        reasons.update(outcome.retry.values())
        if not (outcome.done or outcome.rejected):
            break
    if indexed:
        writer.refresh()
    (commonest, _), *_ = [*reasons.most_common(1), (None, 0)]
    return DrainReport(indexed=indexed, rejected=rejected, waiting=waiting.size(), unavailable=commonest)


def drain_now(settings: Settings, store: Store) -> DrainReport:
    """Open the engine's writer, drain, close it. An index that is missing, damaged, of another schema, of another state of the
    store or not the one that changes went to is built anew first, and one that has lost models afterwards.

    An engine that cannot be written now is no error here: everything waits for the next drain, and the report says why.
    """
    index = store.consumer(INDEX)
    try:
        with closing(open_writer(settings)) as writer:
            reason = needs_rebuild(writer) or (SEALED if index.must_be_anew() else None)
            note, report = note_of(writer), DrainReport()
            reason = reason or is_of_another_state(store, writer, note)
            lack = takes_its_place(index, writer, note)
            reason = reason or lack
            if reason is None:
                report = _drained_and_noted(store, writer, note)
                reason = _lack(store, writer)
            if reason is not None:
                report = _rebuilt(store, writer, reason)
    except (
        EngineBusy,
        WriterBusy,
    ) as error:  # nothing is wrong, and whoever writes it now may take ours along
        report = DrainReport(waiting=index.size(), unavailable=str(error), busy=True)
    except EngineUnavailable as error:
        index.put_off(index.claim(BATCH), str(error))
        report = DrainReport(waiting=index.size(), unavailable=str(error))
    log.log(
        logging.DEBUG if report == DrainReport() else logging.INFO,  # workers look every minute
        "index drained indexed=%d rejected=%d waiting=%d reason=%s",
        report.indexed,
        len(report.rejected),
        report.waiting,
        report.unavailable,
    )
    return report


def _drained_and_noted(store: Store, writer: IndexWriter, note: IndexNote | None) -> DrainReport:
    index = store.consumer(INDEX)
    if index.size():
        note_ahead(store, writer, note.complete if note is not None else 0)
    report = drain(index, writer)
    if report.unavailable is None:
        note_complete(store, index, writer)
    return report


def _lack(store: Store, writer: IndexWriter) -> str | None:
    """Why an index that was given everything must be built anew: it has lost models. Engines that cannot say do not."""
    documents: int | None = getattr(writer, "documents", None)
    if documents is None:
        return None
    index = store.consumer(INDEX)
    lost = store.records.count() - len(index.dead_letters()) - documents
    if lost <= 0 or index.size():  # what waits may be what is missing, also if it was written just now
        return None
    return f"the index lacks {lost:,} models that were written to it"


def _rebuilt(store: Store, writer: IndexWriter, reason: str) -> DrainReport:
    log.info("index is built anew reason=%s", reason)
    built = rebuild(store, writer)
    if store.consumer(INDEX).must_be_anew():
        forget_earlier(writer)
        store.consumer(INDEX).made_anew()
    rest = _drained_and_noted(store, writer, note_of(writer))  # what others committed meanwhile
    return DrainReport(
        indexed=built.documents + rest.indexed,
        rejected={**built.rejected, **rest.rejected},
        waiting=rest.waiting,
        rebuilt=reason,
        unavailable=rest.unavailable,
    )
