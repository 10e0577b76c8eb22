"""The catalog as it was at some time, made of the revisions of then: the same questions, asked of the past."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from catalog import plugins
from catalog.access.catalog import Catalog, Catalogs
from catalog.access.opening import LazyStore, is_store_made, matching, reading_store
from catalog.access.principals import READER, Principal
from catalog.errors import UserError
from catalog.query.periods import parse_period

if TYPE_CHECKING:
    from catalog.settings import Settings

MAX_MODELS = 10_000
"""Held in memory and looked at one by one, about 60 kB each."""
GONE = "gone"


def instant_of(text: str) -> datetime:
    """The last instant of the period that the text names: of a day, its end in UTC. Raises UserError."""
    now = datetime.now(UTC)
    period = parse_period(text.strip(), now)
    if period is None:
        raise UserError(f"{text[:80]!r} is no date.", advice="For instance 2026-10-01, or 2026-10-01T12:00Z.")
    if period.start == period.end:
        return min(period.start, now)
    return min(period.end - timedelta(microseconds=1), now)


@contextmanager
def open_catalog_as_of(
    settings: Settings, at: datetime, principal: Principal | None = None
) -> Iterator[Catalog]:
    """The catalog of then for one principal: models that are gone by now as they were, later ones not at all.

    Raises UserError if it held more than MAX_MODELS models.
    """
    store = LazyStore(lambda: reading_store(settings))
    documents = _documents(store().records.states_at(at)) if is_store_made(settings) else iter(())
    engine = plugins.load("hook", "past")(documents)
    catalogs = Catalogs(engine, store, matching)
    try:
        yield catalogs.of(READER.get() if principal is None else principal)
    except BaseException as error:
        catalogs.close(error)
        raise
    catalogs.close()


def _documents(revisions: Any) -> Iterator[Mapping[str, Any]]:
    number = 0
    for revision in revisions:
        if revision.document.get("status") == GONE:
            continue
        number += 1
        if number > MAX_MODELS:
            raise UserError(
                f"The catalog held more than {MAX_MODELS:,} models then; searches of the past hold no more in memory.",
                advice="The history of one model has no limit: modeldex history ID",
            )
        yield {**revision.document, "revision": revision.number}
