"""The documents of copies brought up to date, each once, at the cost of those whose own list of copies changes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, delete, func, select

from catalog.lazy_dataclasses import dataclass
from catalog.records import Document, ModelId
from catalog.store.batch import RecordBatch
from catalog.store.copies import Sharing, alike, listed, prints_of, shared_print, tells
from catalog.store.database import begin_commit, parts
from catalog.store.documents import LIVE
from catalog.store.leases import Lease
from catalog.store.newest import present_or_empty, with_documents
from catalog.store.tables import copies_due, records

PAGE_PRINTS = 500
PAGE_MODELS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class _Copies:
    """Equal models: those that documents list with their present documents, and whose documents are to be looked at."""

    duplicate_group: str | None
    listed: dict[str, Document]
    behind: list[str]

    def sharing(self, model: str) -> Sharing:
        uris = sorted(str(document.get("uri")) for other, document in self.listed.items() if other != model)
        return Sharing(self.duplicate_group, tuple(uris)) if uris else Sharing(None, ())

    def pages(self) -> Iterator[Sequence[str]]:
        """Those that are listed come last: as long as one of them is not right, all are looked at again after a kill."""
        rest = [model for model in self.behind if model not in self.listed]
        for start in range(0, len(rest), PAGE_MODELS):
            yield rest[start : start + PAGE_MODELS]
        yield list(self.listed)


def settle(engine: Engine, *, lease: Lease | None = None) -> None:
    """Every document lists its copies as they are now. Raises LeaseLost."""
    while True:
        with engine.connect() as connection:
            last = connection.execute(select(func.max(copies_due.c.id))).scalar_one_or_none()
            if last is None:
                return
            first = select(copies_due.c.print).order_by(copies_due.c.id).limit(PAGE_PRINTS)
            rows = _equal_rows(connection, set(connection.execute(first).scalars()))
            reached = {print_ for row in rows.values() for print_ in prints_of(row)}
            reached.update(connection.execute(first).scalars())
            due = _due(connection, sorted(reached), last)
            copy_lists = [_copies(connection, group, rows, due) for group in _groups(rows)]
        for copies in copy_lists:
            _write(engine, copies, lease)
        with engine.begin() as connection:
            if lease is not None:
                lease.check(connection)
            for part in parts(sorted(reached)):
                connection.execute(
                    delete(copies_due).where(copies_due.c.print.in_(part) & (copies_due.c.id <= last))
                )


def _equal_rows(connection: Connection, prints: set[str]) -> dict[str, dict[str, Any]]:
    """The live records that have these prints, or one that such a record has, and so on; without their documents."""
    columns = (
        records.c.id,
        records.c.source,
        records.c.group_key,
        records.c.fingerprint,
        records.c.tensors,
        records.c.first_seen,
    )
    rows: dict[str, dict[str, Any]] = {}
    reached: set[str] = set()
    while fresh := prints - reached:
        reached |= fresh
        for part in parts(sorted(fresh)):
            for column in (records.c.fingerprint, records.c.tensors):
                chosen = column.in_(part) & (records.c.state == LIVE)
                for row in connection.execute(select(*columns).where(chosen)):
                    rows.setdefault(row.id, dict(row._mapping))  # noqa: SLF001 - SQLAlchemy's public name for it
        prints = {print_ for row in rows.values() for print_ in prints_of(row)}
    return rows


def _due(connection: Connection, prints: Sequence[str], last: int) -> set[str]:
    return {
        model
        for part in parts(prints)
        for model in connection.execute(
            select(copies_due.c.model).where(copies_due.c.print.in_(part) & (copies_due.c.id <= last))
        ).scalars()
    }


def _groups(rows: dict[str, dict[str, Any]]) -> list[list[str]]:
    return alike({model: prints_of(row) for model, row in rows.items()})


def _copies(
    connection: Connection, group: Sequence[str], rows: dict[str, dict[str, Any]], due: set[str]
) -> _Copies:
    """If the documents that are listed themselves tell what is right, only those that came or changed may not."""
    oldest = listed([rows[model] for model in group])
    chosen = with_documents(records.c.id).where(records.c.id.in_(oldest))
    documents = {row.id: present_or_empty(row) for row in connection.execute(chosen)}
    copies = _Copies(
        duplicate_group=shared_print(prints_of(rows[model]) for model in group),
        listed=documents,
        behind=[model for model in group if model in due],
    )
    if all(tells(documents[model], copies.sharing(model)) for model in documents):
        return copies
    return _Copies(duplicate_group=copies.duplicate_group, listed=documents, behind=list(group))


def _write(engine: Engine, copies: _Copies, lease: Lease | None) -> None:
    for page in copies.pages():
        with begin_commit(engine) as connection:
            if lease is not None:
                lease.check(connection)
            batch = RecordBatch(connection, now=datetime.now(UTC), made_by="crawl", cause="copies")
            batch.lock(page)
            for model in page:
                if batch.state(ModelId(model)) == LIVE:
                    batch.list_copies(model, copies.sharing(model))
            batch.write()
