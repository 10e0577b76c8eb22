"""Files to models: one group for every model of a source. Pure: the same members make the same groups.

What extractors claim (role, format, references) decides; names are the fallback. A group's key is its directory, or
the path of its files without suffix and shard number, and so stays the same when a format or a shard is added.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from urllib.parse import unquote

from catalog.layouts import names
from catalog.layouts.content_addressed import content_key
from catalog.layouts.steps import SIDECAR_FORMAT
from catalog.layouts.variants import without_quantization
from catalog.records import (
    Extraction,
    FileStatus,
    Group,
    Member,
    ObjectKey,
    Reference,
    Role,
    Severity,
    SourceId,
    is_unread,
    unread,
)
from crawler.formats.json_lines import LAST_LINES, METRIC_LINES
from crawler.grouping.content_stores import is_orphan, named_objects, with_promised_hashes, without_copies
from crawler.grouping.draft import (
    Draft,
    directory_of,
    distance_between,
    holds_model,
    is_hidden_below,
    is_weights,
    joined,
    name_of,
    upwards,
)
from crawler.grouping.layout_versions import owner_of, version_of, without_version
from crawler.grouping.layouts import (
    ADAPTER,
    ALTERNATIVE_DIRECTORIES,
    ARRAY,
    BEGINS_WITH_POSITION,
    BESIDE_MODELS,
    CHECKPOINT_DIRECTORY,
    DATED_DIRECTORY,
    DEEPSPEED_STATE,
    DRAFTER_DIRECTORY,
    END_OF_RUN,
    EXPORT_DIRECTORY,
    FIRST_RUN,
    FOLD_DIRECTORY,
    GRAPH_PART,
    GRAPHS,
    HEAD,
    HUB_REPOSITORY,
    HUB_SNAPSHOT,
    OPTIMIZER_STATE,
    ORIGINAL_DIRECTORY,
    PARTS_OF_OBJECTS,
    PROJECTOR,
    RUN_DIRECTORY,
    RUN_POSITION,
    SHARDED_MODEL,
    SHELVES_OF_STEPS,
    SIDE_DIRECTORIES,
    SIDECAR,
    STATE_DIRECTORY,
    STATE_OF_PART,
    STATES_OF_SETTINGS,
    TRAINING_STATE,
    UNPICKLED,
    WHOLE_MODEL,
    WITHOUT_COPY,
)
from crawler.grouping.manifests import assemble
from crawler.grouping.packages import directories_of_packages, role_of_copy
from crawler.grouping.steps import bind_lines, bind_steps
from crawler.grouping.subjects import bind_subjects, spoken_for
from crawler.grouping.trials import SETTINGS, directories_of_trials, role_of_settings
from crawler.promises import FileNames, installed
from crawler.sniffing import EXTRACTOR

MAX_FILES_PER_MODEL = 20_000
MAX_PARENT_LEVELS = 2
ROOT_KEY = "."
OF_A_RUN = (CHECKPOINT_DIRECTORY, DATED_DIRECTORY, DRAFTER_DIRECTORY, FOLD_DIRECTORY)
"""Directories that are called after the one above them."""
LICENCE_TEXT = "text"
"""The format of the texts of licences."""
OUTPUT = "dvc:"
"""How the subject of an output begins that a file of DVC names: its path follows."""
LORA_SIDECAR = "lora-sidecar"
"""The format of notes that tools keep beside one model file, under its stem."""


def group(
    source: SourceId,
    members: Sequence[Member],
    *,
    file_names: FileNames | None = None,
    open_directories: frozenset[str] = frozenset(),
) -> list[Group]:
    """The models of a source, in key order. A file may belong to several (a card, a run), weights to one.

    `file_names` is what extractors promise of names; by default those of every installed one. Where the members are a
    neighbourhood and not the whole source, its `open_directories` are those above several models.
    """
    members = with_promised_hashes(members)
    tree = _Tree(_as_used(_without_linked_blobs(members)), file_names or installed())
    drafts = _draft_models(tree)
    _bind_context(tree, drafts, open_directories)
    runs = bind_subjects(tree.members, drafts)
    _bind_lines(tree, drafts, open_directories)
    named = named_objects(tree.members)
    models = sorted([*without_copies(drafts), *runs], key=lambda draft: draft.key)
    return _told_apart(
        [_finished(source, draft, tree.promised, orphan=is_orphan(draft, named)) for draft in models]
    )


def container_directories(members: Sequence[Member], file_names: FileNames | None = None) -> list[str]:
    """The outermost directories that are one model with all below them, in order."""
    names = file_names or installed()
    if not any(map(names.may_be_in_container, (member.object.key for member in members))):
        return []
    tree = _Tree(_as_used(members), names)
    owners = {tree.owner(directory) for directory in tree.containers}
    return sorted(owner for owner in owners if owner is not None)


def _told_apart(groups: Sequence[Group]) -> list[Group]:
    """`best` and `last` of one directory are both called as the directory; together they need their own names, too.
    `model_v1` and `model_v2` do not: they are versions of one.
    """

    def place(group: Group) -> tuple[str, str | None, str | None]:
        return directory_of(group.key), group.name_hint, names.version_in(name_of(group.key))

    generic = [
        group
        for group in groups
        if group.kind in {"file", "shards"}
        and names.is_generic_stem(name_of(group.key))
        and group.name_hint in {_directory_name(group), _of_run(directory_of(group.key))}
    ]
    number = Counter(map(place, generic))
    apart = {group.key for group in generic if number[place(group)] > 1}
    return [
        replace(group, name_hint=f"{_run_of(group)}-{name_of(group.key)}")
        if group.key in apart
        else replace(group, name_hint=_run_of(group))
        if group.name_hint == _directory_name(group) and _is_later_run(group)
        else group
        for group in groups
    ]


def _directory_name(group: Group) -> str | None:
    """What a file is called that is called as its directory."""
    directory = directory_of(group.key)
    if not directory:
        return _name_of_root(group.source)
    return _below_root(group.source, directory) or name_of(directory)


def _is_later_run(group: Group) -> bool:
    """Whether the model is of one of several runs of one trainer, and not of the first."""
    numbered = RUN_DIRECTORY.search(group.key)
    return numbered is not None and numbered["version"] != FIRST_RUN


def _run_of(group: Group) -> str:
    """The nearest directory that is not a word like `checkpoints`, with the number of a later run of it."""
    directory = directory_of(group.key)
    run = _of_run(directory) or _directory_called(group.source, directory) or str(group.name_hint)
    numbered = RUN_DIRECTORY.search(group.key) if _is_later_run(group) else None
    return f"{run}-{numbered['version']}" if numbered else run


def _as_used(members: Sequence[Member]) -> list[Member]:
    """The members with the roles that they have beside each other: extractors see one file, and a trainer's state, a
    projector and an adapter look like weights to them.
    """
    with_weights, with_whole = set(), set()
    trials, packages = directories_of_trials(members), directories_of_packages(members)
    beside_states = {
        member.object.key.rpartition(".")[0]
        for member in members
        if member.extraction is not None and member.extraction.role is Role.WEIGHTS
    }
    for member in members:
        directory, name = directory_of(member.object.key), name_of(member.object.key)
        if member.extraction is None or member.extraction.role not in {Role.WEIGHTS, Role.INDEX}:
            continue
        if WHOLE_MODEL.match(name):
            with_whole.add(directory)
        if member.extraction.role is Role.INDEX:
            continue
        if OPTIMIZER_STATE.match(name_of(directory)) or (directory in trials and name == SETTINGS):
            continue
        if not TRAINING_STATE.match(name) and not PROJECTOR.match(name):
            with_weights.add(directory)
    return [
        member
        if member.extraction is None
        or (
            role := _role_of_state(member, beside_states)
            or role_of_settings(member, trials)
            or role_of_copy(member, packages)
            or _role(member, with_weights, with_whole)
        )
        is None
        else replace(member, extraction=replace(member.extraction, role=role))
        for member in members
    ]


def _role_of_state(member: Member, beside: AbstractSet[str]) -> Role | None:
    """Weights in the directory from which a trainer goes on are those of the file of its name beside it once more; what
    would run something, or may, is shown all the same.
    """
    directory, extraction = directory_of(member.object.key), member.extraction
    match = STATE_DIRECTORY.match(name_of(directory))
    if match is None or extraction is None or extraction.role is not Role.WEIGHTS:
        return None
    if any(risk.severity >= Severity.MEDIUM for risk in extraction.risks):
        return None
    return Role.AUXILIARY if joined(directory_of(directory), match["stem"]) in beside else None


def _role(member: Member, with_weights: set[str], with_whole: set[str]) -> Role | None:
    """What the file is because of its name and its neighbours; None if it is what it seems."""
    directory, name = directory_of(member.object.key), name_of(member.object.key)
    role = member.extraction.role if member.extraction else None
    if OPTIMIZER_STATE.match(name_of(directory)) and role in {Role.WEIGHTS, Role.PART, Role.INDEX, Role.DATA}:
        return Role.AUXILIARY
    if HEAD.match(name) and directory in with_whole and role is Role.WEIGHTS:
        return Role.PART
    if ADAPTER.match(name) and directory in with_whole and role in {Role.WEIGHTS, Role.CONFIG}:
        return Role.PART
    if directory not in with_weights and _runs_something(member):
        return Role.WEIGHTS
    if role is not Role.WEIGHTS:
        return None
    if TRAINING_STATE.match(name):
        return Role.RUN if name.startswith("training_args") else Role.AUXILIARY
    if _is_state_below(directory, with_weights) or _is_state_of_part(member):
        return Role.AUXILIARY
    return Role.PART if PROJECTOR.match(name) else None


def _is_state_of_part(member: Member) -> bool:
    """Whether it is a state by its name that holds no tensors; what would run something, or may, is shown all the same."""
    extraction = member.extraction
    if extraction is None or STATE_OF_PART.match(name_of(member.object.key)) is None:
        return False
    is_empty = extraction.tensors is None or not extraction.tensors.tallies
    return is_empty and all(risk.severity < Severity.MEDIUM for risk in extraction.risks)


def _is_state_below(directory: str, with_weights: AbstractSet[str]) -> bool:
    """Whether the directory is, or lies in, a checkpoint of DeepSpeed beside whole weights: a universal one keeps a file
    for each tensor and each moment of the optimizer in `zero/TENSOR/`.
    """
    return any(
        DEEPSPEED_STATE.match(name_of(place)) and directory_of(place) in with_weights
        for place in upwards(directory)
    )


def _runs_something(member: Member) -> bool:
    """Whether a file that only stands beside models would run something, or may, when whoever goes on training loads it:
    it is in the catalog with or without a model. Most bytes of a distributed checkpoint's shards are unchecked.
    """
    extraction, key = member.extraction, member.object.key.lower()
    if extraction is None or (
        extraction.role not in BESIDE_MODELS and not TRAINING_STATE.match(name_of(key))
    ):
        return False
    worst = {risk.kind: risk.severity for risk in extraction.risks if risk.severity >= Severity.MEDIUM}
    if "code-execution" in worst:
        # Texts name classes of somebody's own every day; what is known to be dangerous they do not.
        is_text = key.endswith(names.TEXT_SUFFIXES)
        return not is_text or (worst["code-execution"] >= Severity.HIGH and not is_hidden_below("", key))
    return "unchecked" in worst and key.endswith(UNPICKLED)


def _without_linked_blobs(members: Sequence[Member]) -> list[Member]:
    """A cache of blobs shows its files under the names of its snapshots; a blob that no snapshot links, or has a copy
    of, stays.

    Source: huggingface_hub, file_download (`blobs/` holds the bytes, `snapshots/<revision>/` links to them).
    """
    blobs = [member for member in members if name_of(directory_of(member.object.key)) == "blobs"]
    hidden = {id(member) for member in blobs}
    named = {member.object.file_identity for member in members if id(member) not in hidden}
    linked = {id(blob) for blob in blobs if blob.object.file_identity and blob.object.file_identity in named}
    if len(linked) < len(blobs):
        copies = {
            (match["repository"], member.object.size_bytes)
            for member in members
            if (match := HUB_REPOSITORY.search(member.object.key)) and match["part"] == "snapshots"
        }
        linked |= {
            id(blob)
            for blob in blobs
            if (match := HUB_REPOSITORY.search(blob.object.key))
            and (match["repository"], blob.object.size_bytes) in copies
        }
    return [member for member in members if id(member) not in linked]


class _Tree:
    """The members by directory, and which directories are one model each."""

    def __init__(self, members: Sequence[Member], promised: FileNames) -> None:
        self.promised = promised
        self.members = members
        self.files: dict[str, list[Member]] = defaultdict(list)
        self.below: dict[str, set[str]] = defaultdict(set)
        for member in members:
            self.files[directory_of(member.object.key)].append(member)
        for directory in list(self.files):
            for place in upwards(directory):
                if place:
                    self.below[directory_of(place)].add(name_of(place))
        self.containers = self._containers()

    def names(self, directory: str) -> set[str]:
        """The names of its files; one by which its directory would be one model, and is not, counts as any other file."""
        return {
            "any" if self._is_foreign(name, member) else name
            for member in self.files.get(directory, ())
            for name in [name_of(member.object.key)]
        }

    def _is_foreign(self, name: str, member: Member) -> bool:
        """Whether another program's file has a name that makes directories one model."""
        reader = None if member.extraction is None else member.extraction.extractor
        return name in self.promised.container_files and not self.promised.marks_container(name, reader)

    def has_config(self, directory: str) -> bool:
        return any(
            name_of(member.object.key) in self.promised.configs and not is_weights(member)
            for member in self.files.get(directory, ())
        )

    def owner(self, directory: str) -> str | None:
        """The outermost container around the directory, looking no higher than a checkpoint of a run."""
        outermost = None
        for candidate in upwards(directory):
            if candidate in self.containers:
                outermost = candidate
            if CHECKPOINT_DIRECTORY.match(name_of(candidate)):
                break
        return outermost

    def home(self, directory: str) -> str:
        """The directory whose model the weights in `directory` belong to: itself, or the one it is an alternative for."""
        parent, _, name = directory.rpartition("/")
        is_beside = name.lower() in ALTERNATIVE_DIRECTORIES and (
            name.lower() == ORIGINAL_DIRECTORY or not self.has_config(directory)
        )
        return parent if directory and is_beside and self.has_config(parent) else directory

    def _is_state(self, directory: str) -> bool:
        """Whether a checkpoint of DeepSpeed is the state of the model above it."""
        if OPTIMIZER_STATE.match(name_of(directory)):
            return True
        return bool(DEEPSPEED_STATE.match(name_of(directory))) and any(
            member.extraction is not None and member.extraction.role is Role.WEIGHTS
            for member in self.files.get(directory_of(directory), ())
        )

    def _containers(self) -> dict[str, str]:
        directories = {directory for name in self.files for directory in upwards(name)}
        kinds = {}
        for directory in directories:
            place = directory, self.names(directory), self.below.get(directory, set())
            kind = self.promised.container_kind(*place)
            if kind is not None and not self._is_state(directory) and self._is_marked(*place):
                kinds[directory] = kind
        return kinds

    def as_parts(self, container: str, weights: Sequence[Member]) -> Sequence[Member]:
        """The weights; where one file stands for the whole container, the others are its parts."""
        main = self.promised.main_file(container, self.names(container), self.below.get(container, set()))
        if main is None:
            return weights
        key = joined(container, main)
        return [member if member.object.key == key else _in_role(member, Role.PART) for member in weights]

    def _is_marked(self, directory: str, own: AbstractSet[str], below: AbstractSet[str]) -> bool:
        marks = self.promised.container_marks(directory, own, below)
        return marks is None or any(
            holds_model(self.files.get(joined(directory, folder), ())) for folder in marks
        )


