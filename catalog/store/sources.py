"""Sources: one row each, with what a person said of how it is crawled."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, RowMapping, func, select, update
from sqlalchemy.exc import IntegrityError

from catalog.errors import UserError
from catalog.records import RunState
from catalog.records.objects import SourceId
from catalog.records.sources import SourceDefinition, SourceRow, SourceState
from catalog.store import joins
from catalog.store.codec import instant, parse_instant
from catalog.store.database import upsert
from catalog.store.tables import runs, sources

LISTS = ("include", "exclude", "sensitive")
NO_LENDING: tuple[tuple[str, ...], bool] = ((), True)
"""What a source says of lending of which nobody said more than its address."""


class Sources:
    """The sources of the catalog, those included that are removed or disabled."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def all(self) -> list[SourceRow]:
        """Every source by address; also the removed ones, whose models may still be there."""
        with self._engine.connect() as connection:
            rows = connection.execute(select(sources).order_by(sources.c.uri)).mappings()
            return [_row(row) for row in rows]

    def names(self) -> dict[str, str]:
        """The ids of the sources that a person gave a name, by that name."""
        statement = select(sources.c.name, sources.c.id).where(sources.c.name.is_not(None))
        with self._engine.connect() as connection:
            return {row.name: row.id for row in connection.execute(statement)}

    def last_started(self) -> dict[SourceId, datetime]:
        """When the last run of each source that was ever crawled began."""
        # By number: one that began while the clock was ahead has the latest time for as long as the clock was wrong.
        newest = select(func.max(runs.c.id)).group_by(runs.c.source)
        statement = select(runs.c.source, runs.c.started_at).where(runs.c.id.in_(newest))
        with self._engine.connect() as connection:
            return {
                SourceId(source): parse_instant(moment) for source, moment in connection.execute(statement)
            }

    def broken_off(self) -> dict[SourceId, int]:
        """How many runs of a source in a row, the last one included, came to no end: told to end, killed, or still under way."""
        endless = (RunState.INTERRUPTED.value, RunState.RUNNING.value)
        ended = select(runs.c.source, func.max(runs.c.id).label("last"))
        ended_last = ended.where(runs.c.state.not_in(endless)).group_by(runs.c.source).subquery()
        joined = runs.outerjoin(ended_last, runs.c.source == ended_last.c.source)
        counted = select(runs.c.source, func.count()).select_from(joined)
        statement = counted.where(runs.c.id > func.coalesce(ended_last.c.last, 0)).group_by(runs.c.source)
        with self._engine.connect() as connection:
            return {SourceId(source): number for source, number in connection.execute(statement)}

    def ask(self, source: SourceId) -> None:
        """The next worker that has a place free crawls it; asking twice is asking once."""
        now = instant(datetime.now(UTC))
        with self._engine.begin() as connection:
            connection.execute(update(sources).where(sources.c.id == source).values(asked_at=now))

    def asked(self) -> dict[SourceId, datetime]:
        """The sources that somebody asked to be crawled and that no run has begun since, with the time of asking."""
        statement = select(sources.c.id, sources.c.asked_at).where(sources.c.asked_at.is_not(None))
        with self._engine.connect() as connection:
            return {SourceId(source): parse_instant(at) for source, at in connection.execute(statement)}

    def give_up_asked(self, source: SourceId, asked: datetime) -> None:
        """What was asked at this moment could not be begun, and is not tried again; what was asked since is."""
        chosen = (sources.c.id == source) & (sources.c.asked_at == instant(asked))
        with self._engine.begin() as connection:
            connection.execute(update(sources).where(chosen).values(asked_at=None))

    def put(self, rows: Sequence[SourceRow]) -> None:
        """All of these rows as they are given, in one transaction. Raises UserError if two sources want one name."""
        now = instant(datetime.now(UTC))
        try:
            with self._engine.begin() as connection:
                # Names may change hands: nobody has one of these while they are given.
                _unname(connection, [row.id for row in rows])
                before = _lending(connection, [row.id for row in rows])
                for row in rows:
                    upsert(connection, sources, [_values(row, now)], update=_CHANGED)
                    if before.get(row.id, NO_LENDING) != (row.definition.sensitive, row.definition.borrow):
                        joins.note_source(connection, row.id)
        except IntegrityError as error:  # another process was faster
            raise UserError("Another source has this name.", advice="See: modeldex sources list") from error

    def crawled(self, source: SourceId, uri: str) -> None:
        """There is a row for what is being crawled; one that was removed is a source again, with defaults."""
        with self._engine.begin() as connection:
            known = connection.execute(select(sources.c.state).where(sources.c.id == source)).scalar()
            if known is None:
                row = SourceRow(id=source, uri=uri, address=uri)
                upsert(connection, sources, [_values(row, instant(datetime.now(UTC)))], update=("uri",))
            elif known == SourceState.REMOVED:
                connection.execute(_restated(source, SourceState.ACTIVE))

    def endpoint(self, source: SourceId) -> str | None:
        """Where the storage of the source answered when it was last crawled; None if that is not known."""
        with self._engine.connect() as connection:
            return connection.execute(
                select(sources.c.endpoint).where(sources.c.id == source)
            ).scalar_one_or_none()

    def answers_at(self, source: SourceId, endpoint: str) -> None:
        """From now on the source is what this storage holds."""
        with self._engine.begin() as connection:
            connection.execute(update(sources).where(sources.c.id == source).values(endpoint=endpoint))

    def forgotten(self, source: SourceId) -> SourceState | None:
        """The worker must not bring back what was forgotten. A row that somebody defined is kept, but disabled."""
        row = next((known for known in self.all() if known.id == source), None)
        if row is None:
            return None
        state = SourceState.REMOVED if row.is_default else SourceState.DISABLED
        with self._engine.begin() as connection:
            connection.execute(_restated(source, state))
        return state

    def remove(self, row: SourceRow) -> None:
        """No source any more; its models stay."""
        self.put([replace(row, definition=SourceDefinition(), state=SourceState.REMOVED)])


