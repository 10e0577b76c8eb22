"""Smaller: digests, and ids that are digests, are bytes in place of their hex digits.

SQLite gets each table anew, from the old one in its order: to change the rows in their places would leave half-empty pages.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from alembic import op

from catalog.errors import StoreDamaged
from catalog.store.digests import digest_text, raw_digest, raw_tie, tie_name
from catalog.store.faults import BACKUP
from catalog.store.sql_views import create_views, drop_views

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

DIGESTS = {
    "objects": ("sha256",),
    "records": (
        *("id", "sha256", "chain_sha256", "signature", "fingerprint", "tensors", "identity", "moved_to"),
        "sealed_sha256",
    ),
    "record_files": ("model", "sha256"),
    "model_ties": ("model",),
    "joins": ("borrower", "lender"),
    "joins_due": ("model",),
    "copies_due": ("print", "model"),
    "revisions": ("model", "sha256", "parent_sha256", "redacted_sha256", "chain_sha256", "sealed_sha256"),
    "sealed_terms": ("model",),
    "edits": ("model",),
    "deliveries": ("model",),
    "webhook_states": ("model",),
    "retention_models": ("model",),
    "retention_objects": ("model",),
}
TIES = ("model_ties", "split_ties")
OF_ANY_LENGTH = frozenset(
    {("records", "fingerprint"), ("records", "tensors"), ("records", "identity"), ("copies_due", "print")}
)
DEFAULTS = frozenset({"chain_sha256", "sealed_sha256"})
"""Columns that had an empty text where nothing was given; they are always given."""
NOT_MADE, NOT_MADE_TEXT = "length(signature) = 0", "signature = ''"

# As `raw_digest` and `raw_tie` have it, and back. The bytes 7368613235363a are `sha256:`.
POSTGRESQL = r"""
CREATE FUNCTION pg_temp.raw_digest(value text) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$ SELECT CASE
    WHEN value = '' THEN '\x'::bytea
    WHEN value ~ '^[0-9a-f]{64}$' THEN decode(value, 'hex')
    WHEN value ~ '^(tensors|moved|objects|files):[0-9a-f]{64}$' THEN
        set_byte('\x00'::bytea, 0, array_position(ARRAY['tensors', 'moved', 'objects', 'files'], split_part(value, ':', 1)))
        || decode(right(value, 64), 'hex')
    WHEN octet_length(convert_to(value, 'UTF8')) = 31 THEN '\x0000'::bytea || convert_to(value, 'UTF8')
    ELSE '\x00'::bytea || convert_to(value, 'UTF8') END $$;
CREATE FUNCTION pg_temp.digest_text(value bytea) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT CASE
    WHEN length(value) = 0 THEN ''
    WHEN length(value) = 32 THEN encode(value, 'hex')
    WHEN length(value) = 33 AND get_byte(value, 0) BETWEEN 1 AND 4 THEN
        (ARRAY['tensors:', 'moved:', 'objects:', 'files:'])[get_byte(value, 0)] || encode(substring(value FROM 2), 'hex')
    ELSE convert_from(substring(value FROM CASE WHEN length(value) = 33 AND get_byte(value, 1) = 0 THEN 3 ELSE 2 END), 'UTF8')
    END $$;
CREATE FUNCTION pg_temp.raw_tie(value bytea) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$ SELECT CASE
    WHEN length(value) = 71 AND encode(value, 'escape') ~ '^sha256:[0-9a-f]{64}$' THEN
        '\x7368613235363aff'::bytea || decode(encode(substring(value FROM 8), 'escape'), 'hex')
    WHEN substring(value FROM 1 FOR 8) IN ('\x7368613235363aff'::bytea, '\x7368613235363afe'::bytea) THEN
        '\x7368613235363afe'::bytea || substring(value FROM 8)
    ELSE value END $$;
CREATE FUNCTION pg_temp.tie_name(value bytea) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$ SELECT CASE
    WHEN substring(value FROM 1 FOR 8) = '\x7368613235363aff'::bytea THEN
        'sha256:'::bytea || convert_to(encode(substring(value FROM 9), 'hex'), 'UTF8')
    WHEN substring(value FROM 1 FOR 8) = '\x7368613235363afe'::bytea THEN 'sha256:'::bytea || substring(value FROM 9)
    ELSE value END $$
