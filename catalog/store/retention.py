"""What retention reads of all models and their files, and its plans with how far each of their objects is."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import islice, permutations
from typing import Any
from urllib.parse import unquote_to_bytes

from sqlalchemy import ColumnElement, Engine, Table, bindparam, delete, select, update

from catalog.errors import UserError
from catalog.lazy_dataclasses import dataclass
from catalog.records import Document, ModelId, ObjectKey, SourceId
from catalog.records.objects import one_file
from catalog.records.retention import PlannedModel, PlannedObject, StoredPlan, UnfinishedFile
from catalog.sealing.faults import KeyMissing
from catalog.sealing.names import MARK, joined
from catalog.store.codec import UNREADABLE, instant
from catalog.store.database import insert_rows, parts
from catalog.store.documents import LIVE, MISSING, TRASHED
from catalog.store.newest import present_or_empty, with_documents
from catalog.store.runs import seen_at, shown_last_seen
from catalog.store.sealing import PLAN, Sealing, part_of
from catalog.store.tables import (
    joins,
    objects,
    record_files,
    records,
    retention_models,
    retention_objects,
    retention_plans,
    retention_unfinished,
    sources,
)
from catalog.terminal import printable

PAGE = 500
HEAVY = frozenset({None, "weights", "part", "data"})
"""Roles of files without which a model is none. Other files may be of several models, and stay with them."""
UNFIT = frozenset({"empty", "incomplete", "pointer", "run"})
"""Flags and states of a model whose weights are not all here: it takes the place of none that has them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingModel:
    """A model as retention looks at it. `place` is where it stands in its series, `hidden` names what of it is sensitive,
    `is_complete` says whether all of its weights lie here as its own, `is_live` whether it is there at all.
    """

    id: ModelId
    source: SourceId
    name: str
    revision: int
    place: str
    document: Document
    hidden: tuple[str, ...] = ()
    is_complete: bool = False
    is_live: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnFile:
    """A live object that makes a model and lies with it. `identity` is equal for names of the same bytes on a disk."""

    model: ModelId
    source: SourceId
    key: ObjectKey
    role: str | None
    size_bytes: int
    change_token: str
    identity: str | None


