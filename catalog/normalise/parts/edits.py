"""What persons say, and what of it is no longer against what it was said: the words in which edits reach the normaliser."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from catalog.normalise.metrics import headline_name, read_metric_name
from catalog.normalise.values.field_values import scalar
from catalog.records import Contender, FieldProvenance, Observation, Origin
from catalog.text.slugs import stored_slug
from mappings import fields

PART = "edit"
"""In the context of an edit's observation: which of the following it is."""
SET, ADD, REMOVE, EMPTY = "set", "add", "remove", "empty"
OVERRIDES = "overrides"
"""In the same place, what files said when the edit was made, as a list of one."""
FIELD = "field"
"""In the same place, the field of the edit where documents have it under another name."""
TAKEN_AWAY = "taken-away"
CONTRADICTED = "contradicted"
EDITED = "edited"
METRICS = "metrics"
NOT_HEADLINE = "not-headline"
"""Why a value of a metric is not the one that stands for it: it was measured on another data set or split."""
FREE = ("hyperparameters", "extra")


def is_part(seen: Observation, part: str) -> bool:
    """Whether this is what a person says, and of this kind."""
    return seen.origin is Origin.EDIT and seen.context.get(PART) == part


def place_of(name: str) -> str:
    """The name under which a document has the field: free names are slugs there, metrics have their usual name."""
    prefix, dot, rest = name.partition(".")
    if dot and prefix == METRICS:
        return f"{prefix}.{headline_name(read_metric_name(rest))}"
    return f"{prefix}.{stored_slug(rest)}" if dot and prefix in FREE else name


def edited_field(name: str, seen: Observation) -> str:
    """The field that a person set, as it is given back: of metrics the name tells data set and split, too."""
    return str(seen.context.get(FIELD) or name)


def is_edited(provenance: FieldProvenance) -> bool:
    """Whether a person's statement is in force here."""
    return any(statement.observation.origin is Origin.EDIT for statement in provenance.winners)


def statements_of_files(provenance: FieldProvenance) -> list[Contender]:
    """What others than persons say of the field, best first."""
    return [
        statement
        for statement in (*provenance.winners, *provenance.losers)
        if statement.observation.origin is not Origin.EDIT and statement.value is not None
    ]


def said_by_files(name: str, provenance: FieldProvenance | None) -> Any:
    """The value that the field would have without edits, None if there would be none. The same files say the same."""
    statements = [] if provenance is None else statements_of_files(provenance)
    row = fields().get(name)
    if row is not None and row.list:
        words = (word for statement in statements for word in _several(statement.value))
        return list({str(word).casefold(): word for word in words}.values()) or None
    return statements[0].value if statements else None


def is_contradicted(name: str, provenance: FieldProvenance) -> bool:
    """Whether files say something else than the edit and than what they said when it was made."""
    by_hand = [item for item in provenance.winners if is_whole(item.observation)]
    known = next((item.observation.context.get(OVERRIDES) for item in by_hand), None)
    if not isinstance(known, list) or len(known) != 1:
        return False
    present = said_by_files(name, provenance)
    if isinstance(present, list):
        heard = [*_several(known[0] or []), *(word for item in by_hand for word in _several(item.value))]
        return bool(without(present, heard))
    if present is None or _same(present, known[0]):
        return False
    return not any(_same(present, item.value) for item in by_hand)


def is_whole(seen: Observation) -> bool:
    """Whether a person says all that the field holds: words that are added or taken away are against nothing."""
    return is_part(seen, SET) or is_part(seen, EMPTY)


def without(words: Iterable[Any], removed: Iterable[Any]) -> list[Any]:
    """The words that are none of those that were taken away, whatever their case."""
    gone = {str(word).casefold() for word in removed}
    return [word for word in words if str(word).casefold() not in gone]


def free_value(raw: Any) -> Any:
    """A value of a free name as documents keep it."""
    return scalar(raw).value


def _same(value: Any, other: Any) -> bool:
    return str(value).casefold() == str(other).casefold() if isinstance(value, str) else bool(value == other)


def _several(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
