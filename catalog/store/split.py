"""What a source is split into neighbourhoods by, as rows: of each directory what counts, and what ties it to others.

A crawl makes them on its way through all outlines; from then on an object that is written, or goes missing, is noted as
due in the transaction that says so, and only what is around it is looked at again.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, NamedTuple, Self

from sqlalchemy import Connection, Engine, Row, Select, delete, insert, or_, select, true, update

from catalog.records import ObjectKey, SourceId
from catalog.store.database import insert_ignoring, parts, upsert
from catalog.store.directories import IDENTITY, SHA256, Directory, Tie, target_of, ties_of_bytes
from catalog.store.documents import LIVE
from catalog.store.leases import Lease
from catalog.store.tables import objects, sources, split_directories, split_due, split_ties

ROWS_AT_ONCE = 2000
LONGEST_TIE_BYTES = 300
"""PostgreSQL indexes no value above 2,704 bytes. A longer tie is known by its hash."""
LONGEST_TARGET_BYTES = 2000
"""No storage has a directory of a longer name that PostgreSQL could hold as a key."""
LONGER_THAN_PATHS = b"\xff" * 8192

TieId = bytes
"""A tie as the store has it."""


def tie_id(tie: str) -> TieId:
    """The tie as the store has it."""
    name = tie.encode("utf-8", "surrogatepass")
    if len(name) <= LONGEST_TIE_BYTES:
        return name
    return name[:100] + hashlib.sha256(name).hexdigest().encode()


class TiedDirectory(NamedTuple):
    """A directory with a tie: `target` is the directory that it names, if it names any."""

    tie: TieId
    directory: str
    is_named: bool
    target: str | None


class Split:
    """The rows of one source."""

    def __init__(self, engine: Engine, source: SourceId) -> None:
        self._engine = engine
        self._source = source

    def is_made_with(self, recipe: str) -> bool:
        """Whether the rows are true of the manifest and of the records, but for what is due, and of this recipe."""
        with self._engine.connect() as connection:
            return bool(recipe) and split_of(connection, self._source) == recipe

    def directories(self, paths: Collection[str]) -> dict[str, Directory]:
        """Those of these directories in which, or below which, files are."""
        known: dict[str, Directory] = {}
        with self._engine.connect() as connection:
            for part in parts(sorted(map(os.fsencode, paths))):
                chosen = (split_directories.c.source == self._source) & split_directories.c.directory.in_(
                    part
                )
                for row in connection.execute(select(split_directories).where(chosen)):
                    directory = _directory(row)
                    known[directory.path] = directory
        return known

    def below(self, directory: str) -> list[Directory]:
        """The directory and all below it, in key order."""
        table = split_directories
        with self._engine.connect() as connection:
            rows = [
                row
                for chosen in _at_and_below(table.c.directory, directory)
                for row in connection.execute(
                    select(table).where(table.c.source == self._source, chosen).order_by(table.c.directory)
                )
            ]
        return [_directory(row) for row in rows]

    def ties_of(self, paths: Collection[str]) -> dict[str, set[tuple[TieId, bool]]]:
        """The ties of these directories, and whether each is named there."""
        ties: dict[str, set[tuple[TieId, bool]]] = defaultdict(set)
        for directory, tie, is_named in self.ties_in(paths, ()):
            ties[directory].add((tie, is_named))
        return ties

    def ties_in(self, exact: Collection[str], deep: Collection[str]) -> list[tuple[str, TieId, bool]]:
        """Directory, tie, and whether it is named there: of the `exact` directories, and of `deep` ones with all below."""
        table = split_ties
        statement = select(table.c.directory, table.c.tie, table.c.is_named)
        return [
            (os.fsdecode(row.directory), bytes(row.tie), bool(row.is_named))
            for row in self._in(statement, table.c.directory, exact, deep)
        ]

    def naming(self, exact: Collection[str], deep: Collection[str]) -> list[tuple[str, str]]:
        """Pairs of a directory among these and one in which a file names it or something in it."""
        table = split_ties
        statement = select(table.c.target, table.c.directory)
        return [
            (os.fsdecode(row.target), os.fsdecode(row.directory))
            for row in self._in(statement, table.c.target, exact, deep)
        ]

    def tied(self, ties: Collection[TieId]) -> list[TiedDirectory]:
        """The directories with these ties."""
        table = split_ties
        rows: list[TiedDirectory] = []
        with self._engine.connect() as connection:
            for part in parts(sorted(ties)):
                chosen = (table.c.source == self._source) & table.c.tie.in_(part)
                for row in connection.execute(select(table).where(chosen)):
                    target = None if row.target is None else os.fsdecode(row.target)
                    tie, directory = bytes(row.tie), os.fsdecode(row.directory)
                    rows.append(TiedDirectory(tie, directory, bool(row.is_named), target))
        return rows

    def names_bytes(self) -> bool:
        """Whether any file names objects by their bytes, wherever they are."""
        table = split_ties
        with self._engine.connect() as connection:
            for kind in (SHA256, IDENTITY):
                first = kind.encode()
                bounds = (table.c.tie >= first) & (table.c.tie < first[:-1] + b";")
                statement = select(table.c.tie).where(table.c.source == self._source, bounds).limit(1)
                if connection.execute(statement).first() is not None:
                    return True
        return False

    def holding(self, ties: Collection[TieId]) -> list[tuple[TieId, str]]:
        """Tie and directory of the live objects whose bytes these ties name."""
        pairs: list[tuple[TieId, str]] = []
        with self._engine.connect() as connection:
            for kind, column in ((SHA256, objects.c.sha256), (IDENTITY, objects.c.file_identity)):
                values = sorted(
                    tie.decode("utf-8", "surrogatepass").removeprefix(kind)
                    for tie in ties
                    if tie.startswith(kind.encode())
                )
                for part in parts(values):
                    # The source is no condition here: SQLite would then read all of it.
                    statement = select(objects.c.source, objects.c.key, column.label("value")).where(
                        column.in_(part), objects.c.state == LIVE
                    )
                    pairs += [
                        (tie_id(f"{kind}{row.value}"), os.fsdecode(row.key).rpartition("/")[0])
                        for row in connection.execute(statement)
                        if row.source == self._source
                    ]
        return pairs

    def bytes_below(self, directory: str) -> list[tuple[str, TieId]]:
        """Directory and tie of every hash and identity of the live objects below a directory."""
        first = os.fsencode(f"{directory}/") if directory else b""
        end = first[:-1] + b"0" if first else LONGER_THAN_PATHS
        return self._bytes((objects.c.key >= first) & (objects.c.key < end))

    def bytes_of(self, keys: Collection[ObjectKey]) -> list[tuple[str, TieId]]:
        """The same of these objects."""
        return [
            pair
            for part in parts(sorted(map(os.fsencode, keys)))
            for pair in self._bytes(objects.c.key.in_(part))
        ]

    def due(self) -> dict[ObjectKey, set[TieId]]:
        """What the records do not show yet: objects, or directories with a / at the end, and by which ties each was found
        before and is not any more.
        """
        due: dict[ObjectKey, set[TieId]] = defaultdict(set)
        with self._engine.connect() as connection:
            chosen = select(split_due.c.key, split_due.c.tie).where(split_due.c.source == self._source)
            for row in connection.execute(chosen):
                due[ObjectKey(os.fsdecode(row.key))] |= {bytes(row.tie)} if row.tie else set()
        return due

    def due_keys(self) -> Iterator[ObjectKey]:
        """The keys that are due, in order; there may be more than memory holds."""
        table = split_due
        after: Any = true()
        while True:
            statement = select(table.c.key).where(table.c.source == self._source, after)
            with self._engine.connect() as connection:
                keys = connection.execute(
                    statement.distinct().order_by(table.c.key).limit(ROWS_AT_ONCE)
                ).scalars()
                page = [bytes(key) for key in keys]
            yield from (ObjectKey(os.fsdecode(key)) for key in page)
            if len(page) < ROWS_AT_ONCE:
                return
            after = table.c.key > page[-1]

    def keep(self, recipe: str, *, lease: Lease) -> None:
        """The rows that a writer made with this are true of the manifest."""
        with self._engine.begin() as connection:
            lease.check(connection)
            keep(connection, self._source, recipe)

    def writer(self, *, lease: Lease) -> SplitWriter:
        """Makes all rows anew."""
        return SplitWriter(self._engine, self._source, lease)

    def replace(
        self,
        directories: Iterable[Directory],
        ties: Mapping[str, Iterable[Tie]],
        *,
        due: Collection[ObjectKey],
        lease: Lease,
    ) -> None:
        """These directories are as given, those without files are none any more, and these have just these ties; these
        keys are due, too. Raises LeaseLost.
        """
        rows = list(directories)
        empty = [os.fsencode(row.path) for row in rows if not row.all_files]
        with self._engine.begin() as connection:
            lease.check(connection)
            for part in parts(empty):
                table = split_directories
                chosen = (table.c.source == self._source) & table.c.directory.in_(part)
                connection.execute(delete(table).where(chosen))
            upsert(
                connection,
                split_directories,
                [_row_of(self._source, row) for row in rows if row.all_files],
            )
            for part in parts([os.fsencode(path) for path in ties]):
                chosen = (split_ties.c.source == self._source) & split_ties.c.directory.in_(part)
                connection.execute(delete(split_ties).where(chosen))
            for page in parts(_tie_rows(self._source, ties)):
                connection.execute(insert(split_ties), list(page))
            note(connection, self._source, {os.fsencode(key): set() for key in due})

    def _in(
        self, statement: Select[Any], column: Any, exact: Collection[str], deep: Collection[str]
    ) -> Iterator[Row[Any]]:
        """The rows of this source in which the column is one of these directories, or below a deep one."""
        mine = statement.where(column.table.c.source == self._source)
        with self._engine.connect() as connection:
            for part in parts(sorted({os.fsencode(path) for path in (*exact, *deep)})):
                yield from connection.execute(mine.where(column.in_(part))).all()
            for path in deep:
                *_, below = _at_and_below(column, path)
                yield from connection.execute(mine.where(below)).all()

    def _bytes(self, chosen: Any) -> list[tuple[str, TieId]]:
        named = or_(objects.c.sha256.is_not(None), objects.c.file_identity.is_not(None))
        columns = (objects.c.key, objects.c.sha256, objects.c.file_identity)
        statement = select(*columns).where(
            objects.c.source == self._source, chosen, objects.c.state == LIVE, named
        )
        with self._engine.connect() as connection:
            return [
                (os.fsdecode(row.key).rpartition("/")[0], tie_id(tie))
                for row in connection.execute(statement)
                for tie in ties_of_bytes(row.sha256, row.file_identity)
            ]


class SplitWriter:
    """Makes all rows of a source anew. Until `keep` they count for nothing."""

    def __init__(self, engine: Engine, source: SourceId, lease: Lease) -> None:
        self._engine = engine
        self._source = source
        self._lease = lease
        self._directories: list[Directory] = []

    def __enter__(self) -> Self:
        with self._engine.begin() as connection:
            self._lease.check(connection)
            keep(connection, self._source, "")
            for table in (split_directories, split_ties, split_due):
                connection.execute(delete(table).where(table.c.source == self._source))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._write()

    def directory(self, row: Directory) -> None:
        """One directory, with files in it or below."""
        self._directories.append(row)
        if len(self._directories) >= ROWS_AT_ONCE:
            self._write()

    def ties(self, ties: Mapping[str, Iterable[Tie]]) -> None:
        """The ties of these directories."""
        rows = _tie_rows(self._source, ties)
        for start in range(0, len(rows), ROWS_AT_ONCE):
            with self._engine.begin() as connection:
                self._lease.check(connection)
                connection.execute(insert(split_ties), rows[start : start + ROWS_AT_ONCE])

    def _write(self) -> None:
        rows = [_row_of(self._source, row) for row in self._directories]
        self._directories = []
        if rows:
            with self._engine.begin() as connection:
                self._lease.check(connection)
                connection.execute(insert(split_directories), rows)


def split_of(connection: Connection, source: SourceId) -> str:
    """What the rows of a source were made with; empty if they are not to be trusted."""
    statement = select(sources.c.split).where(sources.c.id == source)
    return connection.execute(statement).scalar_one_or_none() or ""


def note(connection: Connection, source: SourceId, due: Mapping[bytes, Collection[TieId]]) -> None:
    """These keys are due, and were found by these ties until now."""
    rows = [{"source": source, "key": key, "tie": tie} for key, ties in due.items() for tie in {b"", *ties}]
    for page in parts(rows):
        insert_ignoring(connection, split_due, page)


def note_changed(
    connection: Connection, source: SourceId, changed: Mapping[bytes, tuple[str | None, str | None]]
) -> None:
    """These objects are about to be written, with these hashes and identities (None: to go missing)."""
    if not split_of(connection, source):
        return
    due: dict[bytes, set[TieId]] = {key: set() for key in changed}
    columns = (objects.c.key, objects.c.sha256, objects.c.file_identity)
    for part in parts(sorted(changed)):
        chosen = (objects.c.source == source) & objects.c.key.in_(part) & (objects.c.state == LIVE)
        for row in connection.execute(select(*columns).where(chosen)):
            left = ties_of_bytes(row.sha256, row.file_identity) - ties_of_bytes(*changed[row.key])
            due[row.key] = set(map(tie_id, left))
    note(connection, source, due)


def keep(connection: Connection, source: SourceId, recipe: str) -> None:
    """The rows were made with this; empty if they are not to be trusted."""
    connection.execute(update(sources).where(sources.c.id == source).values(split=recipe))


def settle(connection: Connection, source: SourceId) -> None:
    """Nothing is due any more."""
    connection.execute(delete(split_due).where(split_due.c.source == source))


def _at_and_below(column: Any, directory: str) -> tuple[Any, Any]:
    """That the column is this directory, and that it is one below it."""
    at = os.fsencode(directory)
    if not at:
        return column == at, column > at
    return column == at, (column > at + b"/") & (column < at + b"0")


def _row_of(source: SourceId, directory: Directory) -> dict[str, Any]:
    facts = {
        "lends": directory.lends,
        "context": directory.has_context,
        "model": directory.has_model,
        "marks": sorted(directory.marks),
        "folders": sorted(directory.folders),
    }
    names = directory.names
    return {
        "source": source,
        "directory": os.fsencode(directory.path),
        "files": directory.files,
        "files_below": directory.files_below,
        "models_below": directory.models_below,
        "facts": json.dumps({name: value for name, value in facts.items() if value}, separators=(",", ":")),
        "names": None if names is None else b"/".join(map(os.fsencode, names)),
    }


def _directory(row: Any) -> Directory:
    facts = json.loads(row.facts)
    return Directory(
        path=os.fsdecode(row.directory),
        files=row.files,
        files_below=row.files_below,
        models_below=row.models_below,
        lends=facts.get("lends", False),
        has_context=facts.get("context", False),
        has_model=facts.get("model", False),
        marks=frozenset(facts.get("marks", ())),
        folders=frozenset(facts.get("folders", ())),
        names=None
        if row.names is None
        else tuple(os.fsdecode(name) for name in bytes(row.names).split(b"/") if name),
    )


def _tie_rows(source: SourceId, ties: Mapping[str, Iterable[Tie]]) -> Sequence[dict[str, Any]]:
    rows = {}
    for directory, own in ties.items():
        for tie in own:
            row = {
                "source": source,
                "directory": os.fsencode(directory),
                "tie": tie_id(tie.name),
                "is_named": int(tie.is_named),
                "target": _target(tie),
            }
            rows[directory, row["tie"], tie.is_named] = row
    return list(rows.values())


def _target(tie: Tie) -> bytes | None:
    directory = target_of(tie.name) if tie.is_named else None
    if directory is None:
        return None
    try:
        target = os.fsencode(directory)
    except UnicodeEncodeError:  # no directory is called so
        return None
    return target if len(target) <= LONGEST_TARGET_BYTES else None
