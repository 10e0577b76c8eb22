"""Whose a card, a configuration, a log or a sidecar is: a file speaks for a model by a link, a stem or a known layout."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from catalog.layouts import names
from catalog.layouts.companions import COMPANION, noted_file, targets_of
from catalog.layouts.steps import SIDECAR_FORMAT
from catalog.layouts.variants import without_quantization
from catalog.records import (
    Extraction,
    Member,
    Role,
    is_unread,
    unread,
)
from crawler.formats.json_lines import LAST_LINES, METRIC_LINES
from crawler.grouping.draft import (
    Draft,
    directory_of,
    distance_between,
    is_weights,
    joined,
    name_of,
    upwards,
)
from crawler.grouping.layouts import (
    ALTERNATIVE_DIRECTORIES,
    BEGINS_WITH_POSITION,
    DEEPSPEED_STATE,
    END_OF_RUN,
    LOG_DIRECTORIES,
    OPTIMIZER_STATE,
    RUN_POSITION,
    SIDE_DIRECTORIES,
    SIDECAR,
    STATES_BELOW_SETTINGS,
    STATES_OF_SETTINGS,
)
from crawler.grouping.steps import bind_lines, bind_steps
from crawler.grouping.subjects import spoken_for
from crawler.grouping.tree import Tree

MAX_PARENT_LEVELS = 2
MAX_SIDE_LEVELS = 3
"""As `results/ORGANISATION/MODEL` of lighteval. Source: huggingface/lighteval src/lighteval/logging/evaluation_tracker.py."""
LICENCE_TEXT = "text"
"""The format of the texts of licences."""
LORA_SIDECAR = "lora-sidecar"
"""The format of notes that tools keep beside one model file, under its stem."""


def bind_context(tree: Tree, drafts: Sequence[Draft], open_directories: frozenset[str]) -> None:
    by_directory, inside = _places(drafts)
    named = spoken_for(tree.members)
    by_file = _by_file(tree.members, drafts)
    for member in tree.members:
        extraction = member.extraction
        if extraction is None or is_weights(member) or member.object.key in named:
            continue
        of_steps = extraction.format == SIDECAR_FORMAT
        if extraction.subjects and not of_steps:
            continue
        directory = directory_of(member.object.key)
        if directory in open_directories:
            continue
        if _is_note(member) and tree.owner(directory) is None:
            target = joined(directory, noted_file(name_of(member.object.key)))
            bound: Sequence[Draft] = by_file.get(target, ())
        else:
            bound = _context_of(tree, member, by_directory, inside)
        for draft in bound:
            draft.bind(
                member if _speaks_for(draft, member) else replace(member, extraction=unread(extraction.key))
            )
        if of_steps:
            bind_steps(member, [draft for draft in bound if _speaks_for(draft, member)])


def _places(drafts: Iterable[Draft]) -> tuple[dict[str, list[Draft]], dict[str, list[Draft]]]:
    """The models in each directory, and those in it or below."""
    by_directory: dict[str, list[Draft]] = defaultdict(list)
    inside: dict[str, list[Draft]] = defaultdict(list)
    for draft in drafts:
        for place in {draft.directory, *draft.places}:
            by_directory[place].append(draft)
        for directory in upwards(draft.directory):
            inside[directory].append(draft)
    return by_directory, inside


def bind_logs(tree: Tree, drafts: Sequence[Draft], open_directories: frozenset[str]) -> None:
    """The last lines of a log are about the model beside it, unless lines of the log are about checkpoints by name."""
    logs = [
        member
        for member in tree.members
        if member.extraction is not None
        and member.extraction.format == METRIC_LINES
        and directory_of(member.object.key) not in open_directories
    ]
    if not logs:
        return
    by_directory, inside = _places(drafts)
    in_logs = {key for draft in drafts for key, subject in draft.context if subject is not None}
    for member in logs:
        for draft in bind_lines(member, _context_of(tree, member, by_directory, inside)):
            if member.object.key not in in_logs or (
                END_OF_RUN.search(name_of(draft.key))
                and not any(key == member.object.key for key, _ in draft.context)
            ):
                draft.bind(replace(member, subject=LAST_LINES))


def _speaks_for(draft: Draft, member: Member) -> bool:
    """Whether the file says something of the model whose directory holds it: another model's card, metrics or licence
    below a directory that is one model are files of it, and say nothing about it.
    """
    directory, extraction = directory_of(member.object.key), member.extraction
    if draft.whole and extraction is not None and extraction.format == COMPANION:
        return False
    if not draft.whole or extraction is None or directory in {draft.directory, *draft.places}:
        return True
    if draft.directory and not directory.startswith(f"{draft.directory}/"):
        return True  # above the model, or beside it: it was bound because no other one is there
    below = directory.removeprefix(f"{draft.directory}/") if draft.directory else directory
    if _is_side_directory(below.partition("/")[0]):
        return True
    return extraction.role not in {Role.CARD, Role.RUN} and extraction.format != LICENCE_TEXT


def _context_of(
    tree: Tree, member: Member, by_directory: dict[str, list[Draft]], inside: dict[str, list[Draft]]
) -> Sequence[Draft]:
    directory, name = directory_of(member.object.key), name_of(member.object.key)
    owner = tree.owner(directory)
    if owner is None and is_unread(member.extraction):
        return []
    if owner is not None:
        return [draft for draft in by_directory[owner] if draft.whole]
    here = by_directory.get(directory, [])
    if match := SIDECAR.match(name):
        return _named(tree, joined(directory, match["target"]), inside.get(directory, ()))
    if member.extraction and member.extraction.format == COMPANION:
        return _of_its_name(tree, directory, name, here)
    if here and (member.extraction and member.extraction.role is not Role.CARD):
        return _of_its_stem(name, here) or _of_one_run(member.extraction, here)
    if not here and (states := by_directory.get(joined(directory, STATES_OF_SETTINGS.get(name, "")))):
        return states
    if not here and (states_below := STATES_BELOW_SETTINGS.get(name)) is not None:
        return [
            draft for draft in inside.get(directory, ()) if states_below.match(_first_below(draft, directory))
        ]
    if here or inside.get(directory):
        return _only_one_below(directory, inside.get(directory, ()))
    return _from_side_directory(tree, member, by_directory, inside)


def _first_below(draft: Draft, directory: str) -> str:
    """The directory in this one that the model is or lies in; nothing where it lies directly in it."""
    below = draft.directory.removeprefix(f"{directory}/") if directory else draft.directory
    return "" if draft.directory == directory else below.partition("/")[0]


def _named(tree: Tree, target: str, drafts: Iterable[Draft]) -> list[Draft]:
    """The models that a sidecar `TARGET.modeldex.yaml` is written for: by the file's whole name, or by its stem."""
    stem = joined(directory_of(target), tree.promised.stem_of(name_of(target)).stem)
    named_by_file = [draft for draft in drafts if target in draft.weights or draft.key == target]
    return named_by_file or [draft for draft in drafts if draft.key == stem]


