"""From the hints of an event to models that are up to date: noted for the sources that hold the objects, then looked at."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from catalog.errors import ModeldexError, UserError, WriterBusy
from catalog.lazy_dataclasses import dataclass, field
from catalog.records import ModelId, ObjectKey, SourceId
from catalog.records.objects import may_be_kept
from catalog.records.sources import SourceRow, SourceState
from catalog.settings import Settings
from catalog.store import Store
from crawler.addresses import open_source
from crawler.event_bodies import Hint
from crawler.selection import Selection

if TYPE_CHECKING:
    from crawler.registry import Registry

REST_WHILE_CRAWLED_SECONDS = 2.0
"""A crawl that is under way may have passed the object already: it is looked at when the crawl has ended."""
BUCKETS = "s3://"

log = logging.getLogger(__name__)


@dataclass(slots=True)
class InboxReport:
    """What became of what waited."""

    looked_at: int = 0
    models: list[ModelId] = field(default_factory=list)
    put_off: int = 0


def note_hints(store: Store, hints: Iterable[Hint]) -> int:
    """Keeps the hints for the sources that hold their objects; how many were of any source. They are committed then."""
    rows = [row for row in store.sources.all() if row.state is SourceState.ACTIVE]
    own = [place for hint in hints for place in _places(hint, rows)]
    store.event_hints.note(own)
    return len(own)


def take_waiting(store: Store, settings: Settings, *, registry: Registry | None = None) -> InboxReport:
    """Looks at what is due. What cannot be looked at now is tried again later; what only a crawl can take asks for one.
    `registry` are the extractors, where they are loaded already.
    """
    report = InboxReport()
    rows = {row.id: row for row in store.sources.all()}
    for source, keys in store.event_hints.due().items():
        row = rows.get(source)
        if row is None or row.state is not SourceState.ACTIVE:
            store.event_hints.taken(source, keys)
            continue
        _take(store, settings, row, keys, report, registry)
    return report


def _take(
    store: Store,
    settings: Settings,
    row: SourceRow,
    keys: dict[ObjectKey, float],
    report: InboxReport,
    registry: Registry | None,
) -> None:
    from crawler.events import CrawlNeeded, take_events  # noqa: PLC0415 - it brings the extractors

    hints = store.event_hints
    try:
        source = open_source(row.address, settings, row.definition)
        events = take_events(store, source, settings, list(keys), registry=registry)
    except CrawlNeeded as error:
        log.info("event needs a crawl source=%s reason=%s", row.uri, error)
        store.sources.ask(row.id)
        hints.taken(row.id, keys)
    except WriterBusy:
        hints.put_off(row.id, list(keys), seconds=REST_WHILE_CRAWLED_SECONDS)
        report.put_off += len(keys)
    except ModeldexError as error:
        hints.put_off(row.id, list(keys))
        report.put_off += len(keys)
        log.warning("event put off source=%s objects=%s reason=%s", row.uri, len(keys), error)
    else:
        report.looked_at += events.looked_at
        report.models += events.models
        hints.taken(row.id, {key: noted_at for key, noted_at in keys.items() if key not in events.unasked})
        log.info("events taken source=%s objects=%s models=%s", row.uri, len(keys), len(events.models))
        if events.unasked:
            hints.put_off(row.id, list(events.unasked))
            report.put_off += len(events.unasked)
            reason = next(iter(events.unasked.values()))
            log.warning("event put off source=%s objects=%s reason=%s", row.uri, len(events.unasked), reason)


def _places(hint: Hint, rows: Iterable[SourceRow]) -> Iterator[tuple[SourceId, ObjectKey]]:
    """The sources that crawl this object, with its key there: several, if they overlap."""
    for row in rows:
        key = _key_in(hint, row)
        if (
            key
            and may_be_kept(key)
            and Selection(row.definition.include, row.definition.exclude).left_out(key) is None
        ):
            yield row.id, ObjectKey(key)


def _key_in(hint: Hint, row: SourceRow) -> str | None:
    if hint.source:
        named = hint.source in {row.definition.name, row.id, row.uri}
        return hint.key if named and _is_below_root(hint.key) else None
    if not row.address.startswith(BUCKETS):
        return None
    from crawler.buckets.address import parse_address  # noqa: PLC0415 - buckets alone need it

    try:
        place = parse_address(row.address)
    except UserError:
        return None
    if place.bucket != hint.bucket or not hint.key.startswith(place.prefix):
        return None
    return hint.key[len(place.prefix) :]


def _is_below_root(key: str) -> bool:
    """A script names files of a directory: none of them lies above it."""
    return not key.startswith("/") and ".." not in key.split("/")
