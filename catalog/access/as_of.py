"""The catalog as it was at some time, made of the revisions of then: the same questions, asked of the past."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, Any

from catalog import plugins
from catalog.access.catalog import Catalog, Catalogs
from catalog.access.opening import LazyStore, is_store_made, matching, reading_store
from catalog.access.principals import READER, Principal
from catalog.errors import UserError
from catalog.query.periods import parse_period
from catalog.records.series import flagged_as_latest, latest_of

if TYPE_CHECKING:
    from catalog.settings import Settings

MAX_MODELS = 10_000
"""Held in memory and looked at one by one, about 60 kB each."""
MAX_SERVED_MODELS = 2_000
"""The same in a server, which keeps one such catalog for whoever asks next."""
WAIT_SECONDS = 5.0
GONE = "gone"


def instant_of(text: str) -> datetime:
    """The last instant of the period that the text names, if that is over: of a day, its end in UTC. Raises UserError."""
    return min(end_of(text), datetime.now(UTC))


def end_of(text: str) -> datetime:
    """The same, though it be yet to come. Raises UserError."""
    period = parse_period(text.strip(), datetime.now(UTC))
    if period is None:
        raise UserError(f"{text[:80]!r} is no date.", advice="For instance 2026-10-01, or 2026-10-01T12:00Z.")
    if period.start == period.end:
        return period.start
    return period.end - timedelta(microseconds=1)


@contextmanager
def open_catalog_as_of(
    settings: Settings, at: datetime, principal: Principal | None = None
) -> Iterator[Catalog]:
    """The catalog of then for one principal: models that are gone by now as they were, later ones not at all.

    Raises UserError if it held more than MAX_MODELS models.
    """
    store = LazyStore(lambda: reading_store(settings))
    revisions = store().records.states_at(at) if is_store_made(settings) else iter(())
    engine = plugins.load("hook", "past")(_with_latest([*_documents(revisions, MAX_MODELS)]))
    catalogs = Catalogs(engine, store, matching)
    try:
        yield catalogs.of(READER.get() if principal is None else principal)
    except BaseException as error:
        catalogs.close(error)
        raise
    catalogs.close()


class RememberedPast:
    """The catalog of a server as it was: one moment for one reader is kept, and one is made at a time."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._key: tuple[object, ...] | None = None
        self._known: Catalogs | None = None

    def of(self, catalogs: Catalogs, principal: Principal, end: datetime) -> Catalog:
        """The catalog of then for the principal: what they may not see now they did not see then either. Of a period that is
        not over, the same one is answered until something changes.

        Raises UserError if it held more than MAX_SERVED_MODELS models, Busy while another one is made.
        """
        present = catalogs.of(principal)
        key = end, present.info().generation, repr(principal)
        if not self._lock.acquire(timeout=WAIT_SECONDS):
            raise Busy
        try:
            if self._known is None or self._key != key:
                self._known = None  # the memory of two is not asked for
                at = min(end, datetime.now(UTC))
                documents = list(_documents(catalogs.states_at(at), MAX_SERVED_MODELS))
                if not principal.sees_all:
                    visible = present.get([str(document["id"]) for document in documents])
                    documents = [document for document in documents if str(document["id"]) in visible]
                self._known = catalogs.over(plugins.load("hook", "past")(_with_latest(documents)))
                self._key = key
            return self._known.of(principal)
        finally:
            self._lock.release()


class Busy(Exception):
    """Another search of the past is being made ready."""


def _documents(revisions: Any, most: int) -> Iterator[Mapping[str, Any]]:
    number = 0
    for revision in revisions:
        if revision.document.get("status") == GONE:
            continue
        number += 1
        if number > most:
            raise UserError(
                f"The catalog held more than {most:,} models then; this search of the past holds no more in memory.",
                advice=f"Up to {MAX_MODELS:,}: modeldex search --as-of. The history of one model has no limit: modeldex history ID",
            )
        yield {**revision.document, "revision": revision.number}


def _with_latest(documents: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """The documents, those flagged that are the latest of their name among them: revisions do not say it."""
    latest = latest_of(documents)
    for document in documents:
        yield flagged_as_latest(document) if document["id"] in latest else document
