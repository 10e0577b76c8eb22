"""Name, place, files, status and free text of a record, and what follows from other fields."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from datetime import UTC
from functools import cache
from typing import Any

from catalog.layouts import names
from catalog.lazy_dataclasses import replace
from catalog.normalise.assembly import Draft
from catalog.normalise.parts.measured import listing_observation
from catalog.normalise.precedence import reason_lost
from catalog.normalise.values.dates import instant_text
from catalog.normalise.values.objectives import task_of_objective
from catalog.records import (
    Contender,
    Evidence,
    FieldProvenance,
    FileStatus,
    Member,
    ObjectKey,
    Observation,
    Origin,
    Role,
    display_key,
    model_id,
)
from catalog.text import canonical, cleaning
from mappings import Field, fields_where, tasks
from mappings.flags import statuses as known_statuses
from mappings.frameworks import frameworks

MAX_FILES = 20_000
MAX_FILE_NAMES = 2_000
_WRITTEN_BY_PROGRAMS = frozenset({Origin.EMBEDDED, Origin.CONFIG, Origin.RUN})
_BROKEN_FIRST = tuple(FileStatus(row.name) for row in known_statuses().values() if row.by == "normaliser")


def describe(draft: Draft) -> None:
    """Identity, place and files; then what other fields imply: framework, task, relation; then the text to search."""
    _set_place(draft)
    _set_name(draft)
    _keep_to_one_manifest(draft)
    _set_hints(draft)
    _set_files(draft)
    _set_status(draft)
    _derive_framework(draft)
    _derive_task(draft)
    _derive_relation(draft)
    _set_all_text(draft)


def _set_hints(draft: Draft) -> None:
    """What the layout of directories says of the model counts where nobody says otherwise."""
    group = draft.group
    for field, value in (("version", group.version_hint), ("owner", group.owner_hint)):
        if not value:
            continue
        seen = Observation(
            field=field, raw=value, pointer="name:", key=ObjectKey(group.key), extractor="listing", extractor_version=1,
            origin=Origin.FILENAME, evidence=Evidence.INFERRED,
        )  # fmt: skip
        by_path = Contender(observation=seen, value=cleaning.keyword(display_key(value)))
        stated = draft.provenance.get(field)
        if stated is not None and stated.winners:
            lost = replace(by_path, lost_because=reason_lost("authored", stated.winners[0], by_path))
            draft.provenance[field] = replace(stated, losers=(*stated.losers, lost))
            continue
        draft.values[field] = by_path.value
        losers = stated.losers if stated else ()
        draft.provenance[field] = FieldProvenance(field=field, winners=(by_path,), losers=losers)


def _set_place(draft: Draft) -> None:
    group = draft.group
    path = display_key(group.key)
    uri = display_key(group.uri) if group.uri else f"{group.source}/{path}".removesuffix("/.").rstrip("/")
    draft.values.update(
        id=model_id(group.source, group.key), source=group.source, path=path or ".", uri=uri, locations=[uri]
    )


def _set_name(draft: Draft) -> None:
    """The best stated name; without one, what the path calls the model."""
    group = draft.group
    is_file = group.kind in {"file", "shards"}
    hint = group.name_hint if group.name_hint and not names.is_machine_name(group.name_hint) else None
    from_path = (
        hint
        or names.model_name(group.key, is_file=is_file)
        or names.model_name(group.source.rstrip("/"), is_file=False)
    )
    fallback = cleaning.keyword(display_key(from_path)) if from_path else ""
    fallback = fallback or str(model_id(group.source, group.key))[:12]
    seen = Observation(
        field="name", raw=fallback, pointer="name:", key=ObjectKey(group.key), extractor="listing", extractor_version=1,
        origin=Origin.FILENAME, evidence=Evidence.INFERRED,
    )  # fmt: skip
    by_path = Contender(observation=seen, value=fallback)
    stated = _without_leftovers(draft.provenance.get("name"))
    if stated is not None and stated.winners:
        draft.values["name"] = stated.winners[0].value
    if stated is None or not stated.winners:
        losers = stated.losers if stated else ()
        draft.values["name"] = fallback
        draft.provenance["name"] = FieldProvenance(field="name", winners=(by_path,), losers=losers)
        return
    lost = replace(by_path, lost_because="equal" if fallback == stated.winners[0].value else "rank")
    draft.provenance["name"] = replace(stated, losers=(*stated.losers, lost))


def _keep_to_one_manifest(draft: Draft) -> None:
    """Of several manifests of the same weights, the one that says what they are called says of which version and whose
    they are: another's tag is another name's.
    """
    named = draft.provenance.get("name")
    first = named.winners[0].observation if named is not None and named.winners else None
    if first is None or first.origin is not Origin.REGISTRY or first.pointer != "name:":
        return
    for field in fields_where("told_with_name"):
        stated = draft.provenance.get(field)
        if (
            stated is None
            or not stated.winners
            or stated.winners[0].observation.origin is not Origin.REGISTRY
        ):
            continue
        heard = [*stated.winners, *stated.losers]
        own = [contender for contender in heard if contender.observation.key == first.key]
        others = [replace(contender, lost_because="rank") for contender in heard if contender not in own]
        winners = (replace(own[0], lost_because=None),) if own else ()
        draft.provenance[field] = replace(stated, winners=winners, losers=(*own[1:], *others), conflict=False)
        if own:
            draft.values[field] = own[0].value
        else:
            draft.values.pop(field, None)


def _without_leftovers(stated: FieldProvenance | None) -> FieldProvenance | None:
    """The stated names in their order, those behind that a program wrote and that are none."""
    if stated is None or not any(map(_is_leftover, stated.winners)):
        return stated
    heard = [contender for contender in (*stated.winners, *stated.losers) if contender.value is not None]
    names_of_it = [contender for contender in heard if not _is_leftover(contender)]
    beaten = [
        replace(contender, lost_because="implausible") for contender in heard if _is_leftover(contender)
    ]
    if not names_of_it:
        return replace(stated, winners=(), losers=tuple(beaten), conflict=False)
    first, *others = names_of_it
    return replace(
        stated, winners=(replace(first, lost_because=None),), losers=(*others, *beaten), conflict=False
    )


def _is_leftover(contender: Contender) -> bool:
    name, origin = str(contender.value), contender.observation.origin
    if origin is Origin.CARD and names.is_title_of_a_kind(name):
        return True
    return origin in _WRITTEN_BY_PROGRAMS and names.is_leftover(name)


def _set_files(draft: Draft) -> None:
    # a file may tell of several subjects; one that is bound as a whole, too, has its size here
    ordered = sorted(draft.group.members, key=lambda member: member.subject is None)
    once = {member.object.key: member for member in ordered}
    members = sorted(once.values(), key=lambda member: member.object.key)
    draft.values["files"] = [_file(member) for member in members[:MAX_FILES]]
    draft.values["file_names"] = list(
        dict.fromkeys(display_key(posixpath.basename(member.object.key)) for member in members)
    )[:MAX_FILE_NAMES]
    weights = [
        member
        for member in members
        if member.extraction and member.extraction.role in {Role.WEIGHTS, Role.DATA}
    ] or [member for member in members if not member.is_shared]
    dated = [member for member in weights if member.object.last_modified is not None]
    if dated:
        newest = max(dated, key=lambda member: (_instant(member), member.object.key))
        written_at = _instant(newest)
        draft.set_derived("modified_at", written_at, listing_observation([newest], "modified_at", written_at))
    if draft.group.members and "owner" not in draft.values:
        owner = next((member.object.owner for member in weights if member.object.owner), None)
        if owner:
            draft.set_derived("owner", cleaning.keyword(owner), listing_observation(weights, "owner", owner))


def _instant(member: Member) -> str:
    moment = member.object.last_modified
    assert moment is not None
    return instant_text(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _file(member: Member) -> dict[str, Any]:
    extraction = member.extraction
    entry = {
        "key": display_key(member.object.key),
        "size_bytes": None if member.is_shared else member.object.size_bytes,
        "format": extraction.format if extraction else None,
        "sha256": None if member.is_shared else member.object.sha256,
        "role": str(extraction.role) if extraction else None,
        "status": str(extraction.status) if extraction else None,
    }
    return {name: value for name, value in entry.items() if value is not None}


def _set_status(draft: Draft) -> None:
    """The worst that happened to the weights; a model without weights is judged by its other files."""
    extractions = [member.extraction for member in draft.group.members if member.extraction]
    weights = [item for item in extractions if item.role in {Role.WEIGHTS, Role.POINTER}]
    considered = weights or extractions
    statuses = {item.status for item in considered}
    readable = {FileStatus.OK, FileStatus.PARTIAL} & statuses
    counted = draft.values.get("parameters_source") in {"counted", "derived"}
    worst = next((status for status in _BROKEN_FIRST if status in statuses), FileStatus.OK)
    if (
        counted
        and readable
        and worst in {FileStatus.UNREADABLE, FileStatus.POINTER, FileStatus.OPAQUE, FileStatus.EMPTY}
    ):
        cut = worst is FileStatus.UNREADABLE and draft.values.get("complete") is False
        worst = FileStatus.PARTIAL if cut or FileStatus.PARTIAL in statuses else FileStatus.OK
    elif worst is FileStatus.OPAQUE and readable:
        # an export that nobody here reads takes nothing from what the others say
        worst = FileStatus.PARTIAL if FileStatus.PARTIAL in statuses else FileStatus.OK
    draft.values["status"] = str(worst)
    if draft.group.kind == "run" and not any(item.role is Role.POINTER for item in extractions):
        draft.flags.add("run")
    if worst is FileStatus.POINTER:
        draft.flags.add("pointer")


def _derive_framework(draft: Draft) -> None:
    library = draft.values.get("library")
    if "framework" not in draft.values and library:
        seen = draft.provenance["library"].winners[0].observation
        draft.set_derived(
            "framework",
            canonical.framework(library),
            replace(seen, field="framework", evidence=Evidence.INFERRED),
            ("from library",),
        )


def _derive_task(draft: Draft) -> None:
    """The task that the architecture or the objective shows, when no file states one."""
    if "task" in draft.values:
        return
    architecture, objective = draft.values.get("architecture"), draft.values.get("training.objective")
    for source, task in (
        ("architecture", architecture and _task_of(str(architecture))),
        ("training.objective", objective and task_of_objective(str(objective))),
    ):
        if (
            task
            and source in draft.provenance
            and (source == "training.objective" or not _tabular(task) or _is_tabular(draft))
        ):
            seen = draft.provenance[source].winners[0].observation
            draft.set_derived(
                "task", task, replace(seen, field="task", evidence=Evidence.INFERRED), (f"from {source}",)
            )
            return


def _task_of(class_name: str) -> str | None:
    return (
        tasks.of_architecture(class_name) or tasks.of_pipeline(class_name) or tasks.of_estimator(class_name)
    )


def _tabular(task: str) -> bool:
    return task.startswith("tabular-")


def _is_tabular(draft: Draft) -> bool:
    return (row := frameworks().get(draft.values.get("framework", ""))) is not None and row.tabular


def _derive_relation(draft: Draft) -> None:
    """An adapter's only base model is what it adapts, a packed model's what it was quantised from."""
    bases = draft.values.get("base_model") or []
    for base in bases if len(bases) == 1 else ():
        if "relation" in base:
            continue
        if "adapter" in draft.flags:
            base["relation"] = "adapter"
        elif "quantized" in draft.flags:
            base["relation"] = "quantized"


@cache
def _rows_of_text() -> tuple[Field, ...]:
    """The fields that are searched as text, in their order there."""
    return tuple(sorted(fields_where("text_order").values(), key=lambda row: row.text_order or 0))


def _set_all_text(draft: Draft) -> None:
    values = draft.values
    parts = []
    for row in _rows_of_text():
        value = values.get(row.name)
        parts.append(" ".join(value or ()) if row.list else value)
    parts.extend(_cards(draft.observed("all_text")))
    joined = "\n".join(dict.fromkeys(str(part) for part in parts if part))
    draft.values["all_text"] = cleaning.cut_bytes(joined, cleaning.MAX_ALL_TEXT_BYTES)


def _cards(observations: Iterable[Observation]) -> list[str]:
    texts = [seen.raw for seen in observations if isinstance(seen.raw, str)]
    return [cleaning.clean(item, cleaning.MAX_ALL_TEXT_BYTES) for item in texts]