def _draft_models(tree: _Tree) -> list[Draft]:
    drafts: dict[str, Draft] = {}
    speakers: dict[str, list[Member]] = defaultdict(list)
    for directory in sorted(tree.files):
        weights = [
            member for member in tree.files[directory] if member.extraction is not None and is_weights(member)
        ]
        owner = tree.owner(directory)
        if (exported := _exported_from(directory if owner is None else owner, drafts)) is not None:
            exported.places.add(directory if owner is None else owner)
            exported.weights.update({member.object.key: member for member in weights})
            continue
        if owner is not None:
            draft = _draft(drafts, _container_key(tree, owner), tree.containers[owner], owner, whole=True)
            draft.places.add(owner)
            draft.weights.update({member.object.key: member for member in tree.as_parts(owner, weights)})
            speakers[draft.key].extend(member for member in tree.files[directory] if not is_weights(member))
            continue
        home = tree.home(directory)
        if weights and tree.has_config(home):
            draft = _draft(drafts, home or ROOT_KEY, "directory", home)
            draft.weights.update({member.object.key: member for member in weights})
            continue
        _draft_files(tree, directory, weights, drafts)
    _take_in_references(tree, drafts, speakers)
    assemble(tree.members, drafts)
    _give_parts_below(drafts)
    return [draft for draft in drafts.values() if draft.whole or holds_model(draft.weights.values())]


