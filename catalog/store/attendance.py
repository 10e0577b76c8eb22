"""Which models of a source a run found, beside the records of those that it did not find."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Engine,
    Index,
    Integer,
    LargeBinary,
    Text,
    select,
    true,
    update,
)

from catalog.lazy_dataclasses import dataclass
from catalog.records import ModelId, ObjectKey, SourceId
from catalog.store.codec import parse_instant
from catalog.store.database import insert_rows, parts
from catalog.store.digests import Digest
from catalog.store.documents import LIVE, MISSING
from catalog.store.tables import records
from catalog.store.temporary import TemporaryTable

PAGE = 1000

SHELVED = (
    records.c.id,
    records.c.state,
    records.c.signature,
    records.c.fingerprint,
    records.c.identity,
    records.c.group_key,
    records.c.missing_since,
    records.c.missing_run,
    records.c.moved_to,
    records.c.last_seen,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelved:
    """What a crawl must know of a record that is already there."""

    id: ModelId
    state: str
    signature: str
    fingerprint: str | None
    identity: str | None
    path: str
    missing_since: datetime | None
    missing_run: int | None
    moved_to: str | None
    unseen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Attendee:
    """A model that is there. One that was not there before has the prints that may show where it came from, and the
    keys of the files of its weights; `given_away` if a record was found that may be it.
    """

    id: ModelId
    path: str
    identity: str | None = None
    contents: str | None = None
    weights: tuple[ObjectKey, ...] = ()
    given_away: bool = False


class Attendance(TemporaryTable):
    """The models that a run found, in a temporary table: a source may hold more than memory."""

    def __init__(self, engine: Engine, source: SourceId) -> None:
        super().__init__(
            engine,
            "present",
            Column("id", Digest, primary_key=True),
            Column("path", LargeBinary, nullable=False),
            Column("identity", Text),
            Column("contents", Text),
            Column("weights", LargeBinary, nullable=False),
            Column("given_away", Integer, nullable=False),
        )
        self._source = source
        self._is_indexed = False

    def add(self, models: Iterable[Attendee]) -> None:
        rows = [
            {
                "id": model.id,
                "path": os.fsencode(model.path),
                "identity": model.identity,
                "contents": model.contents,
                "weights": b"\0".join(map(os.fsencode, model.weights)),
                "given_away": int(model.given_away),
            }
            for model in models
        ]
        with self._transaction() as connection:
            insert_rows(connection, self._table, rows)

    def vanished(self) -> Iterator[Shelved]:
        """The live and the missing records of the source whose models are not there, in id order."""
        return self._absentees(records.c.state.in_((LIVE, MISSING)))

    def vanished_of(self, models: Collection[ModelId]) -> Iterator[Shelved]:
        """The same where only these models may have gone: missing ones of the whole source, and the live ones of these."""
        yield from self._absentees(records.c.state == MISSING)
        for part in parts(sorted(models)):
            yield from self._absentees((records.c.state == LIVE) & records.c.id.in_(part))

    def _absentees(self, standing: ColumnElement[bool]) -> Iterator[Shelved]:
        there = select(self._table.c.id).where(self._table.c.id == records.c.id).exists()
        chosen = (records.c.source == self._source) & standing & ~there
        last = ""
        while True:
            statement = select(*SHELVED).where(chosen & (records.c.id > last)).order_by(records.c.id)
            rows = self._rows(statement.limit(PAGE))
            yield from map(shelved_row, rows)
            if len(rows) < PAGE:
                return
            last = rows[-1].id

    def sharing(self, identities: Collection[str], contents: Collection[str]) -> Iterator[Attendee]:
        """The models that have one of these identities, and those that have one of these contents and were not given away;
        one that has both may come twice.
        """
        table = self._table
        if not self._is_indexed:
            self._index()
        for column, prints, chosen in (
            (table.c.identity, identities, true()),
            (table.c.contents, contents, table.c.given_away == 0),
        ):
            for part in parts(sorted(prints)):
                yield from map(_attendee, self._rows(select(table).where(column.in_(part), chosen)))

    def give_away(self, models: Sequence[ModelId]) -> None:
        """For each of these models a record was found that may be it."""
        table = self._table
        with self._transaction() as connection:
            for part in parts(models):
                connection.execute(update(table).where(table.c.id.in_(part)).values(given_away=1))

    def _index(self) -> None:
        """Most runs find all models where they were, and ask for none by its prints."""
        table = self._table
        with self._transaction() as connection:
            for column in (table.c.identity, table.c.contents):
                Index(f"{table.name}_{column.name}", column).create(connection)
        self._is_indexed = True


def _attendee(row: Any) -> Attendee:
    return Attendee(
        id=ModelId(row.id),
        path=os.fsdecode(row.path),
        identity=row.identity,
        contents=row.contents,
        weights=tuple(ObjectKey(os.fsdecode(key)) for key in row.weights.split(b"\0") if key),
        given_away=bool(row.given_away),
    )


def shelved_row(row: Any) -> Shelved:
    return Shelved(
        id=ModelId(row.id),
        state=row.state,
        signature=row.signature,
        fingerprint=row.fingerprint,
        identity=row.identity,
        path=os.fsdecode(row.group_key),
        missing_since=parse_instant(row.missing_since) if row.missing_since else None,
        missing_run=row.missing_run,
        moved_to=row.moved_to,
        unseen=row.last_seen is not None,
    )


__all__ = ["SHELVED", "Attendance", "Attendee", "Shelved", "shelved_row"]
