"""What persons set: one row per edit, never changed; of one field of a model the last counts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Connection, Engine, func, insert, select

from catalog.lazy_dataclasses import dataclass, replace
from catalog.normalise.values.secrets import masked
from catalog.records import Document, Edit, EditKind, EditState, ModelId
from catalog.records.history import BatchSummary
from catalog.sealing.faults import KeyMissing
from catalog.store.codec import instant, pack_json, parse_instant, unpack_json
from catalog.store.database import parts
from catalog.store.newest import present_or_empty, with_documents
from catalog.store.sealing import EDIT, Sealing
from catalog.store.tables import edits, records

NO_EDIT = EditState()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEdit:
    """What a person says of one field of one model from now on."""

    model: ModelId
    field: str
    state: EditState
    before: EditState = NO_EDIT
    overrides: tuple[Any] | None = None


class Edits:
    """Reading by anybody; they are written with the record that they change (`Records.transaction`)."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def of(self, models: Sequence[ModelId]) -> dict[ModelId, tuple[Edit, ...]]:
        """The last edit of each field of these models, cleared ones included, oldest first."""
        with self._engine.connect() as connection:
            return last_edits(connection, models)

    def by(self, author: str) -> list[ModelId]:
        """The models of which this author ever said something, and that did not move since, in the order of ids."""
        chosen = (
            select(edits.c.model)
            .distinct()
            .join(records, records.c.id == edits.c.model)
            .where(edits.c.made_by == author, records.c.moved_to.is_(None))
            .order_by(edits.c.model)
        )
        with self._engine.connect() as connection:
            return [ModelId(model) for model in connection.execute(chosen).scalars()]

    def batch(self, batch: str) -> Iterator[tuple[ModelId, tuple[str, ...]]]:
        """The models and fields that this batch changed and that did not move since, in the order of ids."""
        chosen = (
            select(edits.c.model, edits.c.field)
            .join(records, records.c.id == edits.c.model)
            .where(edits.c.batch == batch, records.c.moved_to.is_(None))
            .order_by(edits.c.model, edits.c.id)
        )
        changed: dict[ModelId, list[str]] = defaultdict(list)
        with self._engine.connect() as connection:
            for row in connection.execute(chosen):
                changed[ModelId(row.model)].append(row.field)
        for model, names in changed.items():
            yield model, tuple(dict.fromkeys(names))

    def documents(self, batch: str) -> Iterator[Document]:
        """What the models that this batch changed, and that did not move since, are now; empty for what is unreadable."""
        if not batch:  # of edits that were made before they had names, or by none
            return
        changed = select(edits.c.model).where(edits.c.batch == batch)
        chosen = with_documents().where(records.c.id.in_(changed), records.c.moved_to.is_(None))
        with self._engine.connect() as connection:
            for row in connection.execute(chosen):
                yield present_or_empty(row)

    def summary(self, batch: str) -> BatchSummary | None:
        """Who made this batch, when, and how many models it changed; None if there is none."""
        columns = func.min(edits.c.made_by), func.min(edits.c.made_at), func.count(edits.c.model.distinct())
        with self._engine.connect() as connection:
            made_by, made_at, models = connection.execute(
                select(*columns)
                .join(records, records.c.id == edits.c.model)
                .where(edits.c.batch == batch, records.c.moved_to.is_(None))
            ).one()
        if not models or not batch:
            return None
        return BatchSummary(batch=batch, made_by=made_by, made_at=parse_instant(made_at), models=models)


def last_edits(connection: Connection, models: Sequence[ModelId]) -> dict[ModelId, tuple[Edit, ...]]:
    """The last edit of each field of these models, cleared ones included, oldest first.

    Raises KeyMissing; one that a source has left behind with a key that is not here does not count.
    """
    last: dict[ModelId, dict[str, Edit]] = defaultdict(dict)
    sealing = Sealing(connection)
    for part in parts(models):
        chosen = select(edits).where(edits.c.model.in_(part)).order_by(edits.c.id)
        for row in connection.execute(chosen):
            try:
                last[ModelId(row.model)][row.field] = _edit(row, sealing)
            except KeyMissing:
                known = _sources(connection, [ModelId(row.model)])
                sealing.is_beyond(known.get(ModelId(row.model), ""))
    return {
        model: tuple(sorted(by_field.values(), key=lambda edit: edit.id)) for model, by_field in last.items()
    }


