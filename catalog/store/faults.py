"""What a database that fails, or holds what nobody wrote, is in one sentence."""

from __future__ import annotations

import logging
import sqlite3
from pathlib import Path
from types import TracebackType

from rfc8785 import CanonicalizationError
from sqlalchemy.exc import DatabaseError, DataError, DBAPIError, OperationalError

from catalog.errors import ModeldexError, NotStorable, StoreDamaged, StoreError, StoreUnavailable

MAX_SHOWN = 80
HERE = str(Path(__file__).parent)
PACKAGES = str(Path(__file__).parents[2])
DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
BACKUP = "Restore it from a backup, or use another --home and crawl again."

log = logging.getLogger(__name__)


def store_fault(error: BaseException | None, name: str) -> StoreError | NotStorable | None:
    """The error as the store's own, where it is the store's: the database's, or one that stored values made; what was given to it and
    is no value for a database is wrong use. Else None.

    A value that cannot be what it is meant to be (JSON that does not end, a state that there is not) shows as whatever
    error it makes in this room; the log has the rest of it.
    """
    if error is None or isinstance(error, ModeldexError) or not isinstance(error, Exception):
        return None
    if isinstance(error, DataError):
        return NotStorable(sentence(error))
    if isinstance(error, DatabaseError):
        return unusable(error, f"The store {name} cannot be used: {sentence(error)}.{advice(error)}")
    if not _is_raised_here(error.__traceback__):
        return None
    if reason := _no_value(error):
        return NotStorable(reason)
    log.debug("a stored value cannot be read", exc_info=error)
    return StoreDamaged(f"the store {name}", f"{type(error).__name__}: {error}", BACKUP)


def _no_value(error: Exception) -> str:
    """Why the drivers and the hashes of this room refuse a value; empty for an error that stored values made, which have been one."""
    if isinstance(error, UnicodeEncodeError):
        return f"{error.object[:MAX_SHOWN]!r} is not text in UTF-8"
    if isinstance(error, OverflowError):
        return "a number in it is larger than 9,223,372,036,854,775,807"
    return "it is not text in UTF-8" if isinstance(error, CanonicalizationError) else ""


def unusable(error: DBAPIError, message: str) -> StoreError:
    """The driver's error as ours. SQLite's words name no place, those of a server do."""
    if isinstance(error.orig, sqlite3.Error):
        return StoreError(message, fault=sentence(error))
    return StoreUnavailable(message) if isinstance(error, OperationalError) else StoreError(message)


def sentence(error: DBAPIError) -> str:
    """The driver's own words in one line, for a sentence to go on or end behind them."""
    return " ".join(str(error.orig).split()).rstrip(".?")


def advice(error: DBAPIError) -> str:
    """The next thing to do for a database that is damaged; nothing for one that is busy or out of reach."""
    code: int = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF
    return f" {BACKUP}" if code in DAMAGED else ""


def _is_raised_here(trace: TracebackType | None) -> bool:
    """Whether the innermost of our own frames is the store's."""
    innermost = ""
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if file.startswith(PACKAGES) and "site-packages" not in file:
            innermost = file
        trace = trace.tb_next
    return innermost.startswith(HERE)