def _exported_from(directory: str, drafts: Mapping[str, Draft]) -> Draft | None:
    """The checkpoint of which the directory holds another format, if it lies beside it."""
    match = EXPORT_DIRECTORY.match(name_of(directory))
    draft = None if match is None else drafts.get(joined(directory_of(directory), match["stem"]))
    return None if draft is None or draft.whole else draft


def _give_parts_below(drafts: dict[str, Draft]) -> None:
    """A projector above directories of quantisations, which has no model beside it, goes with the models in them."""
    parts = [
        draft
        for draft in drafts.values()
        if draft.kind == "file" and draft.weights and all(member.is_part for member in draft.weights.values())
    ]
    if not parts:
        return
    here = Counter(draft.directory for draft in drafts.values())
    below: dict[str, list[Draft]] = defaultdict(list)
    for draft in drafts.values():
        if draft.directory and any(key.lower().endswith(".gguf") for key in draft.weights):
            below[directory_of(draft.directory)].append(draft)
    for draft in parts:
        models = [other for other in below[draft.directory] if other is not draft]
        if here[draft.directory] > 1 or not models:
            continue
        for other in models:
            for member in draft.weights.values():
                other.bind(member)
        del drafts[draft.key]


def _draft(drafts: dict[str, Draft], key: str, kind: str, directory: str, *, whole: bool = False) -> Draft:
    draft = drafts.setdefault(key, Draft(key=key, kind=kind, directory=directory, whole=whole))
    if whole or (draft.kind in {"file", "shards"} and kind not in {"file", "shards"}):
        draft.kind, draft.directory, draft.whole = kind, directory, whole or draft.whole
    return draft