def add(
    connection: Connection,
    new: Iterable[NewEdit],
    *,
    made_by: str,
    at: datetime,
    batch: str = "",
    origins: Mapping[ModelId, ModelId] | None = None,
) -> None:
    """A person says this of these models. Secrets are masked before they are stored, and what is sensitive is sealed.

    `origins` are the models from which models are that there is no record of yet.
    """
    listed = list(new)
    sealing = Sealing(connection)
    places = _sources(connection, {(origins or {}).get(edit.model, edit.model) for edit in listed})
    rows = [
        sealed_row(
            sealing,
            places.get((origins or {}).get(edit.model, edit.model), ""),
            {
                "model": edit.model,
                "field": edit.field,
                "value": pack_json(masked(edit.field, edit.state.value)[0]),
                "made_by": made_by,
                "made_at": instant(at),
                "kind": edit.state.kind.value,
                "batch": batch,
                "before": pack_json([edit.before.kind.value, edit.before.value]),
                "overrides": None if edit.overrides is None else pack_json(list(edit.overrides)),
            },
        )
        for edit in listed
    ]
    if rows:
        connection.execute(insert(edits), rows)


def carry(connection: Connection, origins: Mapping[ModelId, ModelId]) -> None:
    """Models that moved (new -> old) take along what persons said of them at their old place."""
    known = last_edits(connection, sorted(set(origins.values()))) if origins else {}
    for model, origin in sorted(origins.items()):
        for edit in known.get(origin, ()):
            carried = NewEdit(
                model=model,
                field=edit.field,
                state=edit.state,
                before=edit.before,
                overrides=edit.overrides,
            )
            add(
                connection,
                [carried],
                made_by=edit.made_by,
                at=edit.made_at,
                batch=edit.batch,
                origins=origins,
            )


VALUES = ("value", "before", "overrides")
"""Columns that hold values."""


def sealed_row(sealing: Sealing, source: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of edits as it is stored."""
    sealed = {
        name: row[name] if row[name] is None else sealing.packed(source, row[name], *_place(row, name))
        for name in VALUES
    }
    return {**row, **sealed}


def opened_row(sealing: Sealing, row: Mapping[str, Any]) -> dict[str, Any]:
    """The same as it was packed. Raises KeyMissing, SealBroken."""
    opened = {
        name: row[name] if row[name] is None else sealing.opened(row[name], *_place(row, name))
        for name in VALUES
    }
    return {**row, **opened}


def _place(row: Mapping[str, Any], column: str) -> tuple[str, ...]:
    return EDIT, row["model"], row["field"], row["made_at"], row["batch"], column


def _sources(connection: Connection, models: Iterable[ModelId]) -> dict[ModelId, str]:
    known: dict[ModelId, str] = {}
    for page in parts(sorted(models)):
        chosen = select(records.c.id, records.c.source).where(records.c.id.in_(page))
        known |= {ModelId(row.id): row.source for row in connection.execute(chosen)}
    return known


def _edit(stored: Any, sealing: Sealing) -> Edit:
    row = SimpleNamespace(**opened_row(sealing, stored._mapping))  # noqa: SLF001 - SQLAlchemy's public name for it
    edit = Edit(
        id=row.id,
        field=row.field,
        value=unpack_json(row.value),
        made_by=row.made_by,
        made_at=parse_instant(row.made_at),
        kind=EditKind(row.kind),
        batch=row.batch,
    )
    if row.before is not None:
        kind, value = unpack_json(row.before)
        edit = replace(edit, before=EditState(kind=EditKind(kind), value=value))
    if row.overrides is not None:
        (overridden,) = unpack_json(row.overrides)
        edit = replace(edit, overrides=(overridden,))
    return edit
