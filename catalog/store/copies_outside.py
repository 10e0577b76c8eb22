"""Which prints of weights the models of one transaction share with models outside it."""

from __future__ import annotations

from sqlalchemy import Connection, select

from catalog.store.copies import prints_of
from catalog.store.database import parts
from catalog.store.documents import LIVE
from catalog.store.locked_records import LockedRecords
from catalog.store.tables import records

MAX_OTHERS = 100
"""So many models outside a page are looked at to learn which prints they share; then on without those prints."""
FEW_OTHERS = 8
"""So many are brought up to date with the page. More copies than that come page by page, and would change with each."""


def with_few_others(
    connection: Connection, locked: LockedRecords, touched: set[str]
) -> tuple[set[str], set[str]]:
    """The prints that are settled here, and those of them that models outside this batch have, too.

    A few such models are locked and become part of the batch, so that a copy and its original are brought up to date
    in one revision each.
    """
    few = 0
    while others := _shared_with_others(connection, locked, touched):
        shared = records.c.fingerprint.in_(others) | records.c.tensors.in_(others)
        chosen = shared & (records.c.state == LIVE) & records.c.id.not_in(sorted(locked.rows))
        if len(others) > 2 * FEW_OTHERS:
            break
        models = list(connection.execute(select(records.c.id).where(chosen).limit(FEW_OTHERS + 1)).scalars())
        few += len(models)
        if few > FEW_OTHERS:
            break
        locked.lock(models)
        touched = {*touched, *(print_ for model in models for print_ in prints_of(locked.rows[model]))}
    return touched, others


def _shared_with_others(connection: Connection, locked: LockedRecords, touched: set[str]) -> set[str]:
    """Those of the prints that live models outside this batch have, too."""
    shared: set[str] = set()
    own = sorted(locked.rows)
    for part in parts(sorted(touched)):
        unknown = set(part)
        while unknown:
            either = records.c.fingerprint.in_(unknown) | records.c.tensors.in_(unknown)
            chosen = either & (records.c.state == LIVE) & records.c.id.not_in(own)
            statement = select(records.c.fingerprint, records.c.tensors).where(chosen)
            rows = list(connection.execute(statement.limit(MAX_OTHERS)))
            known = unknown.intersection(print_ for row in rows for print_ in row)
            shared |= known
            unknown = unknown - known if len(rows) == MAX_OTHERS else set()
    return shared
