"""The manifest: every object of a source as the last crawl knew it, and what its file said."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import cache, partial
from itertools import islice
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Engine,
    Integer,
    LargeBinary,
    Select,
    bindparam,
    func,
    select,
    text,
    update,
)

from catalog.errors import Malformed, StoreDamaged
from catalog.layouts.names import TEXT_SUFFIXES
from catalog.lazy_dataclasses import dataclass
from catalog.records import Extraction, ObjectKey, ObjectMeta, Observation, Role, SourceId, display_key
from catalog.sealing.faults import KeyMissing, SealBroken
from catalog.sealing.vault import Vault
from catalog.store import split
from catalog.store.codec import UNREADABLE, instant, is_whole, parse_instant, unpack
from catalog.store.database import WRITES_NOTHING, insert_ignoring, parts, upsert
from catalog.store.documents import LIVE, MISSING
from catalog.store.entries import Entry, PackedEntry, Reading, Standing, outlined, packed_entry
from catalog.store.leases import Lease
from catalog.store.sealing import EXTRACTION, OUTLINE, Sealing, vault_behind
from catalog.store.shares import replace_shares, shares_of
from catalog.store.tables import LIVE_AND_READ, UNREAD, extractions, objects, record_files, sources
from catalog.store.temporary import TemporaryTable

PAGE = 1000
Share = tuple[ObjectKey, str]
"""A file, and one of the many models of which it tells."""
Shares = dict[ObjectKey, dict[str, list[Observation]]]
"""What files say of subjects that have rows of their own."""
HALF = 2**32
ROWS_PER_STATEMENT = 20
"""So many rows that nobody asked for cost as much as a statement."""
LONGER_THAN_KEYS = b"\xff" * 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """The files that lie directly in a directory (empty: the root), or all below it."""

    directory: str
    deep: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """A file that could not be read and why. `stray` is what a file of no model said all the same: its role and problems."""

    key: ObjectKey
    reason: str
    reading: Reading
    stray: Extraction | None

    @property
    def is_of_no_model(self) -> bool:
        """Whether it is a text of some other program: nothing in the catalog would know more if it could be read."""
        return (
            self.reading is Reading.FAILED
            and self.stray is not None
            and self.stray.role in {Role.CONFIG, Role.CARD, Role.RUN, Role.AUXILIARY}
            and all(problem.code == Malformed.code for problem in self.stray.problems)
            and self.key.lower().endswith(TEXT_SUFFIXES)
        )


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
        ranges = [(span, *_keys_below(span.directory)) for span in spans]
        with self._engine.connect() as connection:
            rows = self._rows_between(connection, ranges, about) if len(ranges) > 1 else None
            if rows is None:
                by_key = {row.key: row for span in ranges for row in self._rows_in(connection, *span)}
                rows = [by_key[key] for key in sorted(by_key)]
        return [self._entry(row) for row in rows]

    def _rows_in(self, connection: Connection, span: Span, first: bytes, end: bytes) -> Iterable[Any]:
        bounds: dict[str, Any] = {"source": self._source, "first": first, "end": end}
        statement = _ALL_BELOW
        if not span.deep:
            statement, bounds["start"] = _DIRECTLY_IN[connection.dialect.name], len(first) + 1
        return connection.execute(statement, bounds)

    def _rows_between(
        self, connection: Connection, ranges: Sequence[tuple[Span, bytes, bytes]], about: int
    ) -> list[Any] | None:
        """Those of the rows from the first range to the last that lie in one, in key order; None where more lie there than
        the statements saved are worth.

        Several ranges in one condition are no way: SQLite then reads the whole source.
        """
        most = 2 * about + ROWS_PER_STATEMENT * len(ranges)
        bounds = {
            "source": self._source,
            "first": min(first for _, first, _ in ranges),
            "end": max(end for _, _, end in ranges),
            "most": most + 1,
        }
        rows = connection.execute(_FIRST_BELOW, bounds).all()
        if len(rows) > most:
            return None
        flat = {first for span, first, _ in ranges if not span.deep}
        deep = {first for span, first, _ in ranges if span.deep}
        is_within = cache(partial(_is_within, flat=flat, deep=deep))
        return [row for row in rows if is_within(row.key[: row.key.rfind(b"/") + 1])]

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
        bad = text(UNREAD)  # in the words of the index: SQLite does not see through parameters
        same = (record_files.c.source == objects.c.source) & (record_files.c.key == objects.c.key)
        bound = select(record_files.c.key).where(same).exists().label("bound")
        last = b""
        while True:
            chosen = (objects.c.source == self._source) & (objects.c.state == LIVE) & (objects.c.key > last)
            statement = (
                select(objects.c.key, objects.c.error, objects.c.reading, bound)
                .where(chosen & bad)
                .order_by(objects.c.key)
                .limit(PAGE)
            )
            with self._engine.connect() as connection:
                rows = list(connection.execute(statement))
            stray = self.extractions([ObjectKey(os.fsdecode(row.key)) for row in rows if not row.bound])
            for row in rows:
                key = ObjectKey(os.fsdecode(row.key))
                reading = Reading(row.reading)
                yield Unread(key=key, reason=row.error or "", reading=reading, stray=stray.get(key))
            if len(rows) < PAGE:
                return
            last = rows[-1].key

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
        first, end = _keys_below(directory)
        chosen = (objects.c.source == self._source) & (objects.c.key >= first) & (objects.c.key < end)
        statement = select(*columns).where(chosen, objects.c.state == LIVE, *more).order_by(objects.c.key)
        with self._engine.connect() as connection:
            return [meta_of(row) for row in connection.execute(statement.limit(limit))]

    def _row(self, packed: PackedEntry, sealing: Sealing) -> dict[str, Any]:
        row = _row(packed)
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
        """Raises KeyMissing where the source has no key any more: such an entry is not a damaged one."""
        return _entry(row, vault_behind(self._engine))

    def _set_recipe(self, connection: Connection, recipe: str) -> None:
        connection.execute(update(sources).where(sources.c.id == self._source).values(recipe=recipe))


class Sightings(TemporaryTable):
    """The keys that one listing saw, in a temporary table: a listing may be larger than memory."""

    def __init__(self, engine: Engine, source: SourceId) -> None:
        super().__init__(engine, "seen", Column("key", LargeBinary, primary_key=True))
        self._source = source

    def add(self, keys: Iterable[ObjectKey]) -> None:
        rows = [{"key": os.fsencode(key)} for key in keys]
        if rows:
            with self._transaction() as connection:
                insert_ignoring(connection, self._table, rows)

    def count(self) -> int:
        return int(self._rows(select(func.count()).select_from(self._table))[0][0])

    def unseen(self) -> Iterator[ObjectKey]:
        """Live objects of the manifest that the listing did not show, in key order."""
        last = b""
        while True:
            seen = select(self._table.c.key).where(self._table.c.key == objects.c.key).exists()
            chosen = (
                (objects.c.source == self._source)
                & (objects.c.state == LIVE)
                & (objects.c.key > last)
                & ~seen
            )
            rows = self._rows(select(objects.c.key).where(chosen).order_by(objects.c.key).limit(PAGE))
            yield from (ObjectKey(os.fsdecode(row.key)) for row in rows)
            if len(rows) < PAGE:
                return
            last = rows[-1].key


def _files_in(*more: ColumnElement[bool]) -> Select[Any]:
    inside = (objects.c.key >= bindparam("first")) & (objects.c.key < bindparam("end"))
    chosen = (objects.c.source == bindparam("source")) & inside & (objects.c.state == LIVE)
    return select(objects).where(chosen, objects.c.outline.is_not(None), *more)


def _keys_below(directory: str) -> tuple[bytes, bytes]:
    """The keys below a directory (empty: all): from the first on, and before the end."""
    first = os.fsencode(f"{directory}/") if directory else b""
    return first, first[:-1] + b"0" if first else LONGER_THAN_KEYS


def _is_within(directory: bytes, *, flat: Collection[bytes], deep: Collection[bytes]) -> bool:
    """Whether the directory, with its stroke, is one of the flat ones, or lies in a deep one or is one."""
    if directory in flat:
        return True
    while directory:
        if directory in deep:
            return True
        directory = directory[: directory.rfind(b"/", 0, -1) + 1]
    return b"" in deep


_REST = func.substr(objects.c.key, bindparam("start", type_=Integer))
_ALL_BELOW = _files_in()
_FIRST_BELOW = _ALL_BELOW.order_by(objects.c.key).limit(bindparam("most", type_=Integer))
_DIRECTLY_IN = {
    "sqlite": _files_in(func.instr(_REST, b"/") == 0),
    "postgresql": _files_in(func.pg_catalog.position(_REST, b"/") == 0),
}


def _row(packed: PackedEntry) -> dict[str, Any]:
    entry = packed.entry
    meta = entry.object
    return {
        "source": meta.source,
        "key": os.fsencode(meta.key),
        "size_bytes": meta.size_bytes,
        "change_token": meta.change_token,
        "last_modified": instant(meta.last_modified) if meta.last_modified else None,
        "version_id": meta.version_id,
        "storage_class": meta.storage_class,
        "file_identity": meta.file_identity,
        "sha256": meta.sha256,
        "owner": meta.owner,
        "state": entry.state,
        "missing_since": None,
        "reading": entry.reading.value,
        "signature": entry.signature,
        "attempts": entry.attempts,
        "error": None
        if entry.error is None
        else entry.error.encode("utf-8", "backslashreplace").decode()[:2000],
        "outline": packed.outline,
    }


def opened_body(sealing: Sealing, source: str, key: bytes, body: bytes) -> bytes:
    """A body of the table as it was packed; one that is not what was sealed there as it is, for `extraction_of` to refuse.

    Raises KeyMissing where the source has no key any more.
    """
    try:
        return sealing.opened(body, EXTRACTION, source, key)
    except SealBroken:
        return body
    except KeyMissing:
        sealing.is_beyond(source)
        return body


def shares_among(connection: Connection, source: SourceId, wanted: Iterable[Share]) -> Shares:
    """As `Manifest.shares`, as a transaction sees it."""
    sealing = Sealing(connection)
    shares: Shares = defaultdict(lambda: defaultdict(list))
    asked = ((os.fsencode(key), subject) for key, subject in wanted)
    for name, subject, row, body in shares_of(connection, source, asked):
        key = ObjectKey(os.fsdecode(name))
        shares[key][subject] += extraction_of(key, opened_body(sealing, source, row, body)).observations
    return shares


def extraction_of(key: ObjectKey, body: bytes) -> Extraction:
    """What the file said, of a body of the manifest. Raises StoreDamaged."""
    try:
        return unpack(Extraction, body)
    except UNREADABLE as error:
        what = f"what the file {display_key(key)} said"
        reason = f"{type(error).__name__}: {error}"
        raise StoreDamaged(what, reason, "Read it again with: modeldex crawl PATH --reread") from error


def outline_of(row: Any, vault: Vault) -> Extraction | None:
    """What the manifest has of a file for grouping, of a row with its columns `source`, `key`, `outline` and `reading`; nothing
    of a damaged one.
    """
    return _outline(row, vault)[1]


def _outline(row: Any, vault: Vault) -> tuple[Reading, Extraction | None]:
    """How the object was read and what it said; one whose entry is damaged is to be read again."""
    try:
        if row.outline is None:
            return Reading(row.reading), None
        outline = vault.open_at(row.outline, OUTLINE, row.source, row.key)
        return Reading(row.reading), unpack(Extraction, outline)
    except UNREADABLE:
        return Reading.RETRY, None
    except KeyMissing:
        vault.sealing_key(row.source)
        return Reading.RETRY, None


def meta_of(row: Any) -> ObjectMeta:
    """The object of a row of `objects`."""
    return ObjectMeta(
        source=SourceId(row.source),
        key=ObjectKey(os.fsdecode(row.key)),
        size_bytes=row.size_bytes,
        change_token=row.change_token,
        last_modified=parse_instant(row.last_modified) if row.last_modified else None,
        version_id=row.version_id,
        storage_class=row.storage_class,
        file_identity=row.file_identity,
        sha256=row.sha256,
        owner=row.owner,
    )


def _entry(row: Any, vault: Vault) -> Entry:
    reading, outline = _outline(row, vault)
    return Entry(
        object=meta_of(row),
        reading=reading,
        signature=row.signature,
        state=row.state,
        attempts=row.attempts,
        error=row.error,
        outline=outline,
    )


__all__ = [
    "Entry",
    "Manifest",
    "PackedEntry",
    "Reading",
    "Share",
    "Shares",
    "Sightings",
    "Span",
    "Standing",
    "outlined",
    "packed_entry",
    "shares_among",
]