def _by_file(members: Iterable[Member], drafts: Iterable[Draft]) -> dict[str, list[Draft]]:
    """The models by what notes may call them: by their own name, and by that of each of their files, with its suffix or
    without. Empty where there are no notes.
    """
    by_file: dict[str, list[Draft]] = defaultdict(list)
    if any(_is_note(member) for member in members):
        for draft in drafts:
            for name in {draft.key, *draft.weights, *(key.rpartition(".")[0] for key in draft.weights)}:
                by_file[name].append(draft)
    return by_file


def _is_note(member: Member) -> bool:
    return member.extraction is not None and member.extraction.format == LORA_SIDECAR


def _of_its_name(tree: Tree, directory: str, name: str, drafts: Sequence[Draft]) -> list[Draft]:
    """The model whose name a file beside it bears: `vit_base.md` is about `vit_base`, and not about `vit` beside it."""
    for target in targets_of(name):
        if named := _named(tree, joined(directory, target), drafts):
            return named
    return []


def _only_one_below(directory: str, drafts: Sequence[Draft]) -> list[Draft]:
    """A card is about the model beside it, whatever lies below; what stands above several models is about none of them
    in particular, unless they are quantisations of one.
    """
    own = [draft for draft in drafts if draft.directory == directory]
    if own:
        return own if len(own) == 1 or _are_one_network(own) else []
    if len(drafts) != 1 or -distance_between(drafts[0].directory, directory) > MAX_PARENT_LEVELS:
        return []
    return list(drafts)


