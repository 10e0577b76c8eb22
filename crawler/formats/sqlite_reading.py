"""A foreign SQLite file, read from a copy: fixed questions, no writes, bounded rows, lengths and time.

Source: https://www.sqlite.org/security.html (untrusted database files).
"""

from __future__ import annotations

import sqlite3
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, Any

from catalog.errors import LimitExceeded, Malformed, ObjectUnreadable

MAGIC = b"SQLite format 3\0"
MAX_ROWS = 100_000
MAX_VALUE_BYTES = 1024 * 1024
MAX_SECONDS = 10.0
SECONDS = "seconds for a SQLite file"
OPERATIONS_BETWEEN_CHECKS = 10_000
_HEADER_BYTES = 100


class ForeignDatabase:
    """Answers SELECTs over named tables and columns; what is not there is absent, never an error."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._columns: dict[str, frozenset[str]] = {}
        self._left = MAX_SECONDS
        self._asked_at: float | None = None
        connection.set_progress_handler(self._is_late, OPERATIONS_BETWEEN_CHECKS)

    def has(self, table: str) -> bool:
        return bool(self.columns(table))

    def columns(self, table: str) -> frozenset[str]:
        """The column names of a real table (a view or a virtual one has none here)."""
        if table not in self._columns:
            # One without a first page of its own is virtual: what answers for it is a module, not the file's rows.
            kinds = self._ask("SELECT type, rootpage FROM sqlite_master WHERE name = ?", (table,))
            real = [kind == "table" and bool(page) for kind, page in kinds] == [True]
            rows = self._ask("SELECT name FROM pragma_table_info(?)", (table,)) if real else iter(())
            self._columns[table] = frozenset(str(row[0]) for row in rows)
        return self._columns[table]

    def is_indexed(self, table: str, column: str) -> bool:
        """Whether the rows of some values of the column are found without going through the table."""
        question = "SELECT 1 FROM pragma_index_list(?) AS l, pragma_index_info(l.name) AS i WHERE i.seqno = 0 AND i.name = ?"
        return any(self._ask(question, (table, column)))

    def rows(
        self,
        table: str,
        wanted: Sequence[str],
        *,
        most: int | None = None,
        of: tuple[str, Sequence[str]] | None = None,
        newest: str | None = None,
    ) -> Iterator[dict[str, Any]]:
        """The rows of a table as {column: value}, columns that this file's schema lacks left out. `of` is a column and
        the texts that it may hold, `newest` the column by which the greatest come first.

        Raises LimitExceeded after `most` rows, MAX_ROWS if that is not given.
        """
        most = MAX_ROWS if most is None else most
        present = [column for column in wanted if column in self.columns(table)]
        if not present or (of is not None and of[0] not in present):
            return
        chosen, values = "", []
        if of is not None:
            chosen, values = f" WHERE {of[0]} IN ({', '.join('?' * len(of[1]))})", [*of[1]]
        if newest in present:
            chosen += f" ORDER BY {newest} DESC"
        question = f"SELECT {', '.join(present)} FROM {table}{chosen} LIMIT {most + 1}"  # noqa: S608 - names are ours
        for number, row in enumerate(self._ask(question, values)):
            if number == most:
                raise LimitExceeded(f"rows of table {table}", limit=most)
            yield dict(zip(present, row, strict=True))

    def _is_late(self) -> int:
        """Whether SQLite has worked for too long, whatever was done between its answers."""
        asked_at = self._asked_at
        return int(asked_at is not None and time.thread_time() - asked_at > self._left)

    def _ask(self, question: str, values: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        outer, started = self._asked_at, time.thread_time()
        self._asked_at = started if outer is None else outer
        try:
            yield from self._connection.execute(question, values)
        except sqlite3.OperationalError as error:
            if "interrupted" in str(error):
                raise LimitExceeded(SECONDS, limit=MAX_SECONDS) from None
            raise Malformed(f"SQLite: {error}") from None
        except (sqlite3.Error, OverflowError, UnicodeDecodeError) as error:
            raise Malformed(f"SQLite: {error}") from None
        finally:
            self._asked_at = outer
            if outer is None:
                self._left -= time.thread_time() - started


@contextmanager
def opened(pieces: Iterable[bytes], *, key: str) -> Iterator[ForeignDatabase]:
    """The database of these bytes. Raises Malformed, LimitExceeded, and ObjectUnreadable where no disk has a place for them."""
    with closing(_connected(pieces, key)) as connection:
        try:
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_VALUE_BYTES)
            for pragma in ("query_only = ON", "trusted_schema = OFF", "cell_size_check = ON"):
                connection.execute(f"PRAGMA {pragma}")
        except (sqlite3.Error, OverflowError) as error:
            raise Malformed(f"SQLite: {error}") from None
        yield ForeignDatabase(connection)


def _connected(pieces: Iterable[bytes], key: str) -> sqlite3.Connection:
    """A connection to a copy on disk, whose name is gone: memory would be taken for every byte of the file."""
    try:
        with tempfile.NamedTemporaryFile(prefix="modeldex-") as copy:
            for piece in pieces:
                copy.write(piece)
            _leave_wal(copy)
            copy.flush()
            return sqlite3.connect(f"{Path(copy.name).as_uri()}?mode=ro&immutable=1", uri=True)
    except OSError as error:
        raise ObjectUnreadable(key, f"no place for a copy of it: {error.strerror}") from error
    except sqlite3.Error as error:
        raise Malformed(f"SQLite: {error}") from None


def _leave_wal(copy: IO[bytes]) -> None:
    """A file in WAL mode says so in two header bytes and then asks for its log, which is not read anyway.

    Source: https://www.sqlite.org/fileformat2.html, file format version numbers at offset 18.
    """
    copy.seek(0)
    header = copy.read(_HEADER_BYTES)
    if len(header) < _HEADER_BYTES or not header.startswith(MAGIC):
        raise Malformed("no SQLite header")
    copy.seek(18)
    copy.write(b"\x01\x01")
