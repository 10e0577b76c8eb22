"""The store's schema version: created, brought up to date, or refused when a newer Modeldex wrote it."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.exc import OperationalError

from catalog.errors import StoreError, StoreTooNew

VERSIONS = ("0001", "0002", "0003", "0004", "0005", "0006")
"""Every schema version in order; the last is what this code reads and writes."""

MIGRATION_LOCK = 7_265_340_911_208_113  # any constant number that is Modeldex's own


def prepare(engine: Engine) -> None:
    """The schema is the newest afterwards. Raises StoreTooNew, StoreError."""
    with engine.connect() as connection:
        found = version_of(connection)
    if found != VERSIONS[-1]:
        _migrate(engine)


def version_of(connection: Connection) -> str | None:
    """The version the store is at, None for an empty database. Raises StoreTooNew."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    if found is not None and found not in VERSIONS:
        raise StoreTooNew(found)
    return found


def _migrate(engine: Engine) -> None:
    # Alembic costs 0.3 s to import, paid only when there is something to migrate.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    try:
        with engine.begin() as connection:
            if engine.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
            if version_of(connection) != VERSIONS[-1]:  # somebody else may have been faster
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
    except OperationalError as error:
        raise StoreError(f"The store cannot be brought up to date: {error.orig}.") from error
