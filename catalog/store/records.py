"""Records: the present document of every model with its provenance, its chain of revisions, its standing."""

from __future__ import annotations

import heapq
import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, case, func, select, update

from catalog.records import Document, ModelId, ModelRecord, Revision, SourceId, StoredModel
from catalog.store.canonical import document_sha256, sanitised
from catalog.store.codec import instant, pack, pack_json, parse_instant, unpack, unpack_json
from catalog.store.consumers import append, shown_last_seen
from catalog.store.copies import alike, shared_print
from catalog.store.database import ROWS_PER_STATEMENT, begin_commit, upsert
from catalog.store.documents import GONE, LIVE, MAX_LOCATIONS, MISSING, Standing, finish
from catalog.store.leases import Lease
from catalog.store.runs import seen_at
from catalog.store.tables import records, revisions, sources

PAGE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordChange:
    """A record to be committed. `signature` covers all it was made of; `fingerprint` proves equal files of weights and
    `tensors` equal tensors in whatever files (None: no proof), `identity` proves that files moved. `moved_from` is the
    model it was before.
    """

    record: ModelRecord
    signature: str
    fingerprint: str | None = None
    tensors: str | None = None
    identity: str | None = None
    moved_from: ModelId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelved:
    """What a crawl must know of a record that is already there."""

    id: ModelId
    state: str
    signature: str
    fingerprint: str | None
    identity: str | None
    path: str
    missing_since: datetime | None
    missing_run: int | None
    moved_to: str | None
    unseen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownSource:
    """A source that was crawled, with how many of its models are there and how many are missing."""

    id: SourceId
    uri: str
    live: int
    missing: int


@dataclass(slots=True)
class Committed:
    """What a commit did, by model."""

    new: list[ModelId] = field(default_factory=list)
    changed: list[ModelId] = field(default_factory=list)
    unchanged: list[ModelId] = field(default_factory=list)