def _are_one_network(drafts: Sequence[Draft]) -> bool:
    """Whether the models are GGUF files that their names call quantisations of one: `NAME-Q4_K_M`, `NAME-Q8_0`."""
    stems = {without_quantization(name_of(draft.key)).lower() for draft in drafts}
    are_gguf = all(key.lower().endswith(".gguf") for draft in drafts for key in draft.weights)
    return len(stems) == 1 and are_gguf


def _of_its_stem(name: str, drafts: Sequence[Draft]) -> list[Draft]:
    """Of several models of a directory those whose name the file's begins with: `churn_metrics.json` of `churn.joblib`."""
    named = [
        draft
        for draft in drafts
        if draft.kind in {"file", "shards"} and name.startswith(_beginnings(name_of(draft.key)))
    ]
    longest = max((len(draft.key) for draft in named), default=0)
    return [draft for draft in named if len(draft.key) == longest]


def _beginnings(stem: str) -> tuple[str, ...]:
    return f"{stem}-", f"{stem}_", f"{stem}."


def _of_one_run(extraction: Extraction, drafts: list[Draft]) -> list[Draft]:
    """What a run left is about the states of the run beside it: of several models with names of their own, or of several
    versions, nobody knows which one it measured, but for one with a name that says nothing (`model.joblib` beside
    `scaler.joblib`).
    """
    if extraction.role is not Role.RUN or len(drafts) == 1:
        return drafts
    if any(names.version_in(name_of(draft.key)) is not None for draft in drafts):
        return []
    by_name: dict[str, list[Draft]] = defaultdict(list)
    for draft in drafts:
        by_name[_name_of_run(name_of(draft.key).lower())].append(draft)
    return by_name.get("", drafts if len(by_name) == 1 else [])


def _name_of_run(stem: str) -> str:
    """What states of one run have in common; empty where they are called by their position or by nothing."""
    if names.is_generic_stem(stem) or BEGINS_WITH_POSITION.match(stem):
        return ""
    name = RUN_POSITION.sub("", stem)
    return "" if names.is_generic_stem(name) else name


def _from_side_directory(
    tree: Tree, member: Member, by_directory: dict[str, list[Draft]], inside: dict[str, list[Draft]]
) -> list[Draft]:
    """A directory that tools keep beside a model (`.eval_results/`, `.hydra/`, `logs/`) speaks for the one that it
    stands beside, but where it has results of several by their names. Any other directory speaks for what is in it alone, and
    so does a card.
    """
    directory = directory_of(member.object.key)
    if member.extraction is not None and member.extraction.role is Role.CARD:
        return []
    below = directory
    for level, parent in enumerate(upwards(directory)):
        if 0 < level <= MAX_SIDE_LEVELS and inside.get(parent):
            is_of_one = level <= MAX_PARENT_LEVELS or tree.two_below[below] == 1
            speaks = is_of_one and (
                _is_side_directory(name_of(below)) or _is_log_of_one_run(tree, member, below)
            )
            if not speaks:
                return []
            beside = by_directory.get(parent) or _of_project(tree, parent, inside[parent])
            return beside if len(beside) == 1 else []
        below = parent
    return []


def _of_project(tree: Tree, directory: str, drafts: Sequence[Draft]) -> list[Draft]:
    """The one model of a project that keeps it in a directory of its own (`models/`, `checkpoints/`). What makes it a
    project is what a card needs to speak for the model below: a file in it that says something.
    """
    speaks = any(
        member.extraction is not None and not member.extraction.subjects
        for member in tree.files.get(directory, ())
    )
    return _only_one_below(directory, drafts) if speaks else []


def _is_log_of_one_run(tree: Tree, member: Member, directory: str) -> bool:
    """Whether what a run logged lies where writers of logs keep it, and no other run's beside it."""
    is_log = member.extraction is not None and member.extraction.format == METRIC_LINES
    return (
        is_log
        and name_of(directory).lower() in LOG_DIRECTORIES
        and len(tree.directories_in.get(directory, ())) <= 1
    )


def _is_side_directory(name: str) -> bool:
    return name.lower() in SIDE_DIRECTORIES | ALTERNATIVE_DIRECTORIES or any(
        form.match(name) for form in (DEEPSPEED_STATE, OPTIMIZER_STATE)
    )
