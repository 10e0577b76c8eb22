"""The first look at all models of a source, before anything is written: which are there, and which are not as recorded."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from collections.abc import Set as AbstractSet

from catalog.lazy_dataclasses import dataclass, field
from catalog.recording.prints import contents, identity, is_weights_file, weights_of
from catalog.recording.recorder import FreshGroup
from catalog.records import Group, ModelId, ObjectKey, SourceId
from catalog.store.attendance import Attendance, Attendee, Shelved
from catalog.store.documents import LIVE
from catalog.store.records import Records
from crawler.grouping.places import Neighbourhood, Neighbourhoods
from crawler.stages.committing import compared, is_current
from crawler.stages.judging import is_hidden
from crawler.stages.members import SourceGroups


@dataclass(slots=True)
class Survey:
    """What was seen. `unchanged` models are in none of the `changed` neighbourhoods. `out_of_sight` are models all of
    whose files are where this run could not look, `unseen` those that an earlier run could not look at.
    """

    changed: Collection[Neighbourhood]
    models: int = 0
    unchanged: int = 0
    out_of_sight: set[ModelId] = field(default_factory=set)
    unseen: set[ModelId] = field(default_factory=set)


def survey(
    parts: SourceGroups,
    records: Records,
    attendance: Attendance,
    recipe: str,
    *,
    hidden: Collection[ObjectKey],
    reread: bool,
) -> Survey:
    """Notes every model that is there in the attendance. With `reread` all count as changed."""
    changed = Neighbourhoods()
    seen = Survey(changed=changed)
    for batch in parts.batches(again=True):
        groups = [group for part in batch for group in part.groups]
        pairs = list(compared(groups, records, recipe))
        attendance.add(attendee(fresh, row) for fresh, row in pairs)
        seen.unseen |= {fresh.model for fresh, row in pairs if row is not None and row.unseen}
        seen.out_of_sight |= {fresh.model for fresh, _ in pairs if is_hidden(fresh.group, hidden)}
        rest = iter(pairs)
        for part in batch:
            if all([is_current(*next(rest)) for _ in part.groups]) and not reread:  # noqa: C419 - every pair is to be taken
                seen.unchanged += len(part.groups)
            else:
                changed.append(part.neighbourhood)
        seen.models += len(pairs)
    return seen


def sight(
    records: Records, source: SourceId, hidden: Collection[ObjectKey]
) -> tuple[set[ModelId], set[ModelId]]:
    """The models of whose records all files are hidden, and those that an earlier run could not look at."""
    models = records.models_of(source, sorted(hidden))
    files = records.file_keys(models)
    live = {model for model, row in records.shelved_of(models).items() if row.state == LIVE}
    all_hidden = frozenset(hidden)
    return {model for model in live if all_hidden.issuperset(files[model])}, records.unseen(source)


def owners(
    parts: SourceGroups, keys: Iterable[ObjectKey], weights: AbstractSet[ObjectKey]
) -> Mapping[ObjectKey, ModelId]:
    """The models that have these files, by key."""
    wanted = set(keys)
    chosen = parts.around(wanted) if wanted else []
    groups = (
        (FreshGroup(group=group, signature="").model, group)
        for batch in parts.batches(chosen)
        for part in batch
        for group in part.groups
    )
    return owners_among(groups, wanted, weights)


def owners_among(
    groups: Iterable[tuple[ModelId, Group]], keys: AbstractSet[ObjectKey], weights: AbstractSet[ObjectKey]
) -> dict[ObjectKey, ModelId]:
    """The models that have these files as their weights, or of those that were `weights` of a model of their own, the ones
    of which they are a part now: a trainer's state, a tensor of many. Other files lie beside many models.
    """
    as_weights: dict[ObjectKey, ModelId] = {}
    as_parts: dict[ObjectKey, ModelId] = {}
    for model, group in groups:
        for member in group.members:
            key = member.object.key
            if key in keys and is_weights_file(member):
                as_weights[key] = model
            elif key in keys and key in weights:
                as_parts.setdefault(key, model)
    return {**as_parts, **as_weights}


def attendee(fresh: FreshGroup, row: Shelved | None) -> Attendee:
    """The model of this group; with its prints if its record, if there is one, is not live."""
    group = fresh.group
    if row is not None and row.state == LIVE:
        return Attendee(id=fresh.model, path=group.key)
    return Attendee(
        id=fresh.model,
        path=group.key,
        identity=identity(group),
        contents=contents(group),
        weights=tuple(dict.fromkeys(member.object.key for member in weights_of(group))),
    )