class Records:
    """Reading by anybody, writing under a lease. A revision and its record are one transaction, and those take turns."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def get(self, model: str) -> StoredModel | None:
        """The model with exactly this id, gone ones included."""
        with self._engine.connect() as connection:
            row = connection.execute(select(records).where(records.c.id == model)).one_or_none()
            return None if row is None else _stored(row, seen_at(connection))

    def find(self, prefix: str, *, limit: int = 20) -> list[ModelId]:
        """The ids that begin with `prefix`, or else the models of exactly this name: those that are there, if any is."""
        with self._engine.connect() as connection:
            ids: list[str] = []
            if prefix and all(letter in "0123456789abcdef" for letter in prefix):
                chosen = (records.c.id >= prefix) & (records.c.id < f"{prefix}g")
                ids = list(
                    connection.execute(
                        select(records.c.id).where(chosen).order_by(records.c.id).limit(limit)
                    ).scalars()
                )
            for states in ((LIVE,), (MISSING,)):  # a model that moved leaves a missing one of the same name
                if not ids and prefix:
                    chosen = (func.lower(records.c.name) == prefix.lower()) & records.c.state.in_(states)
                    ids = list(
                        connection.execute(
                            select(records.c.id).where(chosen).order_by(records.c.id).limit(limit)
                        ).scalars()
                    )
        return [ModelId(found) for found in ids]

    def names_like(self, text: str, *, limit: int = 5) -> list[str]:
        """Names that contain the text, whatever its case, shortest first."""
        chosen = func.lower(records.c.name).contains(text.lower(), autoescape=True) & (
            records.c.state != GONE
        )
        ordered = (
            select(records.c.name)
            .where(chosen)
            .group_by(records.c.name)
            .order_by(func.length(records.c.name), records.c.name)
        )
        with self._engine.connect() as connection:
            return list(connection.execute(ordered.limit(limit)).scalars())

    def iterate(self) -> Iterator[StoredModel]:
        """Every model but the gone ones, in id order."""
        last = ""
        while True:
            with self._engine.connect() as connection:
                chosen = (records.c.id > last) & (records.c.state != GONE)
                rows = list(
                    connection.execute(select(records).where(chosen).order_by(records.c.id).limit(PAGE))
                )
                seen = seen_at(connection)
            for row in rows:
                yield _stored(row, seen)
            if len(rows) < PAGE:
                return
            last = rows[-1].id

    def count(self) -> int:
        """How many models there are, gone ones not counted."""
        with self._engine.connect() as connection:
            return int(connection.execute(select(func.count()).where(records.c.state != GONE)).scalar_one())

    def history(self, model: str) -> list[Revision]:
        """Every revision of the model, oldest first."""
        with self._engine.connect() as connection:
            rows = connection.execute(
                select(revisions).where(revisions.c.model == model).order_by(revisions.c.number)
            )
            return [_revision(row) for row in rows]

    def shelved(self, source: SourceId) -> dict[ModelId, Shelved]:
        """Every record of a source, without its document."""
        columns = [column for column in records.c if column.name not in {"document", "record"}]
        with self._engine.connect() as connection:
            rows = connection.execute(select(*columns).where(records.c.source == source))
            return {ModelId(row.id): _shelved(row) for row in rows}

    def standing(self, source: SourceId) -> Counter[str]:
        """How many records are live, missing, gone; of the live ones, how many are risky and how many were not seen."""
        columns = (records.c.state, records.c.risks > 0, records.c.last_seen.is_not(None), func.count())
        chosen = select(*columns).where(records.c.source == source).group_by(*columns[:3])
        counts: Counter[str] = Counter()
        with self._engine.connect() as connection:
            for state, risky, unseen, number in connection.execute(chosen):
                counts[state] += number
                if state == LIVE:
                    counts["risky"] += number * bool(risky)
                    counts["unseen"] += number * bool(unseen)
        return counts

    def sources(self) -> list[KnownSource]:
        """Every source that was ever crawled, by address."""
        counts = {state: func.sum(case((records.c.state == state, 1), else_=0)) for state in (LIVE, MISSING)}
        joined = sources.join(records, records.c.source == sources.c.id, isouter=True)
        statement = (
            select(sources.c.id, sources.c.uri, counts[LIVE], counts[MISSING])
            .select_from(joined)
            .group_by(sources.c.id, sources.c.uri)
            .order_by(sources.c.uri)
        )
        with self._engine.connect() as connection:
            return [
                KnownSource(id=SourceId(name), uri=uri, live=int(live), missing=int(missing))
                for name, uri, live, missing in connection.execute(statement)
            ]

    def file_keys(self, ids: Sequence[ModelId]) -> dict[ModelId, tuple[str, ...]]:
        """The keys of the files that each record was made of."""
        with self._engine.connect() as connection:
            return {
                ModelId(row.id): unpack(ModelRecord, row.record).file_keys for row in _rows(connection, ids)
            }

    def commit(
        self,
        changes: Sequence[RecordChange],
        *,
        lease: Lease,
        made_by: str = "crawl",
        seen: datetime | None = None,
    ) -> Committed:
        """Writes what differs, for every consumer to see; a record that is as before costs no revision.

        `seen` is when the listing that shows these models began.
        """
        now, result = datetime.now(UTC), Committed()
        with begin_commit(self._engine) as connection:
            lease.check(connection)
            batch = _Batch(connection, now, made_by, seen=seen)
            touched = batch.put(changes, result)
            batch.settle_copies(touched)
            batch.write()
        return result

    def mark(
        self,
        states: Mapping[ModelId, str],
        *,
        lease: Lease,
        run: int,
        moved: Mapping[ModelId, ModelId] | None = None,
    ) -> None:
        """The models are now missing or gone; `moved` says where those that moved are."""
        now = datetime.now(UTC)
        with begin_commit(self._engine) as connection:
            lease.check(connection)
            batch = _Batch(connection, now, "crawl")
            touched = batch.mark(states, run, moved or {})
            batch.settle_copies(touched)
            batch.write()

    def note_unseen(self, ids: Sequence[ModelId], *, since: datetime | None, lease: Lease) -> None:
        """A run could not look at these: their last sight is the one before it. Raises LeaseLost."""
        with begin_commit(self._engine) as connection:
            lease.check(connection)
            for part in _parts(ids):
                chosen = records.c.id.in_(part) & records.c.last_seen.is_(None)
                connection.execute(
                    update(records)
                    .where(chosen)
                    .values(last_seen=records.c.first_seen if since is None else instant(since))
                )

    def note_seen(self, ids: Sequence[ModelId], *, lease: Lease) -> None:
        """These were seen by the latest run after others could not look at them. Raises LeaseLost."""
        with begin_commit(self._engine) as connection:
            lease.check(connection)
            for part in _parts(ids):
                connection.execute(update(records).where(records.c.id.in_(part)).values(last_seen=None))


class _Batch:
    """One transaction's worth of records: rows are changed in memory, then written with their revisions."""

    def __init__(
        self, connection: Connection, now: datetime, made_by: str, *, seen: datetime | None = None
    ) -> None:
        self._connection = connection
        self._seen = instant(seen or now)
        self._now = instant(now)
        self._made_by = made_by
        self._rows: dict[str, dict[str, Any]] = {}
        self._contents: dict[str, Document] = {}
        self._dirty: set[str] = set()
        self._revised: dict[str, tuple[Document, str]] = {}
        self._reprinted: set[str] = set()

    def put(self, changes: Sequence[RecordChange], result: Committed) -> set[str]:
        ids = [change.record.id for change in changes]
        self._load([*ids, *(change.moved_from for change in changes if change.moved_from)])
        touched: set[str] = set()
        for change in changes:
            model = change.record.id
            before = self._rows.get(model)
            row = self._row(change, before)
            earlier = _prints(before) if before else ()
            touched.update(earlier, _prints(row))
            if earlier != _prints(row):
                self._reprinted.add(model)
            self._rows[model] = row
            self._contents[model] = sanitised(change.record.document)
            self._dirty.add(model)
            differs = self._restate(model)
            if before is None or before["state"] == GONE:
                result.new.append(model)
            elif differs:
                result.changed.append(model)
            else:
                result.unchanged.append(model)
        return touched

    def mark(self, states: Mapping[ModelId, str], run: int, moved: Mapping[ModelId, ModelId]) -> set[str]:
        self._load([*states, *moved.values()])
        touched: set[str] = set()
        for model, state in states.items():
            row = self._rows[model]
            if row["state"] == LIVE:
                row["missing_since"], row["missing_run"] = self._now, run
                row["last_seen"] = (
                    row["last_seen"] or seen_at(self._connection).get(row["source"]) or row["first_seen"]
                )
            row["state"] = state
            row["moved_to"] = moved.get(model, row["moved_to"])
            self._dirty.add(model)
            self._restate(model)
            touched.update(_prints(row))
        return touched

    def settle_copies(self, prints: Iterable[str]) -> None:
        """Every live model of these prints knows its copies, also those that this batch did not bring."""
        reached = self._load_alike(set(prints))
        live = {
            model: _prints(row)
            for model, row in self._rows.items()
            if row["state"] == LIVE and reached.intersection(_prints(row))
        }
        for members in alike(live):
            group = shared_print(live[model] for model in members)
            uris = {model: self._uri(model) for model in members}
            # A document lists so many places and no more, the oldest first: a thousand copies must not cost a million
            # places, and one more copy must not change the thousand.
            oldest = heapq.nsmallest(
                MAX_LOCATIONS, members, key=lambda model: (self._rows[model]["first_seen"], uris[model])
            )
            for model in members:
                copies = sorted(uris[other] for other in oldest if other != model)
                if not self._tells(model, group, copies):
                    self._restate(model, (group, tuple(copies)))

    def _uri(self, model: str) -> str:
        known = self._contents.get(model) or self._stored(model)
        return str(known.get("uri", self._rows[model]["source"]))

    def _tells(self, model: str, group: str | None, copies: Sequence[str]) -> bool:
        """Whether the stored document of a model that this batch did not bring already lists just these copies."""
        if model in self._contents:
            return False
        stored = self._stored(model)
        places = [place for place in stored.get("locations", ()) if place != stored.get("uri")]
        return stored.get("duplicate_group") == group and sorted(places) == copies[: MAX_LOCATIONS - 1]

    def _stored(self, model: str) -> Document:
        found: Document = json.loads(self._rows[model]["document"])
        return found

    def _load_alike(self, prints: set[str]) -> set[str]:
        """Loads all rows with these prints, with the prints that those have, and so on; returns all the prints."""
        reached: set[str] = set()
        while fresh := prints - reached:
            reached |= fresh
            for part in _parts(sorted(fresh)):
                chosen = records.c.fingerprint.in_(part) | records.c.tensors.in_(part)
                self._load(list(self._connection.execute(select(records.c.id).where(chosen)).scalars()))
            prints = {
                print_
                for row in self._rows.values()
                if row["state"] == LIVE and reached.intersection(_prints(row))
                for print_ in _prints(row)
            }
        return reached

    def write(self) -> None:
        """Everything of this batch in the transaction that it was given."""
        made = []
        for model, (document, digest) in self._revised.items():
            row = self._rows[model]
            parent, number = row["sha256"], row["revision"] + 1
            if digest == parent:
                continue
            row.update(sha256=digest, revision=number)
            row["document"] = json.dumps(
                {**document, "revision": number}, ensure_ascii=False, separators=(",", ":")
            )
            made.append(
                {
                    "model": model,
                    "number": number,
                    "sha256": digest,
                    "parent_sha256": parent or None,
                    "made_by": self._made_by,
                    "made_at": self._now,
                    "document": pack_json(document),
                }
            )
            self._dirty.add(model)
        upsert(self._connection, records, [self._rows[model] for model in sorted(self._dirty)])
        append(self._connection, made)

    def _row(self, change: RecordChange, before: dict[str, Any] | None) -> dict[str, Any]:
        record = change.record
        earlier = self._rows.get(change.moved_from or "")
        first_seen = before["first_seen"] if before else (earlier["first_seen"] if earlier else self._seen)
        return {
            "id": record.id,
            "source": record.source,
            "group_key": os.fsencode(record.group_key),
            "state": LIVE,
            "name": sanitised({"name": record.document.get("name") or record.group_key})["name"],
            "revision": before["revision"] if before else 0,
            "sha256": before["sha256"] if before else "",
            "signature": change.signature,
            "fingerprint": change.fingerprint,
            "tensors": change.tensors and f"tensors:{change.tensors}",
            "identity": change.identity,
            "risks": len(record.document.get("risks", ())),
            "first_seen": first_seen,
            "last_seen": None,
            "missing_since": None,
            "missing_run": None,
            "moved_to": None,
            "record": pack(record),
            "document": before["document"] if before else "{}",
        }

    def _restate(self, model: str, alike: tuple[str | None, tuple[str, ...]] | None = None) -> bool:
        """Whether the finished document is another one than the stored. `alike`: what it shares with which copies."""
        row = self._rows[model]
        target = self._rows.get(row["moved_to"] or "")
        group, copies = alike or self._stored_copies(model)
        standing = Standing(
            state=row["state"],
            first_seen=f"{row['first_seen'][:23]}Z",
            moved_to=row["moved_to"],
            moved_path=None if target is None else self._content(target["id"]).get("uri"),
            duplicate_group=group,
            copies=copies,
        )
        document = finish(self._content(model), standing)
        digest = document_sha256(document)
        self._revised[model] = document, digest
        return bool(digest != row["sha256"])

    def _stored_copies(self, model: str) -> tuple[str | None, tuple[str, ...]]:
        before = self._stored(model)
        group = before.get("duplicate_group")
        if group is None or model in self._reprinted:
            return None, ()
        own = {before.get("uri"), *self._content(model).get("locations", ())}
        return group, tuple(uri for uri in before.get("locations", ()) if uri not in own)

    def _content(self, model: str) -> Document:
        if model not in self._contents:
            self._contents[model] = sanitised(unpack(ModelRecord, self._rows[model]["record"]).document)
        return self._contents[model]

    def _load(self, ids: Iterable[str | None]) -> None:
        wanted = [model for model in dict.fromkeys(ids) if model and model not in self._rows]
        for row in _rows(self._connection, wanted):
            self._rows[row.id] = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it


