"""What people set by hand, written beside the weights as a sidecar that any tool can read."""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from catalog.access.edits_in_force import EditInForce, edits_in_force
from catalog.errors import ModeldexError
from catalog.lazy_dataclasses import dataclass
from catalog.recording import metric_edits
from catalog.records import ObjectKey, StoredModel
from catalog.records.sources import SourceRow
from catalog.store import Store
from crawler.addresses import LOCAL, scheme_of
from crawler.sources.local import path_of

MARK = "# Written by Modeldex: what people set by hand. Every crawl reads it, and so may any other tool.\n"
"""The first line of what may be written again. A file without it is somebody's own, and stays as it is."""
NAME = "modeldex.yaml"
WRITABLE = "writable"
LONGEST_LINE = 110


class SidecarRefused(ModeldexError):
    """No sidecar is written for this model; the sentence says why. Shown by the command, which goes on with the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sidecar:
    """A file to be written. `left_out` are what a sidecar cannot say: it adds to what other files say, and takes
    nothing from it.
    """

    path: Path
    text: str
    is_there: bool  # with just this text
    left_out: tuple[str, ...]


def sidecar_of(store: Store, model: StoredModel) -> Sidecar:
    """The sidecar of a model. Raises SidecarRefused where none may or can be written."""
    source = _source(store, model)
    edits = edits_in_force(model.provenance)
    sayable = [edit for edit in edits if not edit.emptied and (edit.added or not edit.removed)]
    if not sayable:
        raise SidecarRefused("nothing is set by hand that a sidecar could say")
    path = _path(store, source, model)
    text = MARK + yaml.safe_dump(_nested(sayable), allow_unicode=True, sort_keys=False, width=LONGEST_LINE)
    present = _present(path)
    if present is not None and not present.startswith(MARK):
        raise SidecarRefused(f"{path} is somebody's own; add to it by hand")
    return Sidecar(
        path=path,
        text=text,
        is_there=present == text,
        left_out=tuple(edit.field for edit in edits if edit.emptied or edit.removed),
    )


def write(sidecar: Sidecar) -> None:
    """The file is there whole or not at all, whatever happens meanwhile. Raises SidecarRefused."""
    draft = sidecar.path.with_name(f".{secrets.token_hex(6)}.part")
    try:
        with draft.open("x", encoding="utf-8") as file:
            file.write(sidecar.text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(sidecar.path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise SidecarRefused(f"{sidecar.path} cannot be written: {error.strerror or error}") from error


def _source(store: Store, model: StoredModel) -> SourceRow:
    """The source of the model, which somebody declared writable."""
    source = next((row for row in store.sources.all() if row.id == model.document.get("source")), None)
    if source is None or not source.definition.options.get(WRITABLE):
        named = "its source" if source is None else source.definition.name or source.address
        raise SidecarRefused(
            f"{named} is not declared writable; allow it with: "
            f"modeldex sources set {'SOURCE' if source is None else named} --option {WRITABLE}=true"
        )
    if scheme_of(source.address) != LOCAL:
        raise SidecarRefused("sidecars are written into directories of this machine alone")
    return source


def _path(store: Store, source: SourceRow, model: StoredModel) -> Path:
    """Beside the one file of the model, or in its directory, where that is of this model alone."""
    root = Path(os.path.realpath(path_of(source.uri)))
    place = Path(path_of(str(model.document.get("uri", ""))))
    if place.is_file():
        path = place.with_name(f"{place.name}.{NAME}")
    elif place.is_dir():
        path = place / NAME
        _check_alone(store, source, model, root, place)
    else:
        raise SidecarRefused(f"{place} is not there now")
    parent = Path(os.path.realpath(path.parent))
    if not parent.is_relative_to(root):
        raise SidecarRefused(f"{path.parent} leads out of the source {source.uri}")
    if path.is_symlink():
        raise SidecarRefused(f"{path} is a link")
    return parent / path.name


def _check_alone(store: Store, source: SourceRow, model: StoredModel, root: Path, place: Path) -> None:
    """A sidecar in a directory speaks for every model in it."""
    folder = Path(os.path.realpath(place))
    if not folder.is_relative_to(root):
        raise SidecarRefused(f"{place} leads out of the source {source.uri}")
    with os.scandir(folder) as entries:
        keys = [ObjectKey(os.path.relpath(entry.path, root)) for entry in entries if entry.is_file()]
    others = [other for other in store.records.models_of(source.id, keys) if other != model.id]
    if any(state.state == "live" for state in store.records.shelved_of(others).values()):
        raise SidecarRefused(f"{place} holds several models, and a sidecar there would speak for all of them")


def _present(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SidecarRefused(f"{path} cannot be read: {error.strerror or error}") from error


def _nested(edits: Sequence[EditInForce]) -> dict[str, Any]:
    """The values of these fields as a document, dotted names as maps in maps. Metrics of a data set or a split are
    entries of a list, and then all are.
    """
    document: dict[str, Any] = {}
    metrics = [edit for edit in edits if edit.field.startswith(metric_edits.PREFIX)]
    as_list = any(parts[1] or parts[2] for parts in map(metric_edits.parts_of, _edited(metrics)))
    for edit in edits:
        if as_list and edit in metrics:
            document.setdefault("metrics", []).append(_entry(edit))
            continue
        *parents, last = edit.field.split(".")
        place = document
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = list(edit.added) or edit.value
    return document


def _edited(edits: Sequence[EditInForce]) -> list[str]:
    return [edit.edited for edit in edits]


def _entry(edit: EditInForce) -> dict[str, Any]:
    """A metric with what it was measured on, as the reader of sidecars takes it."""
    name, dataset, split = metric_edits.parts_of(edit.edited)
    about = {"dataset": dataset, "split": split}
    return {"metric": name, "value": edit.value, **{key: word for key, word in about.items() if word}}
