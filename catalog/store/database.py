"""The database behind the store: opened by URL, with transactions that behave alike on SQLite and PostgreSQL."""

from __future__ import annotations

import gc
import os
import sqlite3
import sys
import traceback
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from operator import itemgetter
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from sqlalchemy import Connection, Engine, Table, create_engine, event, text
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.pool import NullPool

from catalog.errors import StoreError, UserError
from catalog.records.record import CLOCKS_DIFFER
from catalog.settings.core import DatabaseSettings
from catalog.store.compiled import CAPACITY, SharedStatements
from catalog.store.digests import Digest, RawTie, raw_digest, raw_tie

BUSY_TIMEOUT_MS = 60_000
"""How long a transaction of one process waits for those of others: each takes well below a second, and several crawls
may take turns."""

WRITES_NOTHING = "modeldex_writes_nothing"
"""An option of connections that read, and write temporary tables alone: they take no lock that a writer waits for."""

PAGE_BYTES = 4_096
"""Of a new SQLite store. No row of a small model takes more than 1 kB. With 10,000 models a store has the same size in pages of 4
and of 16 kB, and a crawl writes a fifth less: what it adds to trees whose keys are hashes touches a page for each row. The
tables and indexes that have nothing yet, 75, take a page each."""

COMPILED = SharedStatements(CAPACITY)

COMMIT_LOCK = 7_265_340_911_208_114  # beside the lock of migrations
T = TypeVar("T")

DEAD_HOST = {
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
"""A PostgreSQL whose machine is gone is noticed after a minute, in place of two hours. Seconds, but the last: milliseconds.
Source: https://www.postgresql.org/docs/current/libpq-connect.html
"""

ROWS_PER_STATEMENT = 500
"""SQLite takes 32,766 variables in a statement; 500 rows of the widest table stay below."""


MEMORY: Collection[str | None] = (None, "", ":memory:")
"""What SQLite keeps in no file: it ends with the process."""


def has_come(moment: Any, now: float, *, within: float) -> Any:
    """Whether this moment has come, a number or a column of them, which nobody puts further ahead than `within` seconds. One that
    is was put there while the clock was wrong, and would be waited for until the wrong time has come.
    """
    return (moment <= now) | (moment > now + within + CLOCKS_DIFFER.total_seconds())


def check_url(url: str) -> None:
    """Raises UserError for what is no URL of a database that a store can be in, where a person has just written it."""
    try:
        parsed = make_url(url)
        name = parsed.get_backend_name()
    except (ArgumentError, NoSuchModuleError, ImportError):
        name = ""
    if name not in {"sqlite", "postgresql"} or (name == "sqlite" and parsed.database in MEMORY):
        raise UserError(
            "URL is that of no database.",
            advice="Write sqlite:////absolute/path or postgresql://user@host/database.",
        )
    if name == "sqlite" and not (folder := Path(parsed.database or "").parent).is_dir():
        raise UserError(
            f"There is no folder {folder}.", advice="Make it first, or look at how it is written."
        )


def open_database(url: str, *, write: bool, pool: DatabaseSettings | None = None) -> Engine:
    """An engine whose transactions begin at once; `pool` says how many connections to a server it holds.

    Raises StoreError if the URL or the folder is no good.
    """
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite":
            return _open_sqlite(url, parsed.database, write=write)
        if parsed.drivername == "postgresql":
            parsed = parsed.set(drivername="postgresql+psycopg")
        if parsed.get_backend_name() != "postgresql":
            raise StoreError("The setting database_url must begin with sqlite:/// or postgresql://.")
        pool = pool or DatabaseSettings()
        waits = {"connect_timeout": pool.connect_seconds, **DEAD_HOST}
        return create_engine(
            parsed,
            connect_args={name: wait for name, wait in waits.items() if name not in parsed.query},
            pool_pre_ping=True,
            pool_size=pool.pool_size,
            max_overflow=pool.pool_overflow,
            pool_timeout=pool.pool_wait_seconds,
            pool_recycle=pool.pool_recycle_seconds,
        )
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        raise StoreError(f"The setting database_url cannot be used: {error}.") from error


def _open_sqlite(url: str, path: str | None, *, write: bool) -> Engine:
    if path and not write and _is_read_only(Path(path)):
        return _open_read_only(Path(path))
    if path and path != ":memory:":
        try:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"{Path(path).parent} cannot be created: {error.strerror}. Use another --home."
            ) from error
    engine = create_engine(url, execution_options={"compiled_cache": COMPILED})
    event.listen(engine, "connect", _configure_sqlite)
    # The driver begins late and never before DDL; without this a migration could stay half done. A writer takes its
    # lock at the start, because SQLite cannot wait for one in the middle of a transaction (SQLITE_BUSY_SNAPSHOT).
    # Source: https://docs.sqlalchemy.org/en/20/dialects/sqlite.html, "Serializable isolation"

    def begin(connection: Connection) -> None:
        let_go()
        is_writer = write and not connection.get_execution_options().get(WRITES_NOTHING)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if is_writer else "BEGIN")

    event.listen(engine, "begin", begin)
    return engine


