"""The store's schema version: created, brought up to date, or refused when a newer Modeldex wrote it."""

from __future__ import annotations

import logging
import re
import sqlite3
import time
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    MetaData,
    String,
    Table,
    create_mock_engine,
    insert,
    inspect,
    text,
)
from sqlalchemy.exc import OperationalError
from sqlalchemy.schema import ExecutableDDLElement

from catalog.errors import StoreDamaged, StoreError, StoreTooNew
from catalog.search.engine import INDEX
from catalog.store.database import BUSY_TIMEOUT_MS
from catalog.store.faults import BACKUP
from catalog.store.sql_views import create_views
from catalog.store.tables import consumers, metadata, narrow_on_postgresql, records

VERSIONS = tuple(f"{number:04}" for number in range(1, 32))
"""Every schema version in order; the last is what this code reads and writes."""

VERSION_TABLE = "alembic_version"
"""Alembic's own."""

_newest = Table(VERSION_TABLE, MetaData(), Column("version_num", String(32), primary_key=True))

MIGRATION_LOCK = 7_265_340_911_208_113  # any constant number that is Modeldex's own
MIGRATION_SECONDS, MIGRATION_REST_SECONDS = 600.0, 0.05
"""The store of 100,000 models is written anew in a minute: whoever opens it meanwhile waits."""
MANY_MODELS = 10_000
"""Of more models it is said that the store is brought up to date: it takes seconds."""


COMPACTED = 31
"""SQLite's `user_version` of a store that has no free pages from before its tables were last written anew (0031), and so
none from before secrets were masked (0005)."""
COMPACTING_WAIT_MS = 500
"""How long the compaction waits for others."""
MASKED = ("extractions", "objects", "records", "revisions", "runs", "scopes", "deliveries")

log = logging.getLogger(__name__)


def prepare(engine: Engine) -> None:
    """The schema is the newest afterwards. Raises StoreTooNew, StoreError."""
    if engine.dialect.name == "postgresql":
        narrow_on_postgresql()
    with engine.connect() as connection:
        version = version_of(connection)
    if version != VERSIONS[-1]:
        _migrate(engine)
    if engine.dialect.name == "sqlite":
        _compact_sqlite(engine)
    elif version is not None and version < "0005":
        _compact_postgresql(engine)


def version_of(connection: Connection) -> str | None:
    """The version the store is at, None for an empty database. Raises StoreTooNew."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    rows = [str(row[0]) for row in connection.execute(text("SELECT version_num FROM alembic_version"))]
    if len(rows) > 1 or not all(re.fullmatch("[0-9]{4}", row) for row in rows):
        listed = " and ".join(map(repr, rows[:3]))
        raise StoreDamaged(f"the store {connection.engine.url}", f"its schema version is {listed}", BACKUP)
    for row in rows:
        if row not in VERSIONS:
            raise StoreTooNew(row)
    return rows[0] if rows else None


def _compact_sqlite(engine: Engine) -> None:
    """Free pages and the write-ahead log keep what rows held before: both are written anew, once.

    What hinders it (a full disk, somebody who reads or writes) keeps nobody from working, nor waiting for long: the next
    opening tries again.
    """
    connection = engine.raw_connection()
    cursor = connection.cursor()
    try:
        if cursor.execute("PRAGMA user_version").fetchone()[0] >= COMPACTED:
            return
        cursor.execute(f"PRAGMA busy_timeout={COMPACTING_WAIT_MS}")
        # First without anything new in it: else each opening adds the whole store to a log that somebody still reads.
        if _is_log_emptied(cursor):
            cursor.execute("VACUUM")
            if _is_log_emptied(cursor):
                cursor.execute(f"PRAGMA user_version={COMPACTED}")
    except sqlite3.OperationalError as error:
        log.warning("the store could not be compacted reason=%s", error)
    finally:
        cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
        cursor.close()
        connection.close()


def _is_log_emptied(cursor: Any) -> bool:
    """Whether all of the write-ahead log could be brought into the store: nobody else reads it or writes meanwhile."""
    busy: int = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    return not busy


def _compact_postgresql(engine: Engine) -> None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for table in MASKED:
            connection.execute(text(f"VACUUM FULL {table}"))


def _migrate(engine: Engine) -> None:
    patience = time.monotonic() + MIGRATION_SECONDS
    while True:
        try:
            _upgrade(engine)
        except OperationalError as error:
            # A transaction of a reader cannot wait for the one that migrates: it begins anew, and finds it done.
            if not _is_locked(error) or time.monotonic() > patience:
                raise StoreError(f"The store cannot be brought up to date: {error.orig}.") from error
            time.sleep(MIGRATION_REST_SECONDS)
        else:
            return


def _upgrade(engine: Engine) -> None:
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
        version = version_of(connection)  # somebody else may have been faster
        if version is None and not inspect(connection).has_table(VERSION_TABLE):
            _create(connection)
        elif version != VERSIONS[-1]:
            _announce(connection)
            _run_migrations(connection)


def _announce(connection: Connection) -> None:
    """Whoever opens a large store learns why that takes long."""
    if inspect(connection).has_table(records.name):
        models = connection.execute(text(f"SELECT count(*) FROM {records.name}")).scalar_one()  # noqa: S608 - our name
        if models >= MANY_MODELS:
            log.warning(
                "the store is written anew for this version; nothing is lost if that is ended models=%d",
                models,
            )


def _create(connection: Connection) -> None:
    """A new store begins with the newest schema: eleven migrations and Alembic's import take 0.45 s."""
    for statement in _definitions(connection.dialect.name):
        connection.exec_driver_sql(statement)
    connection.execute(insert(_newest).values(version_num=VERSIONS[-1]))
    connection.execute(insert(consumers).values(name=INDEX, position=0))
    create_views(connection)
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(f"PRAGMA user_version={COMPACTED}")  # it holds nothing from before


@cache
def _definitions(dialect: str) -> tuple[str, ...]:
    """What makes the tables and indexes on this database: put into words once, not for each store of a process."""
    statements: list[str] = []

    def note(definition: ExecutableDDLElement, *_: Any, **__: Any) -> None:
        statements.append(str(definition.compile(dialect=engine.dialect)))

    engine = create_mock_engine(f"{dialect}://", note)
    metadata.create_all(engine, checkfirst=False)
    _newest.create(engine, checkfirst=False)
    return tuple(statements)


def _run_migrations(connection: Connection) -> None:
    # Alembic costs 0.3 s to import, paid only when there is something to migrate.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _is_locked(error: OperationalError) -> bool:
    code: int = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF
    return code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