def _container_key(tree: _Tree, directory: str) -> str:
    """The directory; a Core ML package is a file to its user, and shares its stem with the other formats."""
    return tree.promised.without_package_suffix(directory) or ROOT_KEY


def _draft_files(tree: _Tree, directory: str, weights: Sequence[Member], drafts: dict[str, Draft]) -> None:
    """Each stem a model; the same stem with another suffix is the same model again."""
    projectors = [member for member in weights if member.is_part]
    others = [member for member in weights if not member.is_part]
    arrays = _arrays_of_others(others)
    described = {**arrays, **_described(tree.files[directory])}
    networks = _parts_of_graphs(others, tree.promised)
    models: list[Draft] = []
    for member in others:
        name = name_of(member.object.key)
        stem = tree.promised.stem_of(described.get(name, name))
        kind = "shards" if stem.shard else "file"
        draft = _draft(drafts, joined(directory, networks.get(name, stem.stem)), kind, directory)
        if kind == "shards" and draft.kind == "file":
            draft.kind = kind
        draft.weights[member.object.key] = _saved_beside(member) if name in arrays else member
        models.append(draft)
    for member in projectors if others else ():
        for draft in _closest(member, models):
            draft.bind(member)
    if not others:
        for member in projectors:
            key = joined(directory, tree.promised.stem_of(name_of(member.object.key)).stem)
            _draft(drafts, key, "file", directory).weights[member.object.key] = member


