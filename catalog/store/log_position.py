"""Where the log of revisions stands, so that who follows it notices that the log is not the one that he followed.

A store that is restored from a backup has lost the end of its log, and one that is put in its place has another: its revisions
begin to count again below what an index already shows, which would take each of them for older than what it has.
"""

from __future__ import annotations

import hashlib
from typing import Any

from sqlalchemy import Engine, select

from catalog.lazy_dataclasses import dataclass
from catalog.store.tables import revisions

_COLUMNS = (revisions.c.serial, revisions.c.model, revisions.c.number, revisions.c.made_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPosition:
    """The newest revision of a log at one moment: its number in the log, and a digest of which model's it is and of when.

    Not of what it says: that is taken apart where fields become sensitive.
    """

    serial: int
    digest: str


def newest_position(engine: Engine) -> LogPosition | None:
    """None while nothing was ever recorded."""
    with engine.connect() as connection:
        row = connection.execute(select(*_COLUMNS).order_by(revisions.c.serial.desc()).limit(1)).first()
    return None if row is None else _position(row)


def is_in_log(engine: Engine, position: LogPosition) -> bool:
    """Whether the log once stood there."""
    with engine.connect() as connection:
        row = connection.execute(select(*_COLUMNS).where(revisions.c.serial == position.serial)).first()
    return row is not None and _position(row) == position


def _position(row: Any) -> LogPosition:
    parts = f"{row.model}\0{row.number}\0{row.made_at}"
    return LogPosition(serial=row.serial, digest=hashlib.sha256(parts.encode()).hexdigest()[:32])
