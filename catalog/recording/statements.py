"""What a neighbour says of models, kept as edits whose author it is: they win over files and give way to persons, and stand as
long as it says them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from catalog.errors import EditRefused, NotRemakable
from catalog.lazy_dataclasses import dataclass
from catalog.recording.reports import report_model
from catalog.records import ModelId
from catalog.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """What became of it: whether the model is other than before, how many fields were taken back, how many are as a person
    set them, and why the model cannot take it.
    """

    changed: bool = False
    taken_back: int = 0
    by_persons: int = 0
    refusal: str = ""


def spoken_of(store: Store, author: str) -> set[ModelId]:
    """The models of which something that this author said is in force."""
    last = store.edits.of(store.edits.by(author))
    return {
        model
        for model, edits in last.items()
        if any(edit.made_by == author and not edit.state.is_none for edit in edits)
    }


def state(
    store: Store,
    model: ModelId,
    values: Mapping[str, Any],
    *,
    author: str,
    cause: str,
) -> Stated:
    """Sets what is said, and takes back what this author said and says no more. Persons are not overruled."""
    last = {edit.field: edit for edit in store.edits.of([model]).get(model, ())}
    in_force = {name: edit for name, edit in last.items() if not edit.state.is_none}
    persons = {name for name, edit in in_force.items() if edit.made_by != author}
    own = {name: value for name, value in values.items() if name not in persons}
    over = [name for name, edit in in_force.items() if edit.made_by == author and name not in own]
    by_persons = len(persons.intersection(values))
    if not (own or over):
        return Stated(by_persons=by_persons)
    try:
        reported = report_model(store, model, own, clear=over, made_by=author, cause=cause, gives_way=True)
    except (EditRefused, NotRemakable) as error:
        return Stated(by_persons=by_persons, refusal=str(error))
    return Stated(changed=bool(reported.changed), taken_back=len(over), by_persons=by_persons)