def _prints(row: Mapping[str, Any]) -> tuple[str, ...]:
    """What proves that this model's weights are those of another."""
    return tuple(print_ for print_ in (row["fingerprint"], row["tensors"]) if print_)


def _rows(connection: Connection, ids: Sequence[str]) -> Iterator[Any]:
    for part in _parts(ids):
        yield from connection.execute(select(records).where(records.c.id.in_(part)))


def _parts(items: Sequence[Any]) -> Iterator[list[Any]]:
    for start in range(0, len(items), ROWS_PER_STATEMENT):
        yield list(items[start : start + ROWS_PER_STATEMENT])


def _stored(row: Any, seen: dict[str, str]) -> StoredModel:
    document = json.loads(row.document)
    document["last_seen"] = shown_last_seen(row, seen)
    record = unpack(ModelRecord, row.record)
    return StoredModel(
        id=ModelId(row.id), revision=row.revision, document=document, provenance=record.provenance
    )


def _shelved(row: Any) -> Shelved:
    return Shelved(
        id=ModelId(row.id),
        state=row.state,
        signature=row.signature,
        fingerprint=row.fingerprint,
        identity=row.identity,
        path=os.fsdecode(row.group_key),
        missing_since=parse_instant(row.missing_since) if row.missing_since else None,
        missing_run=row.missing_run,
        moved_to=row.moved_to,
        unseen=row.last_seen is not None,
    )


def _revision(row: Any) -> Revision:
    return Revision(
        model_id=ModelId(row.model),
        number=row.number,
        sha256=row.sha256,
        parent_sha256=row.parent_sha256,
        made_by=row.made_by,
        made_at=parse_instant(row.made_at),
        document=unpack_json(row.document),
    )


__all__ = ["GONE", "LIVE", "MISSING", "Committed", "KnownSource", "RecordChange", "Records", "Shelved"]