def _described(members: Iterable[Member]) -> dict[str, str]:
    """Name of a described file (a shard, data) -> name of the file that describes it, inside one directory."""
    return {
        reference.name: name_of(member.object.key)
        for member in members
        if member.extraction is not None
        for reference in member.extraction.references
        if reference.relation in {"shard", "data"} and "/" not in reference.name
    }


def _arrays_of_others(weights: Iterable[Member]) -> dict[str, str]:
    """Name of an array or part -> name of the model that was saved with it: `w2v.model` beside `w2v.model.wv.vectors.npy`.

    Source: piskvorky/gensim gensim/utils.py (`SaveLoad._smart_save`: large arrays go into files of their own).
    """
    names_here = {name_of(member.object.key) for member in weights}
    owners: dict[str, str] = {}
    for name in names_here:
        stem = name.removesuffix(ARRAY)
        while name.endswith((ARRAY, *PARTS_OF_OBJECTS)) and (dot := stem.rfind(".")) > 0:
            stem = stem[:dot]
            if stem in names_here:
                owners[name] = stem
                if not stem.endswith(PARTS_OF_OBJECTS):
                    break
    return owners


def _parts_of_graphs(weights: Iterable[Member], promised: FileNames) -> dict[str, str]:
    """Name of a graph -> what its network is called, for networks that are exported as an encoder, a decoder and more:
    `epoch-99` for `encoder-epoch-99.onnx`, `decoder-epoch-99.onnx` and `joiner-epoch-99.onnx`.
    """
    networks: dict[str, dict[str, str]] = defaultdict(dict)
    stems = set()
    for member in weights:
        name = name_of(member.object.key)
        stem = promised.stem_of(name).stem
        match = GRAPH_PART.match(stem) if name.lower().endswith(GRAPHS) else None
        if match is None:
            stems.add(stem)
            continue
        behind = WITHOUT_COPY.sub("", match["after"])
        rest = "-".join(part.strip("-_.") for part in (match["before"], behind) if part.strip("-_."))
        networks[rest or "model"][name] = match["part"].lower()
    return {
        name: network
        for network, parts in networks.items()
        if {"encoder", "decoder"} <= set(parts.values()) and network not in stems
        for name in parts
    }


