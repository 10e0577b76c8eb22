"""A person's values for the fields of one model, by compare-and-set on the revision that the person looked at."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from catalog.errors import EditRefused, UserError
from catalog.normalise.values import field_values, secrets
from catalog.recording.changes import observations_of
from catalog.recording.metric_edits import PREFIX, why_no_metric
from catalog.recording.remake import remake_in
from catalog.records import Edit, ModelId
from catalog.store import Store
from catalog.terminal import printable
from catalog.text.spelling import nearest
from mappings import SEARCHABLE_TYPES, Field, fields

FREE = ("hyperparameters.", "extra.", PREFIX)
"""In front of names that the table does not list; their values may be anything plain."""

MEASURED_RULES = frozenset({"counted", "derived"})
NOT_ALONE = frozenset({"base_model.relation"})
"""Part of an entry that has a name of its own: edited alone, it would belong to nothing."""

MAX_NAME_CHARS = 200
MAX_VALUE_CHARS = 100_000


def edit_model(
    store: Store,
    model: ModelId,
    *,
    expected: int,
    values: Mapping[str, Any],
    clear: Sequence[str] = (),
    made_by: str,
) -> int:
    """Sets and clears fields of the model if it still is at the `expected` revision; its revision afterwards.

    The values win over what files say, now and in every later crawl, until they are cleared. Nothing of it happens, or
    all. Raises EditRefused, RevisionConflict, NotRemakable.
    """
    changes: dict[str, Any] = {**checked(values, clear), **dict.fromkeys(clear)}
    with store.records.transaction(made_by="edit") as batch:
        batch.lock([model])
        batch.expect(model, expected)
        batch.edit(model, changes, made_by=made_by)
        remake_in(batch, [model])
    store.records.settle_copies()
    return batch.revision(model)


def checked(values: Mapping[str, Any], clear: Sequence[str] = ()) -> dict[str, Any]:
    """The values fit to be kept, secrets masked. Raises EditRefused, which names everything that is wrong with them."""
    reasons = [
        reason
        for name, value in values.items()
        if (reason := _why_not(name) or _why_no_value(name, value)) is not None
    ]
    reasons += [reason for name in clear if (reason := _why_not(name)) is not None]
    reasons += [f"{name} is both set and cleared" for name in clear if name in values]
    if reasons:
        raise EditRefused(tuple(reasons))
    return {name: secrets.masked(name.rpartition(".")[2], value)[0] for name, value in values.items()}


def typed_value(name: str, text: str) -> Any:
    """What a person typed for a field: a list as JSON or with commas between, where the field holds several; anything
    else as it is typed.
    """
    field = fields().get(name)
    if text.startswith("[") and (field is None or field.list):
        try:
            return json.loads(text)
        except ValueError as error:
            raise UserError(
                f"The value of {printable(name)} begins like a JSON list and is none: {error}."
            ) from error
    if field is not None and field.list:
        return [item.strip() for item in text.split(",") if item.strip()]
    return text


def editable() -> list[Field]:
    """The fields of the table that a person may set."""
    return [field for field in fields().values() if _why_not(field.name) is None]


def _why_not(name: str) -> str | None:
    """Why nobody may set this field."""
    field = fields().get(name)
    if field is None:
        if name.startswith(FREE) and not name.endswith(".") and len(name) <= MAX_NAME_CHARS:
            return None
        close = nearest(name, [row.name for row in editable()], limit=1)
        return f"there is no field {name[:MAX_NAME_CHARS]!r}" + (
            f", did you mean {close[0]}?" if close else ""
        )
    if (
        field.rule in MEASURED_RULES
        or field.type not in SEARCHABLE_TYPES - {"flattened"}
        or name in NOT_ALONE
    ):
        return f"{name} is measured or made by Modeldex and cannot be set"
    return None


def _why_no_value(name: str, value: Any) -> str | None:
    """Why the field cannot hold the value."""
    if len(str(value)) > MAX_VALUE_CHARS:
        return f"the value of {name} is longer than {MAX_VALUE_CHARS:,} characters"
    if name.startswith(PREFIX):
        return why_no_metric(name, value)
    field = fields().get(name)
    now = datetime.now(UTC)
    (seen,) = observations_of([Edit(id=0, field=name, value=value, made_by="", made_at=now)]) or (None,)
    if seen is None:
        return f"{name} has no value"
    converted = field_values.scalar(value) if field is None else field_values.convert(field, seen, now=now)
    if converted.value is None:
        return f"{name} cannot be {str(value)[:80]!r} ({converted.reason})"
    return None