"""


def upgrade() -> None:
    _rewrite(to_bytes=True)


def downgrade() -> None:
    _rewrite(to_bytes=False)


def _rewrite(*, to_bytes: bool) -> None:
    connection = op.get_bind()
    drop_views(connection)
    op.drop_index("records_not_made", table_name="records")
    is_sqlite = connection.dialect.name == "sqlite"
    if not to_bytes:
        op.drop_index("records_by_shown_id", table_name="records")
    (_rewrite_sqlite if is_sqlite else _rewrite_postgresql)(connection, to_bytes=to_bytes)
    where = sa.text(NOT_MADE if to_bytes else NOT_MADE_TEXT)
    op.create_index("records_not_made", "records", ["source"], sqlite_where=where, postgresql_where=where)
    if to_bytes:
        shown = "lower(hex(id))" if is_sqlite else "encode(id, 'hex')"
        op.create_index("records_by_shown_id", "records", [sa.text(shown)])
    create_views(connection, of_bytes=to_bytes, text_column="document")


def _tables() -> tuple[str, ...]:
    return (*DIGESTS, *(name for name in TIES if name not in DIGESTS))


def _changes(table: str, *, to_bytes: bool) -> dict[str, str]:
    """The function for each column that changes."""
    digest, tie = ("raw_digest", "raw_tie") if to_bytes else ("digest_text", "tie_name")
    changes = dict.fromkeys(DIGESTS.get(table, ()), digest)
    return changes | ({"tie": tie} if table in TIES else {})


def _text_type(table: str, column: str) -> str:
    return "TEXT" if (table, column) in OF_ANY_LENGTH else "VARCHAR(64)"


def _rewrite_sqlite(connection: sa.Connection, *, to_bytes: bool) -> None:
    driver: Any = connection.connection.driver_connection
    functions: tuple[Callable[[Any], Any], ...] = raw_digest, digest_text, raw_tie, tie_name
    for function in functions:
        driver.create_function(function.__name__, 1, function, deterministic=True)
    # Else SQLite renames no table while somebody's own view asks one of ours, which is not there meanwhile.
    connection.exec_driver_sql("PRAGMA legacy_alter_table = ON")
    for table in _tables():
        _rewrite_table(connection, table, to_bytes=to_bytes)
    connection.exec_driver_sql("PRAGMA legacy_alter_table = OFF")


def _rewrite_table(connection: sa.Connection, table: str, *, to_bytes: bool) -> None:
    """The table is as it was, its indexes included, but of other types in some columns."""
    schema = "SELECT sql FROM sqlite_master WHERE tbl_name = ? AND type = ? AND sql IS NOT NULL"
    definition = str(connection.exec_driver_sql(schema, (table, "table")).scalar_one())
    indexes = connection.exec_driver_sql(schema, (table, "index")).scalars().all()
    keys = [row.name for row in _columns(connection, table) if row.pk]
    changes = _changes(table, to_bytes=to_bytes)
    for column in changes.keys() - {"tie"}:
        text = _text_type(table, column) + (" DEFAULT ''" if column in DEFAULTS else "")
        old, new = (text, "BLOB") if to_bytes else ("BLOB", text)
        definition = _replaced(rf'([\s("]{column}"?)\s+{re.escape(old)}', rf"\1 {new}", definition)
    definition = _replaced(rf'^CREATE TABLE "?{table}"?', f"CREATE TABLE {table}_anew", definition)
    connection.exec_driver_sql(definition)
    names = [row.name for row in _columns(connection, table)]
    values = [f'{changes[name]}("{name}")' if name in changes else f'"{name}"' for name in names]
    listed = ", ".join(f'"{name}"' for name in names)
    ordered = ", ".join(f'"{key}"' for key in keys) if "WITHOUT ROWID" in definition else "rowid"
    connection.exec_driver_sql(
        f"INSERT INTO {table}_anew ({listed}) SELECT {', '.join(values)} FROM {table} ORDER BY {ordered}"  # noqa: S608 - names of this module
    )
    op.drop_table(table)
    op.rename_table(f"{table}_anew", table)
    for index in indexes:
        connection.exec_driver_sql(index)


def _replaced(pattern: str, new: str, definition: str) -> str:
    """Raises StoreDamaged."""
    changed, times = re.subn(pattern, new, definition)
    if times != 1:
        raise StoreDamaged("the store", f"a table is not as Modeldex made it: {definition[:200]}", BACKUP)
    return changed


def _columns(connection: sa.Connection, table: str) -> list[Any]:
    return list(connection.exec_driver_sql(f"PRAGMA table_info({table})"))


def _rewrite_postgresql(connection: sa.Connection, *, to_bytes: bool) -> None:
    connection.exec_driver_sql(POSTGRESQL)
    for table in _tables():
        changes = _changes(table, to_bytes=to_bytes)
        actions: list[str] = []
        for column, function in changes.items():
            kind = "bytea" if to_bytes or column == "tie" else _text_type(table, column)
            if column in DEFAULTS and to_bytes:
                actions.append(f'ALTER COLUMN "{column}" DROP DEFAULT')
            actions.append(f'ALTER COLUMN "{column}" TYPE {kind} USING pg_temp.{function}("{column}")')
            if column in DEFAULTS and not to_bytes:
                actions.append(f"ALTER COLUMN \"{column}\" SET DEFAULT ''")
        connection.exec_driver_sql(f"ALTER TABLE {table} {', '.join(actions)}")
    for function in ("raw_digest(text)", "digest_text(bytea)", "raw_tie(bytea)", "tie_name(bytea)"):
        connection.exec_driver_sql(f"DROP FUNCTION pg_temp.{function}")