def _closest(member: Member, drafts: Sequence[Draft]) -> list[Draft]:
    """A projector belongs to the model whose name it repeats; if none stands out, to each of its directory."""
    unique = list({draft.key: draft for draft in drafts}.values())
    words = set(re.split(r"[^a-z0-9]+", name_of(member.object.key).lower())) - {
        "mmproj",
        "gguf",
        "f16",
        "bf16",
        "f32",
        "",
    }
    shared = {
        draft.key: len(words & set(re.split(r"[^a-z0-9]+", name_of(draft.key).lower()))) for draft in unique
    }
    best = max(shared.values(), default=0)
    return [draft for draft in unique if shared[draft.key] == best]


def _take_in_references(
    tree: _Tree, drafts: dict[str, Draft], speakers: Mapping[str, Sequence[Member]]
) -> None:
    """Files that a model's file names belong to it, wherever below its directory they are and whatever they are called.
    In a directory that is one model its configuration may name them, too.
    """
    by_key: dict[str, Member] = {member.object.key: member for member in tree.members}
    taken = {key: draft for draft in drafts.values() for key in draft.weights}
    for draft in list(drafts.values()):
        for member in [*draft.weights.values(), *speakers.get(draft.key, ())]:
            folder = directory_of(member.object.key)
            for reference in member.extraction.references if member.extraction else ():
                key = joined(folder, reference.name)
                named = by_key.get(key)
                if named is None or (named.extraction is not None and not is_weights(named)):
                    continue
                named = _as_data(named, reference)
                before = taken.get(key)
                if before is not None and before is not draft and before.key in drafts:
                    before.weights.pop(key, None)
                draft.weights[key] = named


def _as_data(member: Member, reference: Reference) -> Member:
    """Bytes that nobody recognised by themselves are no riddle once a model says that they are its weights."""
    extraction = member.extraction
    unknown = (
        extraction is not None
        and extraction.extractor == EXTRACTOR
        and extraction.status is FileStatus.OPAQUE
    )
    return replace(member, extraction=None) if unknown and reference.relation == "data" else member


