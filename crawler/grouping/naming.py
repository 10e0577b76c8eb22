"""What people would call a model by its path, its run or the store that it lies in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from urllib.parse import unquote

from catalog.layouts import names
from catalog.layouts.content_addressed import content_key
from catalog.layouts.nnunet import training_of
from catalog.layouts.variants import without_quantization
from catalog.normalise.values.base_models import with_dots
from catalog.records import (
    Group,
    SourceId,
)
from crawler.grouping.draft import (
    ROOT_KEY,
    Draft,
    directory_of,
    name_of,
)
from crawler.grouping.layout_versions import hub_snapshot, placed, without_version
from crawler.grouping.layouts import (
    CHECKPOINT_DIRECTORY,
    DATED_DIRECTORY,
    DRAFTER_DIRECTORY,
    FIRST_RUN,
    FOLD_DIRECTORY,
    RUN_DIRECTORY,
    SHARDED_MODEL,
    SHELVES_OF_STEPS,
)
from crawler.promises import FileNames

OF_A_RUN = (CHECKPOINT_DIRECTORY, DATED_DIRECTORY, DRAFTER_DIRECTORY, FOLD_DIRECTORY)
"""Directories that are called after the one above them."""
OUTPUT = "dvc:"
"""How the subject of an output begins that a file of DVC names: its path follows."""


def told_apart(groups: Sequence[Group]) -> list[Group]:
    """`best` and `last` of one directory are both called as the directory; together they need their own names, too.
    `model_v1` and `model_v2` do not: they are versions of one, as `model-f16` and `model-q4_0` are precisions.
    """

    def place(group: Group) -> tuple[str, str | None, str | None]:
        return directory_of(group.key), group.name_hint, names.version_in(name_of(group.key))

    generic = [
        group
        for group in groups
        if group.kind in {"file", "shards"}
        and names.is_generic_stem(name_of(group.key))
        and without_quantization(names.stem(name_of(group.key))) == names.stem(name_of(group.key))
        and group.name_hint in {_directory_name(group), _of_run(group.source, directory_of(group.key))}
    ]
    number = Counter(map(place, generic))
    apart = {group.key for group in generic if number[place(group)] > 1}
    return [
        replace(group, name_hint=f"{_run_of(group)}-{name_of(group.key)}")
        if group.key in apart
        else replace(group, name_hint=_run_of(group))
        if _is_later_run(group) and group.name_hint == _directory_name(group)
        else group
        for group in groups
    ]


def _directory_name(group: Group) -> str | None:
    """What a file is called that is called as its directory."""
    directory = directory_of(group.key)
    return _below_root(group.source, directory) or name_of(directory) or None


def _is_later_run(group: Group) -> bool:
    """Whether the model is of one of several runs of one trainer, and not of the first."""
    numbered = RUN_DIRECTORY.search(group.key)
    return numbered is not None and numbered["version"] != FIRST_RUN


def _run_of(group: Group) -> str:
    """The nearest directory that is not a word like `checkpoints`, with the number of a later run of it."""
    directory = directory_of(group.key)
    run = (
        _of_run(group.source, directory) or _directory_called(group.source, directory) or str(group.name_hint)
    )
    numbered = RUN_DIRECTORY.search(group.key) if _is_later_run(group) else None
    return f"{run}-{numbered['version']}" if numbered else run


def name_hint(source: SourceId, draft: Draft, promised: FileNames) -> str:
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
    if match := hub_snapshot(source, own):
        name = match["name"]
    elif name_of(own) == "checkpoint" and directory_of(own).endswith(".ckpt"):
        # a directory of DeepSpeed, to which Lightning gave the name of a file
        above = names.model_name(directory_of(directory_of(own)), is_file=False)
        name = "-".join(part for part in (above, names.stem(name_of(directory_of(own)))) if part)
    elif generic:
        directory = draft.directory
        name = (
            _of_run(source, directory)
            or _below_root(source, directory)
            or name_of(without_version(directory))
            or name
        )
    elif draft.kind not in {"file", "shards"} and without_version(place := placed(source, path)) != place:
        name = name_of(without_version(place))
    elif (of_run := _of_run(source, path)) is not None:
        name = of_run
    elif name in {"artifacts", "model", "data"} and draft.whole and parent:
        name = _of_run(source, directory_of(path)) or parent
    return with_dots(name) or promised.without_package_suffix(_last_of(source))


def _last_of(source: SourceId) -> str:
    return unquote(str(source).rstrip("/").rpartition("/")[2])


@lru_cache(maxsize=16)
def _name_of_root(source: SourceId) -> str | None:
    """What the folder or bucket that is crawled calls a `model.onnx` directly in it; None where that says nothing, either."""
    name = _last_of(source)
    return None if names.is_machine_name(name) or names.is_leftover(name) else name


def _below_root(source: SourceId, directory: str) -> str | None:
    """What is crawled calls a model directly in it, and one in `output/` if nothing above that directory does; None for a
    name of its own.
    """
    place = placed(source, directory)
    if without_version(place) != place:
        return names.model_name(without_version(place), is_file=False)
    own = names.model_name(directory, is_file=False)
    return _name_of_root(source) if own is None or names.is_machine_name(own) else None


def _directory_called(source: SourceId, directory: str) -> str | None:
    return _below_root(source, directory) or names.model_name(directory, is_file=False)


def _of_run(source: SourceId, directory: str) -> str | None:
    """What one state of a run is called, after the run: `bert-checkpoint-500`. None for a directory with its own name."""
    directory = placed(source, directory)
    name, above = name_of(directory), directory_of(directory)
    is_step = name.isdecimal() and name_of(above).lower() in SHELVES_OF_STEPS
    if not above or not (is_step or any(form.match(name) for form in OF_A_RUN)):
        return None
    training = training_of(above)
    if (
        training is not None and training.dataset is not None
    ):  # all of nnU-Net's have the same trainer and plans
        return f"{training.dataset}-{training.configuration}-{name}"
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