def let_go() -> None:
    """Ends what is under way in the frames that were left because somebody was told to end. Ctrl-C may come where not even a
    `with` closes its connection, as this is entered or left: the traceback keeps it, and the lock that whoever cleans up waits for.
    """
    interrupt = sys.exc_info()[1]
    if isinstance(interrupt, KeyboardInterrupt):
        traceback.clear_frames(interrupt.__traceback__)
        gc.collect()  # a connection and its transaction refer to each other


def _is_read_only(path: Path) -> bool:
    """Whether this user may look at the store and not write it: SQLite itself writes a lock file beside it to read."""
    return path.is_file() and not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK))


def _open_read_only(path: Path) -> Engine:
    """Looks anew at each transaction whether there is a write-ahead log: with one, reading takes its lock file;
    without one the file says all. Source: https://www.sqlite.org/wal.html, "Read-Only Databases".
    """

    def connect() -> sqlite3.Connection:
        alone = not path.with_name(f"{path.name}-wal").exists()
        address = f"file:{quote(str(path))}?mode=ro{'&immutable=1' if alone else ''}"
        return sqlite3.connect(address, uri=True, timeout=BUSY_TIMEOUT_MS / 1000, check_same_thread=False)

    options = {"compiled_cache": COMPILED}
    return create_engine(f"sqlite:///{path}", creator=connect, poolclass=NullPool, execution_options=options)


def _configure_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    cursor.execute(f"PRAGMA page_size={PAGE_BYTES}")  # says nothing to a store that is there
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


@contextmanager
def begin_commit(engine: Engine) -> Iterator[Connection]:
    """A transaction that changes records: one after another, whatever process and source they are of.

    Two crawls may find copies of one model at once, each in its own source, and a document of either tells of the other:
    neither would see what the other has not committed yet. Row locks do not help, because the copy is a new row.
    """
    with engine.begin() as connection:
        take_turn(connection)
        yield connection


def take_turn(connection: Connection) -> None:
    """Waits for every other transaction that has taken its turn. A write on SQLite has waited when it began."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": COMMIT_LOCK})


def parts(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """The items in pages that fit into one statement."""
    for start in range(0, len(items), ROWS_PER_STATEMENT):
        yield items[start : start + ROWS_PER_STATEMENT]


def upsert(
    connection: Connection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    *,
    update: Iterable[str] | None = None,
) -> None:
    """Insert the rows, or replace those whose primary key is there (only the columns of `update`, if given)."""
    if rows:
        _insert(connection, table, rows, update=tuple(rows[0] if update is None else update))


def insert_ignoring(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert the rows; one whose primary key is there already stays as it is."""
    if rows:
        _insert(connection, table, rows, update=())


def insert_rows(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert the rows, all of the same columns."""
    if rows:
        _insert(connection, table, rows, update=None)


def _insert(
    connection: Connection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    *,
    update: tuple[str, ...] | None,
) -> None:
    """SQLite gets the rows as they are: SQLAlchemy looks at each value of each row, which took more time than SQLite
    itself. Its driver knows the types of all columns but those of digests.
    """
    if connection.dialect.name == "sqlite":
        text_, values = _sqlite_insert(table, tuple(rows[0]), update)
        connection.exec_driver_sql(text_, list(map(values, rows)))
        return
    from sqlalchemy.dialects import postgresql  # noqa: PLC0415 - 20 ms that a store in SQLite need not pay

    statement = _statement(postgresql, table, update)
    for page in parts(rows):
        connection.execute(statement, list(page))


def _statement(dialect: Any, table: Table, update: tuple[str, ...] | None) -> Any:
    """An insertion; `update` are the columns to be replaced where the primary key is there: none (empty), or that is an
    error (None).
    """
    statement = dialect.insert(table)
    if update is None:
        return statement
    keys = [column.name for column in table.primary_key]
    changed = {name: statement.excluded[name] for name in update if name not in keys}
    if not changed:
        return statement.on_conflict_do_nothing()
    return statement.on_conflict_do_update(index_elements=keys, set_=changed)


@lru_cache(maxsize=64)
def _sqlite_insert(
    table: Table, columns: tuple[str, ...], update: tuple[str, ...] | None
) -> tuple[str, Callable[[Mapping[str, Any]], tuple[Any, ...]]]:
    """The statement in SQLite's words, and what takes its parameters out of a row."""
    packers: Mapping[type[Any], Callable[[Any], Any]] = {Digest: raw_digest, RawTie: raw_tie}
    compiled: Any = _statement(sqlite, table, update).compile(
        dialect=sqlite.dialect(), column_keys=list(columns)
    )
    names = compiled.positiontup
    values = itemgetter(*names, names[0])  # of one name it would give no tuple
    raw = [
        (at, packers[kind]) for at, name in enumerate(names) if (kind := type(table.c[name].type)) in packers
    ]

    def parameters(row: Mapping[str, Any]) -> tuple[Any, ...]:
        items = list(values(row)[:-1])
        for at, pack in raw:
            items[at] = pack(items[at])
        return tuple(items)

    return str(compiled), parameters if raw else lambda row: values(row)[:-1]


def is_read_only(error: DBAPIError) -> bool:
    """Whether the database failed because this user may not write there."""
    code: int = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF
    return code in {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN}
