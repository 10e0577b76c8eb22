"""The log of revisions: how it grows, and its states as actions for who follows it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, func, select

from catalog.records.series import flagged_as_latest
from catalog.search.engine import INDEX, IndexAction
from catalog.store.canonical import sanitised
from catalog.store.compression import unpacked
from catalog.store.database import insert_rows, take_turn, upsert
from catalog.store.newest import present_document, with_documents
from catalog.store.tables import consumers, deliveries, records, revisions

GONE = "gone"
PENDING, DEAD = "pending", "dead"


def append(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """New revisions at the end of the log; part of the transaction that changes their records.

    Their serials must become visible in order, or a cursor would pass one that is committed after a higher one. So the
    transactions that append take turns, from before they draw a serial until they are committed.
    """
    if rows:
        take_turn(connection)
        insert_rows(connection, revisions, rows)


def deliver_again(
    connection: Connection, states: Sequence[Mapping[str, Any]], *, index_alone: bool = False
) -> None:
    """States (`model`, `revision`) that are written once more or stand otherwise beside others: every consumer gets them
    again, or the index alone.
    """
    due = {
        "state": PENDING,
        "reason": None,
        "attempts": 0,
        "next_try": 0.0,
        "claimed_by": None,
        "claimed_until": None,
    }
    chosen = select(consumers.c.name).order_by(consumers.c.name)
    if index_alone:
        chosen = chosen.where(consumers.c.name == INDEX)
    # Workers note their claims in the order of the log and this one in another: they take turns, or wait for each other.
    chosen = chosen.with_for_update()
    names = list(connection.execute(chosen).scalars()) if states else []
    upsert(connection, deliveries, [{"consumer": name, **state, **due} for name in names for state in states])


def newest_serial(connection: Connection) -> int:
    return int(connection.execute(select(func.coalesce(func.max(revisions.c.serial), 0))).scalar_one())


def states(*more: Any) -> Any:
    columns = (
        records.c.id,
        records.c.source,
        records.c.revision,
        records.c.state,
        records.c.latest,
    )
    return with_documents(*columns, *more)


def actions_of(rows: Sequence[Any], damaged: dict[str, str], consumer: str) -> list[IndexAction]:
    """The actions of these rows: revisions as they are, for the index with what stands beside them. A row whose document cannot be read is noted in `damaged` and costs that model alone."""
    actions = []
    for row in rows:
        try:
            document = _document(row)
            if document is not None and row.latest and consumer == INDEX:
                document = flagged_as_latest(document)
            actions.append(IndexAction(id=row.id, revision=row.revision, document=document))
        except (ValueError, TypeError, KeyError) as error:
            damaged[row.id] = f"its record in the store is damaged ({type(error).__name__}: {error})"[:500]
    return actions


def _document(row: Any) -> dict[str, Any] | None:
    return None if row.state == GONE else present_document(row, _read)


def _read(data: bytes) -> dict[str, Any]:
    """A stored document. It was sanitised when it was written; what a strict parser does not take is sanitised again."""
    import orjson  # noqa: PLC0415 - 20 ms that only the writing side needs

    text = unpacked(data)
    try:
        document: dict[str, Any] = orjson.loads(text)
    except ValueError:
        document = sanitised(json.loads(text))
    return document
