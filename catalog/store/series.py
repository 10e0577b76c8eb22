"""Series: the live models of one name, by version, then by date. Those that no other stands behind are the latest.

Which models are the latest is no part of their documents or revisions, since it changes with what others are; consumers
get it with the document, and the index gets those again for which it changes.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet

from sqlalchemy import ColumnElement, Connection, and_, case, collate, func, select, update

from catalog.store.database import parts, take_turn
from catalog.store.documents import LIVE
from catalog.store.revision_log import deliver_again
from catalog.store.tables import records


def settle(connection: Connection, names: Iterable[str], *, revised: AbstractSet[str]) -> None:
    """The latest of these series are known as such. Models that are not `revised` anyway go to the index again."""
    for part in parts(sorted(names)):
        live = records.c.name.in_(part) & (records.c.state == LIVE)
        last = (
            select(records.c.name, func.max(_by_bytes(connection)).label("place"))
            .where(live)
            .group_by(records.c.name)
            .subquery()
        )
        is_last = case((and_(records.c.state == LIVE, records.c.series_place == last.c.place), 1), else_=0)
        chosen = (
            select(records.c.id, records.c.revision, is_last.label("latest"))
            .join(last, last.c.name == records.c.name, isouter=True)
            .where(records.c.name.in_(part) & (records.c.latest != is_last))
            .order_by(records.c.id)
        )
        rows = list(connection.execute(chosen))
        if rows:
            take_turn(connection)
        for latest in (0, 1):
            for models in parts([row.id for row in rows if row.latest == latest]):
                connection.execute(update(records).where(records.c.id.in_(models)).values(latest=latest))
        again = [{"model": row.id, "revision": row.revision} for row in rows if row.id not in revised]
        deliver_again(connection, again, index_alone=True)


def _by_bytes(connection: Connection) -> ColumnElement[str]:
    """The place in a series as it is compared: byte by byte, whatever the language of a PostgreSQL database is."""
    place = records.c.series_place
    return collate(place, "C") if connection.dialect.name == "postgresql" else place
