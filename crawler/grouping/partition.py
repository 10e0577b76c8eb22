"""Which weights are one model: a directory, a stem, or what a file names."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from catalog.records import (
    Member,
)
from crawler.grouping.draft import (
    ROOT_KEY,
    Draft,
    directory_of,
    holds_model,
    is_weights,
    joined,
    name_of,
)
from crawler.grouping.layouts import (
    ARRAY,
    EXPORT_DIRECTORY,
    GRAPH_PART,
    GRAPHS,
    PARTS_OF_OBJECTS,
    WITHOUT_COPY,
)
from crawler.grouping.manifests import assemble
from crawler.grouping.roles import as_data, saved_beside
from crawler.grouping.tree import Tree
from crawler.promises import FileNames


def draft_models(tree: Tree) -> list[Draft]:
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


def _container_key(tree: Tree, directory: str) -> str:
    """The directory; a Core ML package is a file to its user, and shares its stem with the other formats."""
    return tree.promised.without_package_suffix(directory) or ROOT_KEY


def _draft_files(tree: Tree, directory: str, weights: Sequence[Member], drafts: dict[str, Draft]) -> None:
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
        draft.weights[member.object.key] = saved_beside(member) if name in arrays else member
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
    files = [name_of(member.object.key) for member in weights]
    if not any(name.lower().endswith(GRAPHS) for name in files):
        return {}
    for name in files:
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
    tree: Tree, drafts: dict[str, Draft], speakers: Mapping[str, Sequence[Member]]
) -> None:
    """Files that a model's file names belong to it, wherever below its directory they are and whatever they are called.
    In a directory that is one model its configuration may name them, too.
    """
    if not any(member.extraction and member.extraction.references for member in tree.members):
        return
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
                named = as_data(named, reference)
                before = taken.get(key)
                if before is not None and before is not draft and before.key in drafts:
                    before.weights.pop(key, None)
                draft.weights[key] = named
