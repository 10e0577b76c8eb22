"""The manifest: every object of a source as the last crawl knew it, and what its file said."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    func,
    select,
    text,
    update,
)

from catalog.records import Extraction, ObjectKey, ObjectMeta, SourceId
from catalog.sealing.faults import KeyMissing, SealBroken
from catalog.store import split
from catalog.store.codec import instant, is_whole
from catalog.store.database import WRITES_NOTHING, parts, upsert
from catalog.store.documents import LIVE, MISSING
from catalog.store.entries import Entry, PackedEntry, Reading, Standing, packed_entry
from catalog.store.leases import Lease
from catalog.store.manifest_rows import (
    Share,
    Shares,
    entry_of,
    extraction_of,
    meta_of,
    opened_body,
    row_of,
    shares_among,
)
from catalog.store.sealing import EXTRACTION, OUTLINE, Sealing, vault_behind
from catalog.store.shares import replace_shares
from catalog.store.sightings import Sightings
from catalog.store.spans import Span, files_in, keys_below
from catalog.store.tables import LIVE_AND_READ, extractions, objects, sources
from catalog.store.unread import Unread, unread_files

PAGE = 1000
HALF = 2**32


_STANDING = tuple(objects.c[name] for name in ("key", "outline", *Standing._fields))


class Manifest:
    """The objects of one source."""

    def __init__(self, engine: Engine, source: SourceId) -> None:
        self._engine = engine
        self._source = source

    def entries(self, keys: Sequence[ObjectKey]) -> dict[ObjectKey, Entry]:
        """What is known of these keys, missing ones included."""
        entries: dict[ObjectKey, Entry] = {}
        with self._engine.connect() as connection:
            for part in parts([os.fsencode(key) for key in keys]):
                chosen = (objects.c.source == self._source) & objects.c.key.in_(part)
                for row in connection.execute(select(objects).where(chosen)):
                    entry = self._entry(row)
                    entries[entry.object.key] = entry
        return entries

    def standings(self, keys: Sequence[ObjectKey]) -> dict[ObjectKey, Standing]:
        """Of those of these keys of which something is known, what tells whether they are as they were: a small part of an
        entry with its outline, for listings of which nearly all is. One whose outline is damaged is to be read again.
        """
        standings: dict[ObjectKey, Standing] = {}
        with self._engine.connect().execution_options(**{WRITES_NOTHING: True}) as connection:
            for part in parts([os.fsencode(key) for key in keys]):
                chosen = (objects.c.source == self._source) & objects.c.key.in_(part)
                rows = connection.execute(select(*_STANDING).where(chosen)).all()
                standings |= self._standings(Sealing(connection), rows)
        return standings

    def _standings(self, sealing: Sealing, rows: Iterable[Any]) -> dict[ObjectKey, Standing]:
        standings: dict[ObjectKey, Standing] = {}
        for key, outline, *values in rows:
            standing = Standing(*values)
            if outline is not None and not self._is_whole(sealing, key, outline):
                standing = standing._replace(reading=Reading.RETRY)
            standings[ObjectKey(os.fsdecode(key))] = standing
        return standings

    def live_below(self, directory: str) -> Iterator[dict[ObjectKey, Standing]]:
        """The live objects below a directory (empty: all), page by page in the order of their keys."""
        prefix = os.fsencode(f"{directory}/") if directory else b""
        chosen = (objects.c.source == self._source) & (objects.c.state == LIVE)
        if prefix:
            chosen &= objects.c.key < prefix[:-1] + b"0"  # which follows the stroke
        last = prefix
        while True:
            statement = select(*_STANDING).where(chosen & (objects.c.key > last))
            with self._engine.connect().execution_options(**{WRITES_NOTHING: True}) as connection:
                rows = connection.execute(statement.order_by(objects.c.key).limit(PAGE)).all()
                page = self._standings(Sealing(connection), rows)
            yield page
            if len(rows) < PAGE:
                return
            last = rows[-1].key

    def some_below(self, directory: str, limit: int) -> list[ObjectMeta]:
        """The first live objects below a directory (empty: all), in key order."""
        return self._first_below(directory, limit)

    def put(self, entries: Sequence[tuple[Entry, Extraction | None]], *, lease: Lease) -> None:
        """Writes entries with their extractions (None leaves the stored one) and notes that records are behind."""
        self.put_packed([packed_entry(entry, extraction) for entry, extraction in entries], lease=lease)

    def put_packed(self, entries: Sequence[PackedEntry], *, lease: Lease) -> None:
        """As `put`."""
        if not entries:
            return
        with self._engine.begin() as connection:
            lease.check(connection)
            sealing = Sealing(connection)
            rows = [self._row(packed, sealing) for packed in entries]
            changed = {row["key"]: (row["sha256"], row["file_identity"]) for row in rows}
            split.note_changed(connection, self._source, changed)
            upsert(connection, objects, rows)
            bodies = [
                {
                    "source": self._source,
                    "key": (key := os.fsencode(packed.entry.object.key)),
                    "body": sealing.packed(self._source, packed.body, EXTRACTION, self._source, key),
                }
                for packed in entries
                if packed.body is not None
            ]
            upsert(connection, extractions, bodies)
            for packed in entries:
                if packed.shares is not None:
                    key = os.fsencode(packed.entry.object.key)
                    replace_shares(connection, sealing, self._source, key, packed.shares)
            self._set_recipe(connection, "")

    def models_files(self) -> Iterator[Entry]:
        """Every live object that says something about a model, in key order."""
        last = b""
        while True:
            chosen = (objects.c.source == self._source) & (objects.c.key > last) & (objects.c.state == LIVE)
            statement = (
                select(objects)
                .where(chosen & objects.c.outline.is_not(None))
                .order_by(objects.c.key)
                .limit(PAGE)
            )
            with self._engine.connect() as connection:
                rows = list(connection.execute(statement))
            yield from map(self._entry, rows)
            if len(rows) < PAGE:
                return
            last = rows[-1].key

    def objects(self) -> Iterator[ObjectMeta]:
        """Every live object, in key order."""
        columns = [column for column in objects.c if column.name != "outline"]
        last = b""
        while True:
            chosen = (objects.c.source == self._source) & (objects.c.key > last) & (objects.c.state == LIVE)
            statement = select(*columns).where(chosen).order_by(objects.c.key).limit(PAGE)
            with self._engine.connect() as connection:
                rows = list(connection.execute(statement))
            yield from map(meta_of, rows)
            if len(rows) < PAGE:
                return
            last = rows[-1].key

    def models_files_in(self, spans: Sequence[Span], *, about: int = 0) -> list[Entry]:
        """Those of `models_files` that lie in one of these directories, in key order. `about` so many are expected: where
        little else lies between them, one statement reads them all.
        """
        with self._engine.connect() as connection:
            rows = files_in(connection, self._source, spans, about)
        return [self._entry(row) for row in rows]

    def unread_files_in(self, directory: str, *, limit: int) -> list[ObjectMeta]:
        """The live objects below a directory that say nothing about models, in key order."""
        return self._first_below(directory, limit, objects.c.outline.is_(None))

    def extractions(self, keys: Sequence[ObjectKey]) -> dict[ObjectKey, Extraction]:
        """The whole extractions of these keys. Raises StoreDamaged."""
        return {key: extraction_of(key, body) for key, body in self.bodies(keys).items()}

    def bodies(self, keys: Sequence[ObjectKey]) -> dict[ObjectKey, bytes]:
        """The same packed, for `extraction_of`. Raises KeyMissing."""
        bodies = {}
        with self._engine.connect() as connection:
            sealing = Sealing(connection)
            for part in parts([os.fsencode(key) for key in keys]):
                chosen = (extractions.c.source == self._source) & extractions.c.key.in_(part)
                for row in connection.execute(select(extractions.c.key, extractions.c.body).where(chosen)):
                    bodies[ObjectKey(os.fsdecode(row.key))] = opened_body(
                        sealing, self._source, row.key, row.body
                    )
        return bodies

    def shares(self, wanted: Iterable[Share]) -> Shares:
        """What files that tell of many models say of these of them. Raises KeyMissing, StoreDamaged."""
        with self._engine.connect() as connection:
            return shares_among(connection, self._source, wanted)

    def has_objects(self) -> bool:
        """Whether anything is there."""
        chosen = (objects.c.source == self._source) & (objects.c.state == LIVE)
        with self._engine.connect() as connection:
            return connection.execute(select(objects.c.key).where(chosen).limit(1)).first() is not None

    def has_other_names(self, metas: Iterable[ObjectMeta]) -> bool:
        """Whether any of these files is there under another key, too."""
        identities = {meta.file_identity for meta in metas if meta.file_identity is not None}
        own = {(self._source, os.fsencode(meta.key)) for meta in metas}
        # The source is no condition here: SQLite would then read all of it, and not what has these identities.
        chosen = objects.c.file_identity.in_(identities) & (objects.c.state == LIVE)
        with self._engine.connect() as connection:
            rows = connection.execute(select(objects.c.source, objects.c.key).where(chosen))
            return any(row.source == self._source and (row.source, row.key) not in own for row in rows)

    def has_readings_of(self, signatures: Collection[str]) -> bool:
        """Whether any file was read by what has one of these signatures."""
        if not signatures:
            return False
        chosen = (objects.c.source == self._source) & objects.c.signature.in_(signatures)
        statement = select(objects.c.key).where(chosen, text(LIVE_AND_READ)).limit(1)
        with self._engine.connect() as connection:
            return connection.execute(statement).first() is not None

    def some_keys(self, number: int, *, without: Collection[ObjectKey] = ()) -> list[ObjectKey]:
        """Up to so many live objects from each end of the source."""
        chosen = (objects.c.source == self._source) & (objects.c.state == LIVE)
        statement = select(objects.c.key).where(chosen).limit(number + len(without))
        with self._engine.connect() as connection:
            ends = [
                list(connection.execute(statement.order_by(order)).scalars())
                for order in (objects.c.key, objects.c.key.desc())
            ]
        keys = [[key for name in end if (key := ObjectKey(os.fsdecode(name))) not in without] for end in ends]
        return list(dict.fromkeys(key for end in keys for key in end[:number]))

    def size_bytes(self) -> int:
        """The bytes of all live objects: files with holes may be more together than a database can count in one number."""
        chosen = (objects.c.source == self._source) & (objects.c.state == LIVE)
        halves = (objects.c.size_bytes // HALF, objects.c.size_bytes % HALF)
        with self._engine.connect() as connection:
            statement = select(*(func.coalesce(func.sum(half), 0) for half in halves)).where(chosen)
            high, low = connection.execute(statement).one()
        return int(high) * HALF + int(low)

    def unread(self) -> Iterator[Unread]:
        """Live objects that could not be read, in key order."""
        return unread_files(self._engine, self._source, self.extractions)

    def needing_a_person(self, limit: int) -> list[Unread]:
        """The first of `unread` that something of a model may be in."""
        return list(islice((file for file in self.unread() if not file.is_of_no_model), limit))

    def mark_missing(self, keys: Iterable[ObjectKey], *, lease: Lease) -> None:
        """These were not listed by a listing that reached its end."""
        now = instant(datetime.now(UTC))
        with self._engine.begin() as connection:
            lease.check(connection)
            raw_keys = map(os.fsencode, keys)
            while page := list(islice(raw_keys, PAGE)):
                split.note_changed(connection, self._source, dict.fromkeys(page, (None, None)))
                chosen = (objects.c.source == self._source) & objects.c.key.in_(page)
                connection.execute(update(objects).where(chosen).values(state=MISSING, missing_since=now))
            self._set_recipe(connection, "")

    def cuts(self, every: int) -> list[ObjectKey]:
        """Every so-manieth key of the live objects, in key order."""
        chosen = (objects.c.source == self._source) & (objects.c.state == LIVE)
        numbered = (
            select(objects.c.key, func.row_number().over(order_by=objects.c.key).label("number"))
            .where(chosen)
            .subquery()
        )
        statement = select(numbered.c.key).where(numbered.c.number % every == 0).order_by(numbered.c.key)
        with self._engine.connect() as connection:
            return [ObjectKey(os.fsdecode(key)) for key in connection.execute(statement).scalars()]

    def recipe(self) -> str:
        """What the records of this source were made with; empty if they are behind the manifest."""
        with self._engine.connect() as connection:
            statement = select(sources.c.recipe).where(sources.c.id == self._source)
            return connection.execute(statement).scalar_one_or_none() or ""

    def settled(self, recipe: str, *, lease: Lease) -> None:
        """The records show all that the manifest holds."""
        with self._engine.begin() as connection:
            lease.check(connection)
            self._set_recipe(connection, recipe)
            split.settle(connection, self._source)

    def unsettle(self, *, lease: Lease) -> None:
        """Nothing is known of how far the records show what the manifest holds."""
        with self._engine.begin() as connection:
            lease.check(connection)
            self._set_recipe(connection, "")
            split.keep(connection, self._source, "")

    @property
    def split(self) -> split.Split:
        """What the source is split into neighbourhoods by."""
        return split.Split(self._engine, self._source)

    def sightings(self) -> Sightings:
        """Collects which keys a listing saw."""
        return Sightings(self._engine, self._source)

    def _first_below(self, directory: str, limit: int, *more: ColumnElement[bool]) -> list[ObjectMeta]:
        columns = [column for column in objects.c if column.name != "outline"]
        first, end = keys_below(directory)
        chosen = (objects.c.source == self._source) & (objects.c.key >= first) & (objects.c.key < end)
        statement = select(*columns).where(chosen, objects.c.state == LIVE, *more).order_by(objects.c.key)
        with self._engine.connect() as connection:
            return [meta_of(row) for row in connection.execute(statement.limit(limit))]

    def _row(self, packed: PackedEntry, sealing: Sealing) -> dict[str, Any]:
        row = row_of(packed)
        if packed.outline is not None:
            row["outline"] = sealing.packed(self._source, packed.outline, OUTLINE, self._source, row["key"])
        return row

    def _is_whole(self, sealing: Sealing, key: bytes, outline: bytes) -> bool:
        try:
            return is_whole(sealing.opened(outline, OUTLINE, self._source, key))
        except SealBroken:
            return False
        except KeyMissing:
            return not sealing.is_beyond(self._source)

    def _entry(self, row: Any) -> Entry:
        return entry_of(row, vault_behind(self._engine))

    def _set_recipe(self, connection: Connection, recipe: str) -> None:
        connection.execute(update(sources).where(sources.c.id == self._source).values(recipe=recipe))
