"""Models of stores that keep each layer under its hash: a manifest says which of the blobs are one model together.

Source: OCI image specification 1.1; ollama/ollama, one `image.tensor` layer for every tensor of a safetensors model.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from catalog.layouts.content_addressed import content_key
from catalog.normalise.parts import weight_sets
from catalog.records import Member, Role
from crawler.grouping.copies import nearest
from crawler.grouping.draft import Draft, directory_of

LAYER = "layer"
PART = "part"
"""Relations of a manifest's references: the model itself, and what goes with it (a projector). Their names are the keys
of content-addressed objects."""
LAYERS = "layers:"
"""In front of the hash of all layers' digests: the key by which what a manifest says finds its model."""


def assemble(members: Iterable[Member], drafts: dict[str, Draft]) -> None:
    """Makes one draft of the blobs that a manifest names together, and gives projectors to the models they go with.

    Two manifests of the same blobs are two names of one model; a blob that several models share is in each of them.
    A copy of the store has blobs of its own, and so a model of its own.
    """
    manifests = [member for member in members if _has_layers(member)]
    if not manifests:
        return
    blobs = _blobs(drafts)
    together: dict[frozenset[str], Draft] = {}
    taken: set[str] = set()
    kept: set[str] = set()
    for manifest in sorted(manifests, key=lambda member: member.object.key):
        layers, parts = (list(_named(manifest, relation, blobs)) for relation in (LAYER, PART))
        if not layers:
            continue
        if (joined := _layers_key(manifest)) is None:
            model = layers[0]
            kept.add(model.key)
        else:
            blob_keys = frozenset(layer.key for layer in layers)
            model = together.setdefault(blob_keys, _of_layers(manifest, joined, layers))
            taken.update(blob_keys)
        for part in parts:
            for member in part.weights.values():
                model.bind(_as_part(member))
            taken.add(part.key)
    for key in taken - kept:
        del drafts[key]
    drafts.update({draft.key: draft for draft in together.values()})


def _has_layers(member: Member) -> bool:
    extraction = member.extraction
    return extraction is not None and any(reference.relation == LAYER for reference in extraction.references)


def _blobs(drafts: Mapping[str, Draft]) -> dict[str, list[Draft]]:
    """Drafts of one blob each, by the key of its content: one blob may be in several stores."""
    blobs: dict[str, list[Draft]] = {}
    for draft in drafts.values():
        if len(draft.weights) == 1 and (content := content_key(next(iter(draft.weights)))) is not None:
            blobs.setdefault(content, []).append(draft)
    return blobs


def _named(manifest: Member, relation: str, blobs: Mapping[str, list[Draft]]) -> Iterator[Draft]:
    """The blobs that the manifest names so, those of its own store where several have them."""
    for reference in manifest.extraction.references if manifest.extraction else ():
        if reference.relation == relation and (candidates := blobs.get(reference.name)):
            near = nearest(directory_of(manifest.object.key), candidates, lambda draft: draft.directory)
            yield min(
                near, key=lambda draft: len(draft.directory)
            )  # a store may have a copy within its directory


def _layers_key(manifest: Member) -> str | None:
    subjects = manifest.extraction.subjects if manifest.extraction else ()
    keys = (key for subject in subjects for key in subject.join_keys if key.startswith(LAYERS))
    return next(keys, None)


def _of_layers(manifest: Member, joined: str, layers: Iterable[Draft]) -> Draft:
    key = manifest.object.key
    weights = {name: member for layer in layers for name, member in layer.weights.items()}
    return Draft(
        key=key, kind=weight_sets.LAYERS, directory=directory_of(key), weights=weights, known_as={joined}
    )


def _as_part(member: Member) -> Member:
    extraction = member.extraction
    return member if extraction is None else replace(member, extraction=replace(extraction, role=Role.PART))
