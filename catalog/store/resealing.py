"""All that is stored of one source brought to what is sensitive now and to the key of now, in one pass.

The pass follows a new key, a field that became sensitive, and one that is not any more. It takes a page at a time and leaves
rows alone that are as they should be, so one that was killed goes on where it was; whoever reads meanwhile finds each row
either as it was or as it will be.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, func, select, text, update
from sqlalchemy.sql.expression import literal

from catalog.lazy_dataclasses import dataclass
from catalog.records import SourceId
from catalog.records.accounts import Happening
from catalog.sealing import envelope
from catalog.sealing.faults import KeyMissing, SealBroken
from catalog.sealing.keyring import CATALOG
from catalog.sealing.names import MARK, Values, is_covered, joined, parted
from catalog.sealing.vault import SealedPart, is_mark
from catalog.search.engine import INDEX
from catalog.store import audit, joins
from catalog.store import edits as stored_edits
from catalog.store.canonical import document_sha256
from catalog.store.chain import chain_sha256
from catalog.store.codec import UNREADABLE, pack_json, unpack_json
from catalog.store.database import begin_commit
from catalog.store.leases import Lease
from catalog.store.sealing import (
    EXTRACTION,
    LOOK,
    OUTLINE,
    PLAN,
    RECORD,
    SEALED_TEXT,
    SEARCH,
    WEBHOOK,
    Sealing,
    part_of,
)
from catalog.store.tables import (
    consumers,
    edits,
    extractions,
    objects,
    records,
    retention_plans,
    revisions,
    saved_looks,
    saved_searches,
    sources,
    webhooks,
)
from catalog.store.view_values import view_values

PAGE_FILES = 200
PAGE_MODELS = 20
MODEL_CHARACTERS = 64
SEALED_COLUMNS = (
    extractions.c.body,
    objects.c.outline,
    records.c.record,
    records.c.sealed,
    revisions.c.sealed,
    edits.c.value,
    edits.c.before,
    edits.c.overrides,
    saved_looks.c.seen,
)
"""Every column that may hold sealed bytes."""
SEALED_TEXTS = (
    (saved_searches.c.id, saved_searches.c.query, SEARCH),
    (webhooks.c.name, webhooks.c.query, WEBHOOK),
    (retention_plans.c.id, retention_plans.c.header, PLAN),
)
"""What names a row, its column of sealed text, and the kind of place."""
REWRITTEN = tuple(
    sorted({column.table.name for column in (*SEALED_COLUMNS, *(column for _, column, _ in SEALED_TEXTS))})
)


@dataclass(slots=True, kw_only=True)
class ResealReport:
    """What a pass did. `unreadable` rows stay as they are: their key is not here, or they are damaged. `apart` models have
    other fields in clear than before.
    """

    rows: int = 0
    models: int = 0
    apart: int = 0
    unreadable: int = 0


Progress = Callable[[ResealReport], None]


def is_due(engine: Engine, source: SourceId) -> bool:
    """Whether something of the source may not be stored as it should be now. Raises KeyMissing if that cannot be done."""
    with engine.connect() as connection:
        present = connection.execute(
            select(sources.c.sealing).where(sources.c.id == source)
        ).scalar_one_or_none()
        if present is None:
            return False
        sealing = Sealing(connection)
        if present and (key := json.loads(present)["key"]) and sealing.active_id(source) != key:
            sealing.vault.key(key)  # a key that is away must not look like one that never was
        return str(present) != _wanted(sealing, source)


def reseal(
    engine: Engine, source: SourceId, *, lease: Lease, progress: Progress = lambda _report: None
) -> ResealReport:
    """The pass over one source, under its lease. Raises KeyMissing where there is no key for what is new, LeaseLost."""
    report = ResealReport()
    with engine.connect() as connection:
        wanted = _wanted(Sealing(connection), source)
    for table, column, kind in ((extractions, "body", EXTRACTION), (objects, "outline", OUTLINE)):
        _reseal_files(engine, source, table, column, kind, lease, report, progress)
    _reseal_models(engine, source, lease, report, progress)
    with begin_commit(engine) as connection:
        lease.check(connection)
        if report.apart:
            _reseal_audit(connection, source)
            joins.note_source(connection, source)
        connection.execute(update(sources).where(sources.c.id == source).values(sealing=wanted))
        if report.apart:
            connection.execute(update(consumers).where(consumers.c.name == INDEX).values(anew=1))
    if report.apart or report.rows:
        compact(engine)
    return report


def adopt(engine: Engine, source: SourceId) -> None:
    """The source goes on with its present key, whatever is under others stays unreadable until those are here again."""
    with engine.begin() as connection:
        wanted = _wanted(Sealing(connection), source)
        connection.execute(update(sources).where(sources.c.id == source).values(sealing=wanted))


def reseal_catalog(engine: Engine) -> ResealReport:
    """The pass over what belongs to no source: saved searches, what was seen of them, queries of webhooks, plans of retention."""
    report = ResealReport()
    with begin_commit(engine) as connection:
        sealing = Sealing(connection)
        for key, column, kind in SEALED_TEXTS:
            for row in connection.execute(select(key.label("key"), column.label("text"))).all():
                with _unreadable_counted(report):
                    plain = sealing.opened_text(row.text, kind, row.key)
                    values = {column.name: sealing.text(plain, kind, row.key)}
                    connection.execute(update(column.table).where(key == row.key).values(values))
                    report.rows += 1
        for row in connection.execute(select(saved_looks)).all():
            with _unreadable_counted(report):
                place = envelope.bound(LOOK, row.search, row.reader)
                seen = sealing.vault.seal(CATALOG, sealing.vault.open(row.seen, place), place)
                chosen = (saved_looks.c.search == row.search) & (saved_looks.c.reader == row.reader)
                connection.execute(update(saved_looks).where(chosen).values(seen=seen))
                report.rows += 1
    return report


def is_used(engine: Engine, key: str) -> bool:
    """Whether anything is sealed under this key."""
    head = envelope.SEALED + bytes.fromhex(key)
    with engine.connect() as connection:
        for column in SEALED_COLUMNS:
            if connection.execute(
                select(literal(1)).where(func.substr(column, 1, len(head)) == head).limit(1)
            ).first():
                return True
        for _, column, _ in SEALED_TEXTS:
            like = column.startswith(SEALED_TEXT + head.hex(), autoescape=True)
            if connection.execute(select(literal(1)).where(like).limit(1)).first():
                return True
    return False


def compact(engine: Engine) -> bool:
    """Free pages and the write-ahead log hold nothing of what rows held before; False if somebody hindered it."""
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for table in REWRITTEN:
                connection.execute(text(f"VACUUM FULL {table}"))
        return True
    raw = engine.raw_connection()
    cursor = raw.cursor()
    try:
        cursor.execute("VACUUM")
        busy, *_ = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.OperationalError:
        return False
    finally:
        cursor.close()
        raw.close()
    return not busy


def _wanted(sealing: Sealing, source: str) -> str:
    """What `sources.sealing` holds when all of the source is as it should be."""
    names = sealing.names(source)
    if not names:
        return ""
    return json.dumps({"key": sealing.vault.sealing_key(source), "names": names}, separators=(",", ":"))


def _reseal_files(
    engine: Engine,
    source: SourceId,
    table: Any,
    column: str,
    kind: str,
    lease: Lease,
    report: ResealReport,
    progress: Progress,
) -> None:
    last = b""
    while True:
        with begin_commit(engine) as connection:
            lease.check(connection)
            sealing = Sealing(connection)
            held_bytes = table.c[column]
            chosen = (table.c.source == source) & (table.c.key > last) & held_bytes.is_not(None)
            rows = connection.execute(
                select(table.c.key, held_bytes.label("data"))
                .where(chosen)
                .order_by(table.c.key)
                .limit(PAGE_FILES)
            ).all()
            for row in rows:
                if sealing.is_present(source, row.data):
                    continue
                with _unreadable_counted(report):
                    plain = sealing.opened(row.data, kind, source, row.key)
                    data = sealing.packed(source, plain, kind, source, row.key)
                    place = (table.c.source == source) & (table.c.key == row.key)
                    connection.execute(update(table).where(place).values({column: data}))
                    report.rows += 1
        progress(report)
        if len(rows) < PAGE_FILES:
            return
        last = rows[-1].key


def _reseal_audit(connection: Connection, source: SourceId) -> None:
    """What the audit tells of values that became sensitive later is told as keyed hashes; a line says that it was done."""
    sealing = Sealing(connection)
    names = sealing.names(source)
    if not names:
        return
    models = set(connection.execute(select(records.c.id).where(records.c.source == source)).scalars())

    def hide(values: Any) -> bool:
        changed = False
        for field in values if isinstance(values, dict) else ():
            value = values[field]
            if is_covered(field, names) and value is not None and not is_mark(value):
                values[field] = (
                    {action: sealing.vault.mark(field, what) for action, what in value.items()}
                    if isinstance(value, dict)
                    else sealing.vault.mark(field, value)
                )
                changed = True
        return changed

    def rewritten(members: dict[str, Any]) -> bool:
        if members.get("action") == "models.edit_many":  # of whichever models
            return hide((members.get("after") or {}).get("values"))
        if str(members.get("resource"))[:MODEL_CHARACTERS] not in models:
            return False
        return any([hide(members.get("before")), hide(members.get("after"))])

    ends = audit.rewrite(connection, rewritten)
    if ends is not None:
        done = Happening(
            actor="modeldex:keys",  # no user has a colon in their name
            action="audit.seal",
            resource=source,
            origin="keys",
            before={"head": ends[0]},
            after={"head": ends[1]},
        )
        audit.append(connection, done)


def _reseal_models(
    engine: Engine, source: SourceId, lease: Lease, report: ResealReport, progress: Progress
) -> None:
    last = ""
    while True:
        with begin_commit(engine) as connection:
            lease.check(connection)
            sealing = Sealing(connection)
            chosen = (records.c.source == source) & (records.c.id > last)
            rows = connection.execute(
                select(records).where(chosen).order_by(records.c.id).limit(PAGE_MODELS).with_for_update()
            ).all()
            for row in rows:
                with _unreadable_counted(report):
                    _Model(connection, sealing, dict(row._mapping), report).reseal()  # noqa: SLF001 - SQLAlchemy's public name
        progress(report)
        if len(rows) < PAGE_MODELS:
            return
        last = rows[-1].id


class _unreadable_counted:  # noqa: N801 - used as a statement
    """What cannot be read stays as it is, and is counted."""

    def __init__(self, report: ResealReport) -> None:
        self._report = report

    def __enter__(self) -> None:
        return

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _trace: object) -> bool:
        if isinstance(error, (KeyMissing, SealBroken, *UNREADABLE)):
            self._report.unreadable += 1
            return True
        return False


class _Model:
    """A record with its whole history, resealed within one transaction."""

    def __init__(
        self, connection: Connection, sealing: Sealing, row: Mapping[str, Any], report: ResealReport
    ) -> None:
        self._connection = connection
        self._sealing = sealing
        self._row = row
        self._report = report
        self._source: str = row["source"]
        self._id: str = row["id"]
        self._names = self._sealing.names(self._source)

    def reseal(self) -> None:
        history = self._connection.execute(
            select(revisions).where(revisions.c.model == self._id).order_by(revisions.c.number)
        ).all()
        states = [dict(row._mapping) for row in history]  # noqa: SLF001 - SQLAlchemy's public name for it
        documents = [unpack_json(state["document"]) for state in states]
        is_apart = any(list(document.get(MARK, ())) != sorted(self._names) for document in documents)
        if is_apart:
            changed = self._take_apart(states, documents)
        else:
            changed = [values for state in states if (values := self._under_present_key(state))]
        for values in changed:
            chosen = revisions.c.serial == values.pop("serial")
            self._connection.execute(update(revisions).where(chosen).values(values))
        if is_apart or changed or not self._sealing.is_present(self._source, self._row["record"]):
            self._write_record(states[-1] if states else None)
            self._report.models += 1
        self._report.apart += is_apart
        self._reseal_edits()

    def _under_present_key(self, state: dict[str, Any]) -> dict[str, Any] | None:
        part = part_of(state)
        if part is None or self._sealing.is_present(self._source, part.data):
            return None
        state["sealed"] = self._sealing.resealed(self._source, self._id, part).data
        return {"serial": state["serial"], "sealed": state["sealed"]}

    def _take_apart(
        self, states: Sequence[dict[str, Any]], documents: Sequence[dict[str, Any]]
    ) -> list[dict[str, Any]]:
        """Other fields are sealed than before: hashes that give nothing away are made over what is left, and the chain is
        made anew over those. What did not hold before does not hold afterwards either.
        """
        changed = []
        before = after = ""
        parent: str | None = None
        for state, document in zip(states, documents, strict=True):
            was_whole = document_sha256(document) == (state["redacted_sha256"] or state["sha256"])
            was_linked = self._chained(state, before) == state["chain_sha256"]
            before = state["chain_sha256"]
            whole = joined(document, self._values(state))
            public, part = self._parted(whole)
            state |= {
                "document": pack_json(public),
                "public": public,
                "sha256": document_sha256(public) if was_whole else state["sha256"],
                "redacted_sha256": None,
                "parent_sha256": parent if parent or not state["parent_sha256"] else state["parent_sha256"],
                "sealed": None if part is None else part.data,
                "sealed_sha256": "" if part is None else part.commitment,
            }
            if was_linked:
                state["chain_sha256"] = self._chained(state, after)
            parent, after = state["sha256"], state["chain_sha256"]
            changed.append({name: value for name, value in state.items() if name in _WRITTEN})
        return changed

    def _write_record(self, last: Mapping[str, Any] | None) -> None:
        plain = self._sealing.opened(self._row["record"], RECORD, self._id)
        values: dict[str, Any] = {"record": self._sealing.packed(self._source, plain, RECORD, self._id)}
        if last is not None:
            values |= {name: last[name] for name in ("sealed", "sealed_sha256", "sha256", "chain_sha256")}
            if (public := last.get("public")) is not None:
                values["view_values"] = view_values(public, self._row)
        self._connection.execute(update(records).where(records.c.id == self._id).values(values))
        sensitive = {} if last is None else self._values(last)
        self._sealing.note_terms(self._source, {self._id: sensitive})

    def _reseal_edits(self) -> None:
        for stored in self._connection.execute(select(edits).where(edits.c.model == self._id)).all():
            row = dict(stored._mapping)  # noqa: SLF001 - as above
            if all(
                row[name] is None or self._sealing.is_present(self._source, row[name])
                for name in stored_edits.VALUES
            ):
                continue
            with _unreadable_counted(self._report):
                plain = stored_edits.opened_row(self._sealing, row)
                sealed = stored_edits.sealed_row(self._sealing, self._source, plain)
                values = {name: sealed[name] for name in stored_edits.VALUES}
                self._connection.execute(update(edits).where(edits.c.id == row["id"]).values(values))
                self._report.rows += 1

    def _values(self, state: Mapping[str, Any]) -> Values:
        part = part_of(state)
        return {} if part is None else self._sealing.values(self._id, part)

    def _parted(self, whole: dict[str, Any]) -> tuple[dict[str, Any], SealedPart | None]:
        if not self._names:
            return whole, None
        public, values = parted(whole, self._names)
        return public, self._sealing.part(self._source, self._id, values)

    def _chained(self, state: Mapping[str, Any], parent: str) -> str:
        return chain_sha256(
            model=self._id,
            number=state["number"],
            sha256=state["sha256"],
            parent=parent,
            made_by=state["made_by"],
            author=state["author"],
            cause=state["cause"],
            made_at=state["made_at"],
            sealed=state["sealed_sha256"],
        )


_WRITTEN = frozenset(
    {
        "serial",
        "document",
        "sha256",
        "redacted_sha256",
        "parent_sha256",
        "chain_sha256",
        "sealed",
        "sealed_sha256",
    }
)

__all__ = ["ResealReport", "adopt", "compact", "is_due", "is_used", "reseal", "reseal_catalog"]
