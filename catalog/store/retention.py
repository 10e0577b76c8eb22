"""What retention reads of all models and their files, and its plans with how far each of their objects is."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, bindparam, delete, select, update

from catalog.records import Document, ModelId, ObjectKey, SourceId
from catalog.records.objects import SAME_BYTES
from catalog.records.retention import PlannedModel, PlannedObject, StoredPlan, UnfinishedFile
from catalog.store.codec import instant, read_object
from catalog.store.consumers import shown_last_seen
from catalog.store.database import insert_rows, parts
from catalog.store.documents import LIVE
from catalog.store.runs import seen_at
from catalog.store.sealing import PLAN, Sealing
from catalog.store.tables import (
    objects,
    record_files,
    records,
    retention_models,
    retention_objects,
    retention_plans,
    retention_unfinished,
)

PAGE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingModel:
    """A live model as retention looks at it. `place` is where it stands in its series."""

    id: ModelId
    source: SourceId
    name: str
    revision: int
    place: str
    document: Document


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

    def standing(self) -> Iterator[StandingModel]:
        """Every live model in the order of ids; one whose document cannot be read has an empty one."""
        columns = (
            *(records.c.id, records.c.source, records.c.name, records.c.revision),
            *(records.c.series_place, records.c.last_seen, records.c.document),
        )
        last = ""
        while True:
            chosen = (records.c.id > last) & (records.c.state == LIVE)
            with self._engine.connect() as connection:
                rows = list(
                    connection.execute(select(*columns).where(chosen).order_by(records.c.id).limit(PAGE))
                )
                seen = seen_at(connection)
            for row in rows:
                document = read_object(row.document)
                if document:
                    document["last_seen"] = shown_last_seen(row, seen)
                yield StandingModel(
                    id=ModelId(row.id),
                    source=SourceId(row.source),
                    name=row.name,
                    revision=row.revision,
                    place=row.series_place,
                    document=document,
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
                identity = row.file_identity
                yield OwnFile(
                    model=ModelId(row.model),
                    source=SourceId(row.source),
                    key=ObjectKey(os.fsdecode(row.key)),
                    role=row.role,
                    size_bytes=row.size_bytes,
                    change_token=row.change_token,
                    identity=None if identity is None or identity.startswith(SAME_BYTES) else identity,
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
        while limit is None or limit > 0:
            chosen = (table.c.plan == plan) & (table.c.number > after)
            if goes is not None:
                chosen &= table.c.goes == int(goes)
            size = PAGE if limit is None else min(limit, PAGE)
            with self._engine.connect() as connection:
                rows = list(
                    connection.execute(select(table).where(chosen).order_by(table.c.number).limit(size))
                )
            for row in rows:
                yield PlannedModel(
                    number=row.number,
                    model=ModelId(row.model),
                    goes=bool(row.goes),
                    line=json.loads(row.line),
                    state=row.state,
                    note=row.note,
                )
            if len(rows) < size:
                return
            after = rows[-1].number
            limit = None if limit is None else limit - len(rows)

    def objects(self, plan: str, *, model: ModelId | None = None) -> Iterator[PlannedObject]:
        """The objects of a plan in their order, all of them or those of one model."""
        table, after = retention_objects, -1
        while True:
            chosen = (table.c.plan == plan) & (table.c.number > after)
            if model is not None:
                chosen &= table.c.model == model
            with self._engine.connect() as connection:
                rows = list(
                    connection.execute(select(table).where(chosen).order_by(table.c.number).limit(PAGE))
                )
            for row in rows:
                yield PlannedObject(
                    number=row.number,
                    model=ModelId(row.model),
                    source=SourceId(row.source),
                    key=ObjectKey(os.fsdecode(row.key)),
                    line=json.loads(row.line),
                    state=row.state,
                    evidence=json.loads(row.evidence),
                )
            if len(rows) < PAGE:
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


def _plan(row: Any, sealing: Sealing) -> StoredPlan:
    return StoredPlan(
        id=row.id,
        header=json.loads(sealing.opened_text(row.header, PLAN, row.id)),
        sha256=row.sha256,
        made_at=row.made_at,
        state=row.state,
        updated_at=row.updated_at,
    )
