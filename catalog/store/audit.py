"""The audit: lines that are only ever added, each with the hash of the one before, so that a changed one shows."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, insert, select, update

from catalog.records.accounts import AuditLine, Happening
from catalog.store.audit_keys import KEYS, is_asked_for, key_of, keys_of
from catalog.store.canonical import canonical, sanitised
from catalog.store.codec import instant
from catalog.store.database import begin_commit
from catalog.store.tables import audit

FIRST = "0" * 64
"""What stands for the hash of the line before the first one."""
_PAGE = 500


class Audit:
    """Who did what, when, from where, and what was there before and after."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, happening: Happening) -> AuditLine:
        """The line with its place in the chain, which waits for its turn: two that follow one line would be a fork."""
        with begin_commit(self._engine) as connection:
            return append(connection, happening)

    def lines(self, *, after: int = 0, limit: int | None = None) -> Iterator[AuditLine]:
        """Lines in the order of the chain, read page by page."""
        while limit is None or limit > 0:
            size = _PAGE if limit is None else min(limit, _PAGE)
            chosen = select(audit).where(audit.c.serial > after).order_by(audit.c.serial).limit(size)
            with self._engine.connect() as connection:
                rows = connection.execute(chosen).all()
            yield from map(_line, rows)
            if len(rows) < size:
                return
            after = rows[-1].serial
            limit = None if limit is None else limit - len(rows)

    def latest(
        self, limit: int, *, before: int | None = None, where: Mapping[str, str] | None = None
    ) -> list[AuditLine]:
        """The newest lines, newest first; those before a line of this number, if one is named. `where` says what `actor`,
        `action`, `resource` or `outcome` have to be; a model's id, or twelve digits of it, finds whatever is about it.
        """
        wanted, lines = dict(where or {}), list[AuditLine]()
        known = [audit.c[KEYS[name]] == key_of(name, value) for name, value in wanted.items()]
        while len(lines) < limit:
            chosen = select(audit).where(*known).order_by(audit.c.serial.desc()).limit(limit)
            if before is not None:
                chosen = chosen.where(audit.c.serial < before)
            with self._engine.connect() as connection:
                rows = connection.execute(chosen).all()
            lines += (line for line in map(_line, rows) if _is(line.happening, wanted))
            if len(rows) < limit:
                break
            before = rows[-1].serial
        return lines[:limit]

    def faults(self, *, head: str | None = None) -> Iterator[str]:
        """A sentence for every place at which the chain does not hold, none if it holds.

        That lines are missing at the end only shows against `head`, the hash of a line that was noted elsewhere.
        """
        parent, count, is_head_there = FIRST, 0, head is None
        rows = self._rows()
        for row in rows:
            count += 1
            if row.parent_sha256 != parent:
                yield f"Line {row.serial} does not follow the line before it: one was taken out, put in or changed."
            computed = hash_of(row.parent_sha256, row.line)
            if computed != row.sha256:
                yield f"Line {row.serial} was changed: its hash is {row.sha256}, what it says makes {computed}."
            elif any(row._mapping[name] != key for name, key in keys_of(row.line).items()):  # noqa: SLF001 - SQLAlchemy's public name for it
                yield f"Line {row.serial} is not found by what it says: a column beside it was changed."
            parent = row.sha256
            is_head_there = is_head_there or row.sha256 == head
        if not is_head_there:
            yield f"No line has the hash {head}: lines were taken out at the end ({count} are there)."

    def _rows(self) -> Iterator[Any]:
        after = -1
        while True:
            chosen = select(audit).where(audit.c.serial > after).order_by(audit.c.serial).limit(_PAGE)
            with self._engine.connect() as connection:
                rows = connection.execute(chosen).all()
            yield from rows
            if len(rows) < _PAGE:
                return
            after = rows[-1].serial


def append(connection: Connection, happening: Happening) -> AuditLine:
    """The line within a transaction that changes records (`begin_commit`), so that both are there or neither."""
    newest = connection.execute(select(audit).order_by(audit.c.serial.desc()).limit(1)).one_or_none()
    parent = FIRST if newest is None else newest.sha256
    line = canonical(sanitised({"at": instant(datetime.now(UTC)), **_written(happening)})).decode("utf-8")
    row = {"line": line, "parent_sha256": parent, "sha256": hash_of(parent, line), **keys_of(line)}
    serial = connection.execute(insert(audit).returning(audit.c.serial), row).scalar_one()
    return _line(connection.execute(select(audit).where(audit.c.serial == serial)).one())


def rewrite(connection: Connection, rewritten: Callable[[dict[str, Any]], bool]) -> tuple[str, str] | None:
    """Lines that `rewritten` changes in place are written anew, and the chain from the first of them on; its end before and
    afterwards, None where nothing changes. A place at which the chain did not hold does not hold afterwards either.
    """
    parent_before = parent = FIRST
    after, is_changed = -1, False
    while True:
        chosen = select(audit).where(audit.c.serial > after).order_by(audit.c.serial).limit(_PAGE)
        rows = connection.execute(chosen).all()
        for row in rows:
            line = row.line
            with contextlib.suppress(ValueError, AttributeError):  # unreadable: `faults` says so
                members = json.loads(line)
                if rewritten(members):
                    line, is_changed = canonical(members).decode("utf-8"), True
            if is_changed:
                values = {
                    "line": line,
                    "parent_sha256": parent if row.parent_sha256 == parent_before else row.parent_sha256,
                    "sha256": row.sha256,
                }
                if row.sha256 == hash_of(row.parent_sha256, row.line):
                    values["sha256"] = hash_of(values["parent_sha256"], line)
                connection.execute(update(audit).where(audit.c.serial == row.serial).values(values))
                parent = values["sha256"]
            else:
                parent = row.sha256
            parent_before, after = row.sha256, row.serial
        if len(rows) < _PAGE:
            return (parent_before, parent) if is_changed else None


def hash_of(parent: str, line: str) -> str:
    """The hash of a line: SHA-256 over the hash of the line before, a line break, and the line."""
    return hashlib.sha256(f"{parent}\n{line}".encode()).hexdigest()


def _is(happening: Happening, wanted: Mapping[str, str]) -> bool:
    return all(is_asked_for(name, str(getattr(happening, name)), value) for name, value in wanted.items())


def _written(happening: Happening) -> dict[str, Any]:
    return {name: getattr(happening, name) for name in Happening.__dataclass_fields__}


def _line(row: Any) -> AuditLine:
    try:
        members = json.loads(row.line)
        happening = Happening(**{name: members.get(name) for name in Happening.__dataclass_fields__})
        at = str(members.get("at"))
    except (ValueError, AttributeError):  # changed by hand: `faults` says so, the others are still read
        at, happening = "", Happening(actor="?", action="unreadable", resource="?", origin="?", outcome="?")
    return AuditLine(
        serial=row.serial,
        at=at,
        happening=happening,
        parent_sha256=row.parent_sha256,
        sha256=row.sha256,
    )
