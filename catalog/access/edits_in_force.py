"""What is set by hand of a model, read from why its values are what they are: each with what it overrides."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from catalog.lazy_dataclasses import dataclass
from catalog.normalise.parts import edits
from catalog.records import FieldProvenance, Origin

BY = "edit by "


@dataclass(frozen=True, slots=True, kw_only=True)
class EditInForce:
    """One field that a person set, added to, took from or emptied. `edited` is its name as it was set and is given back,
    which of metrics tells the data set and the split. `files_say` is what it would hold else, None for
    nothing; `contradicted` when files said something else when it was set.
    """

    field: str
    edited: str
    added: tuple[Any, ...] = ()
    removed: tuple[Any, ...] = ()
    value: Any = None  # None: emptied, or words were added and taken away
    emptied: bool = False
    made_by: str = ""
    made_at: str = ""
    files_say: Any = None
    said_in: str = ""  # the file that says so
    contradicted: bool = False

    @property
    def sentence(self) -> str:
        """What was done, in words."""
        if self.emptied:
            return "left empty"
        if self.added or self.removed:
            parts = [f"added {_words(self.added)}"] if self.added else []
            parts += [f"took away {_words(self.removed)}"] if self.removed else []
            return ", ".join(parts)
        return f"set to {_words(self.value if isinstance(self.value, list) else [self.value])}"


def edits_in_force(provenance: Mapping[str, FieldProvenance]) -> tuple[EditInForce, ...]:
    """What is set by hand, by field."""
    return tuple(
        edit
        for name, known in sorted(provenance.items())
        if not any(item.observation.context.get("setting") for item in known.winners)
        for edit in _edits(name, known)
    )


def _edits(name: str, known: FieldProvenance) -> Iterator[EditInForce]:
    """The edit of the field's value. Of a metric those of other data sets and splits are in force beside it, too."""
    by_hand = [_edit(name, known)] if edits.is_edited(known) else []
    yield from by_hand
    listed = {edit.edited for edit in by_hand}
    for item in known.losers:
        seen = item.observation
        named = edits.edited_field(name, seen)
        if seen.origin is Origin.EDIT and item.lost_because == edits.NOT_HEADLINE and named not in listed:
            listed.add(named)
            yield EditInForce(
                field=name,
                edited=named,
                value=item.value,
                made_by=str(seen.key).removeprefix(BY),
                made_at=str(seen.context.get("at", "")),
            )


def _edit(name: str, known: FieldProvenance) -> EditInForce:
    by_hand = [item for item in known.winners if item.observation.origin is Origin.EDIT]
    words: dict[str, list[Any]] = {edits.ADD: [], edits.REMOVE: []}
    for item in by_hand:
        part = item.observation.context.get(edits.PART)
        if part in words:
            words[part] += item.value if isinstance(item.value, list) else [item.value]
    seen = by_hand[0].observation
    merged = bool(words[edits.ADD] or words[edits.REMOVE])
    emptied = edits.is_part(seen, edits.EMPTY)
    files = edits.statements_of_files(known)
    return EditInForce(
        field=name,
        edited=edits.edited_field(name, seen),
        added=tuple(words[edits.ADD]),
        removed=tuple(words[edits.REMOVE]),
        value=None if merged or emptied else by_hand[0].value,
        emptied=emptied,
        made_by=str(seen.key).removeprefix(BY),
        made_at=str(seen.context.get("at", "")),
        files_say=edits.said_by_files(name, known),
        said_in=str(files[0].observation.key) if files else "",
        contradicted=edits.is_contradicted(name, known),
    )


def _words(values: Any) -> str:
    return ", ".join(map(str, values))
