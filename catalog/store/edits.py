"""What persons set: one row per edit, never changed; of one field of a model the last counts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, insert, select

from catalog.normalise.values.secrets import masked
from catalog.records import Edit, ModelId
from catalog.store.codec import instant, pack_json, parse_instant, unpack_json
from catalog.store.database import parts
from catalog.store.tables import edits


class Edits:
    """Reading by anybody; they are written with the record that they change (`Records.transaction`)."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def of(self, models: Sequence[ModelId]) -> dict[ModelId, tuple[Edit, ...]]:
        """The last edit of each field of these models, cleared ones included, oldest first."""
        with self._engine.connect() as connection:
            return last_edits(connection, models)


def last_edits(connection: Connection, models: Sequence[ModelId]) -> dict[ModelId, tuple[Edit, ...]]:
    """The last edit of each field of these models, cleared ones included, oldest first."""
    last: dict[ModelId, dict[str, Edit]] = defaultdict(dict)
    for part in parts(models):
        chosen = select(edits).where(edits.c.model.in_(part)).order_by(edits.c.id)
        for row in connection.execute(chosen):
            last[ModelId(row.model)][row.field] = _edit(row)
    return {
        model: tuple(sorted(by_field.values(), key=lambda edit: edit.id)) for model, by_field in last.items()
    }


def add(
    connection: Connection, model: ModelId, values: Mapping[str, Any], *, made_by: str, at: datetime
) -> None:
    """A person sets these fields; None gives one back to the files. Secrets are masked before they are stored."""
    rows = [
        {
            "model": model,
            "field": field,
            "value": pack_json(masked(field, value)[0]),
            "made_by": made_by,
            "made_at": instant(at),
        }
        for field, value in values.items()
    ]
    if rows:
        connection.execute(insert(edits), rows)


def carry(connection: Connection, origins: Mapping[ModelId, ModelId]) -> None:
    """Models that moved (new -> old) take along what persons said of them at their old place."""
    known = last_edits(connection, sorted(set(origins.values()))) if origins else {}
    for model, origin in sorted(origins.items()):
        for edit in known.get(origin, ()):
            add(connection, model, {edit.field: edit.value}, made_by=edit.made_by, at=edit.made_at)


def _edit(row: Any) -> Edit:
    return Edit(
        id=row.id,
        field=row.field,
        value=unpack_json(row.value),
        made_by=row.made_by,
        made_at=parse_instant(row.made_at),
    )
