"""Where the log of revisions stands, so that who follows it notices that the log is not the one that he followed.

A store that is restored from a backup has lost the end of its log, and one that is put in its place has another: its revisions
begin to count again below what an index already shows, which would take each of them for older than what it has.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine, select

from catalog.store.tables import revisions


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPosition:
    """The newest revision of a log at one moment: its number in the log, and the hash of its document."""

    serial: int
    sha256: str

    def __str__(self) -> str:
        return f"{self.serial} {self.sha256}"

    @classmethod
    def parse(cls, text: str) -> LogPosition | None:
        """None for what is no position."""
        serial, _, sha256 = text.strip().partition(" ")
        return cls(serial=int(serial), sha256=sha256) if serial.isascii() and serial.isdigit() else None


def newest_position(engine: Engine) -> LogPosition | None:
    """None while nothing was ever recorded."""
    columns = revisions.c.serial, revisions.c.sha256
    with engine.connect() as connection:
        row = connection.execute(select(*columns).order_by(revisions.c.serial.desc()).limit(1)).first()
    return None if row is None else LogPosition(serial=row.serial, sha256=row.sha256)


def is_in_log(engine: Engine, position: LogPosition) -> bool:
    """Whether the log once stood there."""
    chosen = select(revisions.c.sha256).where(revisions.c.serial == position.serial)
    with engine.connect() as connection:
        return bool(connection.execute(chosen).scalar_one_or_none() == position.sha256)