def _bind_context(tree: _Tree, drafts: Sequence[Draft], open_directories: frozenset[str]) -> None:
    by_directory, inside = _places(drafts)
    named = spoken_for(tree.members)
    for member in tree.members:
        extraction = member.extraction
        if extraction is None or is_weights(member) or member.object.key in named:
            continue
        of_steps = extraction.format == SIDECAR_FORMAT
        if extraction.subjects and not of_steps:
            continue
        if directory_of(member.object.key) in open_directories:
            continue
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


def _bind_lines(tree: _Tree, drafts: Sequence[Draft], open_directories: frozenset[str]) -> None:
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
    if not draft.whole or extraction is None or directory in {draft.directory, *draft.places}:
        return True
    if draft.directory and not directory.startswith(f"{draft.directory}/"):
        return True  # above the model, or beside it: it was bound because no other one is there
    below = directory.removeprefix(f"{draft.directory}/") if draft.directory else directory
    if _is_side_directory(below.partition("/")[0]):
        return True
    return extraction.role not in {Role.CARD, Role.RUN} and extraction.format != LICENCE_TEXT


def _context_of(
    tree: _Tree, member: Member, by_directory: dict[str, list[Draft]], inside: dict[str, list[Draft]]
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
    if member.extraction and member.extraction.format == LORA_SIDECAR:
        target = name.removesuffix(".json").removesuffix(".civitai.info")
        target = target.removesuffix(".metadata").removesuffix(".cm-info")
        return [draft for draft in here if draft.key == joined(directory, target)]
    if here and (member.extraction and member.extraction.role is not Role.CARD):
        return _of_its_stem(name, here) or _of_one_run(member.extraction, here)
    if not here and (states := by_directory.get(joined(directory, STATES_OF_SETTINGS.get(name, "")))):
        return states
    if here or inside.get(directory):
        return _only_one_below(directory, inside.get(directory, ()))
    return _from_side_directory(member, by_directory)


def _named(tree: _Tree, target: str, drafts: Iterable[Draft]) -> list[Draft]:
    """The models that a sidecar `TARGET.modeldex.yaml` is written for: by the file's whole name, or by its stem."""
    stem = joined(directory_of(target), tree.promised.stem_of(name_of(target)).stem)
    named_by_file = [draft for draft in drafts if target in draft.weights or draft.key == target]
    return named_by_file or [draft for draft in drafts if draft.key == stem]


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
        if draft.kind in {"file", "shards"} and re.match(rf"{re.escape(name_of(draft.key))}[-_.]", name)
    ]
    longest = max((len(draft.key) for draft in named), default=0)
    return [draft for draft in named if len(draft.key) == longest]


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


def _from_side_directory(member: Member, by_directory: dict[str, list[Draft]]) -> list[Draft]:
    """A directory that tools keep beside a model (`.eval_results/`, `.hydra/`, `logs/`) speaks for the one that it
    stands beside. Any other directory speaks for what is in it alone, and so does a card.
    """
    directory = directory_of(member.object.key)
    if member.extraction is not None and member.extraction.role is Role.CARD:
        return []
    below = directory
    for level, parent in enumerate(upwards(directory)):
        if 0 < level <= MAX_PARENT_LEVELS and by_directory.get(parent):
            beside = by_directory[parent]
            return beside if len(beside) == 1 and _is_side_directory(name_of(below)) else []
        below = parent
    return []


def _is_side_directory(name: str) -> bool:
    return name.lower() in SIDE_DIRECTORIES | ALTERNATIVE_DIRECTORIES or any(
        form.match(name) for form in (DEEPSPEED_STATE, OPTIMIZER_STATE)
    )


def _finished(source: SourceId, draft: Draft, promised: FileNames, *, orphan: bool) -> Group:
    alone = all(member.is_part for member in draft.weights.values())
    placed = [
        replace(
            # a part of which the rest is not there is what there is of the model
            _in_role(member, Role.WEIGHTS) if alone else member,
            distance=distance_between(draft.directory, directory_of(key)),
        )
        for key, member in sorted(draft.weights.items())
    ]
    context = [
        draft.context[name] for name in sorted(draft.context, key=lambda name: (name[0], name[1] or ""))
    ]
    members = tuple([*placed, *context][:MAX_FILES_PER_MODEL])
    return Group(
        source=source,
        key=draft.key,
        kind=draft.kind,
        members=members,
        name_hint=_name_hint(source, draft, promised),
        version_hint=version_of(draft),
        owner_hint=owner_of(draft),
        orphan=orphan,
        copies=tuple(ObjectKey(key) for key in sorted(draft.copies)),
    )