class Retention:
    """Reading by anybody; whoever changes plans holds the lease of retention."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def standing(self, *, whole: bool = False) -> Iterator[StandingModel]:
        """Every live model in the order of ids; one whose document cannot be read has an empty one.

        `whole` is with their sensitive values, whether they are complete, and with those that may come back. Raises
        UserError where one cannot be read.
        """
        columns = (
            *(records.c.id, records.c.source, records.c.name, records.c.revision),
            *(records.c.series_place, records.c.last_seen),
            *(records.c.sealed, records.c.sealed_sha256, records.c.state),
        )
        states = (LIVE, MISSING, TRASHED) if whole else (LIVE,)
        last = ""
        while True:
            chosen = (records.c.id > last) & records.c.state.in_(states)
            with self._engine.connect() as connection:
                rows = list(
                    connection.execute(
                        with_documents(*columns).where(chosen).order_by(records.c.id).limit(PAGE)
                    )
                )
                seen = seen_at(connection)
                documents = [
                    _whole(row, Sealing(connection)) if whole else present_or_empty(row) for row in rows
                ]
            weighty = self._weighty([row.id for row in rows]) if whole else frozenset()
            for row, document in zip(rows, documents, strict=True):
                is_sealed = whole and row.sealed is not None
                hidden = tuple(present_or_empty(row).get(MARK, ())) if is_sealed else ()
                if document:
                    document["last_seen"] = shown_last_seen(row, seen, document)
                yield StandingModel(
                    id=ModelId(row.id),
                    source=SourceId(row.source),
                    name=row.name,
                    revision=row.revision,
                    place=row.series_place,
                    document=document,
                    hidden=hidden,
                    is_complete=row.id in weighty and _is_whole_model(document),
                    is_live=row.state == LIVE,
                )
            if len(rows) < PAGE:
                return
            last = rows[-1].id

    def files(self, models: Sequence[ModelId]) -> Iterator[OwnFile]:
        """The live files that make these models and lie with them, by model and key. What a file above them or one of
        several models says is not theirs.
        """
        same = (objects.c.source == record_files.c.source) & (objects.c.key == record_files.c.key)
        columns = (
            *(record_files.c.model, record_files.c.source, record_files.c.key, record_files.c.role),
            *(objects.c.size_bytes, objects.c.change_token, objects.c.file_identity),
        )
        for part in parts(models):
            own = (
                record_files.c.model.in_(part)
                & (record_files.c.subject == "")
                & (record_files.c.distance >= 0)
            )
            statement = (
                select(*columns)
                .join(objects, same)
                .where(own & (objects.c.state == LIVE))
                .order_by(record_files.c.model, record_files.c.key)
            )
            with self._engine.connect() as connection:
                rows = list(connection.execute(statement))
            for row in rows:
                yield OwnFile(
                    model=ModelId(row.model),
                    source=SourceId(row.source),
                    key=ObjectKey(os.fsdecode(row.key)),
                    role=row.role,
                    size_bytes=row.size_bytes,
                    change_token=row.change_token,
                    identity=one_file(row.file_identity),
                )

    def _weighty(self, models: Sequence[str]) -> frozenset[str]:
        """Those that have weights of their own that are there."""
        same = (objects.c.source == record_files.c.source) & (objects.c.key == record_files.c.key)
        roles = [role for role in HEAVY if role is not None]
        heavy = record_files.c.role.in_(roles) | record_files.c.role.is_(None)
        own = (record_files.c.subject == "") & (record_files.c.distance >= 0) & heavy
        there = (objects.c.state == LIVE) & (objects.c.size_bytes > 0)
        with self._engine.connect() as connection:
            return frozenset(
                model
                for part in parts(models)
                for model in connection.execute(
                    select(record_files.c.model)
                    .join(objects, same)
                    .where(record_files.c.model.in_(part) & own & there)
                    .distinct()
                ).scalars()
            )

    def owners(self, source: SourceId, keys: Iterable[ObjectKey]) -> dict[ObjectKey, set[ModelId]]:
        """The models that each of these files makes, alone or with others."""
        known: dict[ObjectKey, set[ModelId]] = {}
        columns = record_files.c.key, record_files.c.model
        with self._engine.connect() as connection:
            for part in parts([os.fsencode(key) for key in keys]):
                chosen = (record_files.c.source == source) & record_files.c.key.in_(part)
                for row in connection.execute(select(*columns).where(chosen)):
                    known.setdefault(ObjectKey(os.fsdecode(row.key)), set()).add(ModelId(row.model))
        return known

    def told_by(self, models: Sequence[ModelId]) -> dict[ModelId, tuple[ModelId, ...]]:
        """Which models of other sources tell of each of these: entries of registries, files of repositories that name it."""
        known: dict[ModelId, list[ModelId]] = {}
        with self._engine.connect() as connection:
            for part in parts(models):
                chosen = select(joins).where(joins.c.borrower.in_(part))
                for row in connection.execute(chosen.order_by(joins.c.borrower, joins.c.lender)):
                    known.setdefault(ModelId(row.borrower), []).append(ModelId(row.lender))
        return {model: tuple(lenders) for model, lenders in known.items()}

    def overlap_of(self, chosen: Collection[SourceId]) -> tuple[str, str] | None:
        """The addresses of one of these sources and another one, inner one first, that both list the same objects."""
        with self._engine.connect() as connection:
            rows = [
                (row.id, row.uri.rstrip("/"))
                for row in connection.execute(select(sources.c.id, sources.c.uri))
            ]
            for (inner, below), (outer, above) in permutations(rows, 2):
                is_asked = inner in chosen or outer in chosen
                if not is_asked or not (below == above or below.startswith(f"{above}/")):
                    continue
                folder = unquote_to_bytes(below[len(above) :]).strip(b"/")
                there = (objects.c.source == outer) & (objects.c.state == LIVE)
                if folder:
                    there &= (objects.c.key >= folder + b"/") & (objects.c.key < folder + b"0")
                within = (objects.c.source == inner) & (objects.c.state == LIVE)
                if all(
                    connection.execute(select(objects.c.key).where(each).limit(1)).first()
                    for each in (there, within)
                ):
                    return below, above
        return None

    def names_of(self, identities: Iterable[str]) -> dict[str, list[tuple[SourceId, ObjectKey]]]:
        """Where the same bytes of a disk have more than one name: the live objects of these identities."""
        columns = objects.c.file_identity, objects.c.source, objects.c.key
        names: dict[str, list[tuple[SourceId, ObjectKey]]] = {}
        with self._engine.connect() as connection:
            for part in parts(sorted(identities)):
                chosen = objects.c.file_identity.in_(part) & (objects.c.state == LIVE)
                for row in connection.execute(
                    select(*columns).where(chosen).order_by(objects.c.source, objects.c.key)
                ):
                    place = SourceId(row.source), ObjectKey(os.fsdecode(row.key))
                    names.setdefault(row.file_identity, []).append(place)
        return {identity: places for identity, places in names.items() if len(places) > 1}

    def unfinished(self) -> list[UnfinishedFile]:
        """What lay unfinished in all sources when somebody looked."""
        table = retention_unfinished
        with self._engine.connect() as connection:
            rows = connection.execute(select(table).order_by(table.c.source, table.c.key))
            return [UnfinishedFile(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public name for it

    def note_unfinished(self, source: SourceId, files: Sequence[UnfinishedFile]) -> None:
        """What is given is all that lies unfinished in the source now."""
        table = retention_unfinished
        with self._engine.begin() as connection:
            connection.execute(delete(table).where(table.c.source == source))
            insert_rows(connection, table, [asdict(file) for file in files])

    def plans(self, limit: int) -> list[StoredPlan]:
        """The newest plans, newest first."""
        newest = select(retention_plans).order_by(retention_plans.c.made_at.desc(), retention_plans.c.id)
        with self._engine.connect() as connection:
            sealing = Sealing(connection)
            return [_plan(row, sealing) for row in connection.execute(newest.limit(limit))]

    def plan(self, plan: str) -> StoredPlan | None:
        """The plan of this id."""
        with self._engine.connect() as connection:
            row = connection.execute(
                select(retention_plans).where(retention_plans.c.id == plan)
            ).one_or_none()
            return None if row is None else _plan(row, Sealing(connection))

    def models(
        self, plan: str, *, goes: bool | None = None, after: int = -1, limit: int | None = None
    ) -> Iterator[PlannedModel]:
        """The models of a plan in their order, those that go or those that stay."""
        table = retention_models
        chosen = table.c.plan == plan
        if goes is not None:
            chosen &= table.c.goes == int(goes)
        for row in islice(self._numbered(table, chosen, after=after, most=limit), limit):
            yield PlannedModel(
                number=row.number,
                model=ModelId(row.model),
                goes=bool(row.goes),
                line=json.loads(row.line),
                state=row.state,
                note=row.note,
            )

    def objects(self, plan: str, *, model: ModelId | None = None) -> Iterator[PlannedObject]:
        """The objects of a plan in their order, all of them or those of one model."""
        table = retention_objects
        chosen = table.c.plan == plan
        if model is not None:
            chosen &= table.c.model == model
        for row in self._numbered(table, chosen):
            yield PlannedObject(
                number=row.number,
                model=ModelId(row.model),
                source=SourceId(row.source),
                key=ObjectKey(os.fsdecode(row.key)),
                line=json.loads(row.line),
                state=row.state,
                evidence=json.loads(row.evidence),
            )

    def _numbered(
        self, table: Table, chosen: ColumnElement[bool], *, after: int = -1, most: int | None = None
    ) -> Iterator[Any]:
        """The chosen rows behind this number in their order, read page by page; a page is of `most` rows if that is less."""
        size = PAGE if most is None else min(most, PAGE)
        while size:
            page = select(table).where(chosen, table.c.number > after).order_by(table.c.number).limit(size)
            with self._engine.connect() as connection:
                rows = list(connection.execute(page))
            yield from rows
            if len(rows) < size:
                return
            after = rows[-1].number

    def writer(self, plan: str) -> PlanWriter:
        """Writes a plan page by page; there is none before its header is written. What a killed writer left is removed."""
        whole = select(retention_plans.c.id)
        with self._engine.begin() as connection:
            for table in (retention_models, retention_objects):
                connection.execute(delete(table).where(table.c.plan.not_in(whole)))
        return PlanWriter(self._engine, plan)

    def note_object(self, plan: str, number: int, state: str, evidence: Mapping[str, Any]) -> None:
        """How far one object is; on disk when this returns."""
        table = retention_objects
        chosen = (table.c.plan == plan) & (table.c.number == number)
        values = {"state": state, "evidence": json.dumps(evidence, sort_keys=True)}
        with self._engine.begin() as connection:
            connection.execute(update(table).where(chosen).values(values))

    def note_evidence(self, plan: str, known: Sequence[tuple[int, Mapping[str, Any]]]) -> None:
        """What tells each of these objects (by number) from any other, before one of them is touched."""
        table = retention_objects
        chosen = (table.c.plan == plan) & (table.c.number == bindparam("of"))
        rows = [{"of": number, "evidence": json.dumps(each, sort_keys=True)} for number, each in known]
        if rows:
            with self._engine.begin() as connection:
                connection.execute(update(table).where(chosen).values(evidence=bindparam("evidence")), rows)

    def note_model(self, plan: str, number: int, state: str, note: str = "") -> None:
        """What was done with one model."""
        table = retention_models
        chosen = (table.c.plan == plan) & (table.c.number == number)
        with self._engine.begin() as connection:
            connection.execute(update(table).where(chosen).values(state=state, note=note))

    def note_plan(self, plan: str, state: str) -> None:
        """How far the plan is."""
        values = {"state": state, "updated_at": instant(datetime.now(UTC))}
        with self._engine.begin() as connection:
            connection.execute(update(retention_plans).where(retention_plans.c.id == plan).values(values))


class PlanWriter:
    """The lines of one plan, then its header."""

    def __init__(self, engine: Engine, plan: str) -> None:
        self._engine = engine
        self._plan = plan
        self._models: list[dict[str, Any]] = []
        self._objects: list[dict[str, Any]] = []
        self._numbers = {"models": 0, "objects": 0}

    def model(self, model: ModelId, line: str, *, goes: bool) -> None:
        number = self._number("models")
        row = {"plan": self._plan, "number": number, "model": model, "goes": int(goes), "line": line}
        self._models.append({**row, "state": "", "note": ""})
        self._flush(full=PAGE)

    def object(self, file: OwnFile, line: str) -> None:
        row = {
            "plan": self._plan,
            "number": self._number("objects"),
            "model": file.model,
            "source": file.source,
        }
        self._objects.append(
            {**row, "key": os.fsencode(file.key), "line": line, "state": "", "evidence": "{}"}
        )
        self._flush(full=PAGE)

    def header(self, header: str, sha256: str, *, made_at: datetime, state: str) -> None:
        """The last thing that is written."""
        self._flush(full=1)
        row = {"id": self._plan, "sha256": sha256, "state": state}
        with self._engine.begin() as connection:
            row["header"] = Sealing(connection).text(header, PLAN, self._plan)
            insert_rows(
                connection,
                retention_plans,
                [{**row, "made_at": instant(made_at), "updated_at": instant(made_at)}],
            )

    def _number(self, kind: str) -> int:
        self._numbers[kind] += 1
        return self._numbers[kind] - 1

    def _flush(self, *, full: int) -> None:
        for table, rows in ((retention_models, self._models), (retention_objects, self._objects)):
            if len(rows) >= full:
                with self._engine.begin() as connection:
                    insert_rows(connection, table, rows)
                rows.clear()


def _is_whole_model(document: Document) -> bool:
    return UNFIT.isdisjoint({document.get("status"), *document.get("flags", ())})


def _whole(row: Any, sealing: Sealing) -> dict[str, Any]:
    """The document of a row with its sensitive values. Raises UserError."""
    document = present_or_empty(row)
    name = f"{printable(row.name, limit=100)} ({row.id[:12]})"
    if not document:
        raise UserError(
            f"The record of {name} is damaged, so nobody knows what it needs.", advice="No plan was made."
        )
    part = part_of(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
    if part is None:
        return document
    try:
        return joined(document, sealing.values(row.id, part))
    except (KeyMissing, *UNREADABLE) as error:
        why = getattr(error, "sentence", "damaged")
        raise UserError(
            f"What is sensitive of {name} is {why}, so nobody knows what keeps it.",
            advice="No plan was made.",
        ) from error


def _plan(row: Any, sealing: Sealing) -> StoredPlan:
    return StoredPlan(
        id=row.id,
        header=json.loads(sealing.opened_text(row.header, PLAN, row.id)),
        sha256=row.sha256,
        made_at=row.made_at,
        state=row.state,
        updated_at=row.updated_at,
    )
