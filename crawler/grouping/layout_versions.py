"""What the place of a model says of its version and of whose it is."""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import unquote

from catalog.layouts import names
from catalog.records import SourceId
from crawler.grouping.draft import ROOT_KEY, Draft, directory_of, joined, name_of
from crawler.grouping.layouts import (
    DATED_DIRECTORY,
    EPOCH_AT_END,
    HUB_SNAPSHOT,
    PUBLISHER,
    RUN_DIRECTORY,
    TAGGED_DIRECTORY,
    VERSION_DIRECTORY,
)

REVISION_DIGITS = 12
_WITHIN_VERSION = frozenset({"output", "outputs", "artifacts", "model", "weights", "data", "files"})
"""Directories that stores put between a version and its files: `churn/3/outputs/model.joblib`."""
_SHELVES = frozenset(
    {"llm", "llms", "ggufs", "quants", "downloads", "download", "huggingface", "hub", "text", "chat", "vision", "vlm", "local",
     "storage", "srv", "disk", "share", "shared", "public", "bucket", "blob", "archive", "backup", "ai", "ml", "repo", "repos",
     "store", "library", "opt", "var", "root", "user", "users", "quantization", "llama.cpp", "ollama", "kobold", "koboldcpp"}
)  # fmt: skip
_PLACES = frozenset(
    {"", ".", "..", "tmp", "temp", "in", "input", "inputs", "out", "mnt", "media", "content", "home", "cache", "workspace", "work", "documents",
     "desktop", "projects", "project", "code", "src", "git", "app", "test", "tests", "training", "experiments", "run", "runs"}
)  # fmt: skip
_TEMPORARY = re.compile(r"(?i)tmp[a-z0-9_.-]{4,12}$|(?:py)?test[-_]|[a-z]:$")
_LEVELS_AROUND = 4
_SPELLED_VERSION = re.compile(r"[vV]\d|\d{1,3}(?:\.|$)")
"""A directory that is a version and neither a year nor a day."""


def hub_snapshot(source: SourceId, directory: str) -> re.Match[str] | None:
    """The snapshot of a hub's cache that a directory is. What is crawled may be one, or the repository of several."""
    if directory and "models--" in directory:
        return HUB_SNAPSHOT.search(directory)
    root = str(source).rstrip("/")
    if "models--" not in root:
        return None
    return HUB_SNAPSHOT.search(
        joined(unquote(root), directory) if directory not in {"", ROOT_KEY} else unquote(root)
    )


def placed(source: SourceId, directory: str) -> str:
    """The directory below what is around it: a step or a version is called after what it is of, also where it is crawled
    itself, or what is crawled is only a shelf of them. Directories that say nothing of a model are left out.
    """
    above, root = _around(source)
    if not directory or directory == ROOT_KEY:
        return joined(above, root)
    if _is_place(root):
        return joined(joined(above, root), directory) if above else directory
    return joined(root, directory)


@lru_cache(maxsize=16)
def _around(source: SourceId) -> tuple[str, str]:
    """What is around the directory that is crawled, from the nearest one with a name on, or nothing; and what is crawled."""
    parts = unquote(str(source).partition("://")[2]).strip("/").split("/")[-_LEVELS_AROUND:]
    above = parts[:-1]
    nearest = next((level for level in range(len(above), 0, -1) if not _is_place(above[level - 1])), 0)
    return "/".join(above[nearest - 1 :]) if nearest else "", parts[-1]


def _is_place(directory: str) -> bool:
    """Whether a directory says where models are kept, or nothing."""
    return (
        names.is_machine_name(directory)
        or directory.lower() in _SHELVES | _PLACES
        or _TEMPORARY.match(directory) is not None
    )


def without_version(directory: str) -> str:
    """The directory above one that is only a version of it; the directory itself where it has a name."""
    if (tagged := TAGGED_DIRECTORY.match(name_of(directory))) is not None:
        return joined(directory_of(directory), tagged["name"])
    above = directory_of(directory)
    if above and VERSION_DIRECTORY.match(name_of(directory)) and not names.is_machine_name(name_of(above)):
        return above
    return directory


def version_of(source: SourceId, draft: Draft) -> str | None:
    """`2` of `resnet/2/model.onnx` and of `resnet/model_v2.onnx`, `version_3` of a Lightning run, `000010` of
    `style-000010.safetensors`; None if the place says none. A directory `v1` wins over the file's `_v2`: the same file
    stands in each of its versions.
    """
    is_file = draft.kind in {"file", "shards"}
    own = draft.directory if is_file else draft.key
    if match := hub_snapshot(source, own):
        return match["revision"][:REVISION_DIGITS]
    if is_file and _is_dated_copy(draft):
        return name_of(own)
    if is_file and (match := RUN_DIRECTORY.search(draft.key)):
        return match["version"]
    if is_file and (match := EPOCH_AT_END.match(name_of(draft.key))):
        return match["version"]
    if is_file and (version := names.version_in(name_of(draft.key))) is not None:
        is_version = _SPELLED_VERSION.match(name_of(own)) and without_version(own) != own
        return name_of(own) if is_version else version
    if is_file and not names.is_generic_stem(name_of(draft.key)):
        return None
    while name_of(own).lower() in _WITHIN_VERSION and directory_of(own):
        own = directory_of(own)
    own = placed(source, own)
    if (tagged := TAGGED_DIRECTORY.match(name_of(own))) is not None:
        return tagged["version"]
    return name_of(own) if without_version(own) != own else None


def _is_dated_copy(draft: Draft) -> bool:
    """Whether a file stands under a date in a directory that is called as the file: one of its versions.

    Source: kedro-org/kedro kedro/io/core.py (`FILEPATH/VERSION/FILEPATH`).
    """
    if not DATED_DIRECTORY.match(name_of(draft.directory)):
        return False
    names_here = {name_of(key) for key in draft.weights}
    return name_of(directory_of(draft.directory)) in names_here


def owner_of(source: SourceId, draft: Draft) -> str | None:
    """Who published the model by the layout of a hub or of LM Studio."""
    own = draft.directory if draft.kind in {"file", "shards"} else draft.key
    if match := hub_snapshot(source, own):
        return match["owner"]
    first = next(iter(draft.weights), "")
    match = PUBLISHER.search(first)
    if match is None:
        return None
    if match["owner"]:
        return match["owner"]
    publisher = match["publisher"]
    return publisher if first.lower().endswith(".gguf") and not _is_shelf(publisher) else None


def _is_shelf(directory: str) -> bool:
    """Whether a directory says what is kept in it, not whose it is: `gguf/NAME-GGUF`, `llms/NAME-GGUF`."""
    return names.is_machine_name(directory) or names.is_leftover(directory) or directory.lower() in _SHELVES