def _in_role(member: Member, role: Role) -> Member:
    extraction = member.extraction
    return member if extraction is None else replace(member, extraction=replace(extraction, role=role))


def _saved_beside(member: Member) -> Member:
    """An array, or another object, that was saved beside the one it is of, and says nothing else of the model."""
    data = _in_role(member, Role.DATA)
    if data.extraction is None or name_of(member.object.key).endswith(ARRAY):
        return data
    return replace(data, extraction=replace(data.extraction, observations=()))


def _name_hint(source: SourceId, draft: Draft, promised: FileNames) -> str:
    """What people would call the model by its path alone."""
    if (given := _name_in_store(draft, promised)) is not None:
        return given
    path = draft.key if draft.key != ROOT_KEY else ""
    if draft.kind == "run":
        path = path.partition(f"#{OUTPUT}")[2] or path
    if SHARDED_MODEL.match(name_of(path)) and directory_of(path):
        path = directory_of(path)
    name = name_of(path)
    parent = name_of(directory_of(path))
    generic = draft.kind in {"file", "shards"} and names.is_generic_stem(name)
    own = draft.directory if generic else path
    if match := HUB_SNAPSHOT.search(own):
        name = match["name"]
    elif name_of(own) == "checkpoint" and directory_of(own).endswith(".ckpt"):
        # a directory of DeepSpeed, to which Lightning gave the name of a file
        above = names.model_name(directory_of(directory_of(own)), is_file=False)
        name = "-".join(part for part in (above, names.stem(name_of(directory_of(own)))) if part)
    elif generic:
        directory = draft.directory
        name = (
            _of_run(directory)
            or _below_root(source, directory)
            or name_of(without_version(directory))
            or (None if directory else _name_of_root(source))
            or name
        )
    elif draft.kind not in {"file", "shards"} and without_version(path) != path:
        name = name_of(without_version(path))
    elif (of_run := _of_run(path)) is not None:
        name = of_run
    elif name in {"artifacts", "model", "data"} and draft.whole and parent:
        name = _of_run(directory_of(path)) or parent
    return name or _last_of(source)


def _last_of(source: SourceId) -> str:
    return unquote(str(source).rstrip("/").rpartition("/")[2])


def _name_of_root(source: SourceId) -> str | None:
    """What the folder or bucket that is crawled calls a `model.onnx` directly in it; None where that says nothing, either."""
    name = _last_of(source)
    return None if names.is_machine_name(name) or names.is_leftover(name) else name


def _below_root(source: SourceId, directory: str) -> str | None:
    """What is crawled calls a model in `output/`, if nothing above that directory does; None for a name of its own."""
    own = names.model_name(without_version(directory), is_file=False)
    return _name_of_root(source) if own is not None and names.is_machine_name(own) else None


def _directory_called(source: SourceId, directory: str) -> str | None:
    return _below_root(source, directory) or names.model_name(directory, is_file=False)


def _of_run(directory: str) -> str | None:
    """What one state of a run is called, after the run: `bert-checkpoint-500`. None for a directory with its own name."""
    name, above = name_of(directory), directory_of(directory)
    is_step = name.isdecimal() and name_of(above).lower() in SHELVES_OF_STEPS
    if not above or not (is_step or any(form.match(name) for form in OF_A_RUN)):
        return None
    return f"{names.model_name(above, is_file=False)}-{name}"


def _name_in_store(draft: Draft, promised: FileNames) -> str | None:
    """What those who name an object by its hash call it: the name of an output, or of its repository."""
    if not draft.weights or any(content_key(key) is None for key in draft.weights):
        return None
    for (_, subject_id), member in sorted(draft.context.items(), key=lambda item: item[0][0]):
        for subject in member.extraction.subjects if member.extraction else ():
            if subject.id == subject_id and subject.name:
                stem = name_of(promised.stem_of(subject.name).stem)
                return (names.is_generic_stem(stem) and name_of(directory_of(member.object.key))) or stem
    return None