_CHANGED = ("uri", "address", "name", "options", "state", "updated_at")


def _restated(source: SourceId, state: SourceState) -> Any:
    return update(sources).where(sources.c.id == source).values(state=state.value)


def _lending(connection: Connection, ids: Sequence[SourceId]) -> dict[SourceId, tuple[tuple[str, ...], bool]]:
    """What each of these sources keeps for itself, and whether it borrows."""
    rows = connection.execute(select(sources.c.id, sources.c.options).where(sources.c.id.in_(ids)))
    options = {SourceId(row.id): json.loads(row.options or "{}") for row in rows}
    return {
        source: (tuple(each.get("sensitive", ())), bool(each.get("borrow", True)))
        for source, each in options.items()
    }


def _unname(connection: Connection, ids: Sequence[SourceId]) -> None:
    for source in ids:
        connection.execute(update(sources).where(sources.c.id == source).values(name=None))


def _values(row: SourceRow, now: str) -> dict[str, Any]:
    options = row.definition.departures()
    options.pop("name", None)
    return {
        "id": row.id,
        "uri": row.uri,
        "address": row.address,
        "name": row.definition.name,
        "options": json.dumps(options, sort_keys=True),
        "state": row.state.value,
        "added_at": instant(row.added_at) if row.added_at else now,
        "updated_at": now,
        "recipe": "",
    }


def _row(row: RowMapping) -> SourceRow:
    options = json.loads(row["options"])
    lists = {key: tuple(options[key]) for key in LISTS if key in options}
    return SourceRow(
        id=SourceId(row["id"]),
        uri=row["uri"],
        address=row["address"] or row["uri"],
        definition=SourceDefinition(name=row["name"], **{**options, **lists}),
        state=SourceState(row["state"]),
        added_at=parse_instant(row["added_at"]),
        updated_at=parse_instant(row["updated_at"]) if row["updated_at"] else None,
    )
