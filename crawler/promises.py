"""What names alone promise of a format's files: which one, which belong together, which directories are one model.

An extractor declares it beside its `claims`, as `promises = Promise(...)`; who declares nothing promises nothing. Grouping
and the look at a name before any byte is read ask `FileNames`, which knows the promises of every installed extractor.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from functools import cache

from catalog import plugins
from catalog.errors import PluginUnavailable
from catalog.layouts import variants
from catalog.layouts.pieces import without_piece
from catalog.layouts.shards import Shard, shard_of
from catalog.lazy_dataclasses import dataclass, field
from catalog.text.patterns import pattern

_LITTER = pattern(r"\..+|_SUCCESS|thumbs\.db|desktop\.ini", re.IGNORECASE)
"""What desktops and Hadoop put into any directory: it says nothing of what the directory is."""
_STANDS_BESIDE = pattern(
    rf"{_LITTER.pattern}|(?:readme|licen[cs]e|notice)(?:[._-].*)?"
    r"|.+\.(?:md|txt|json|jsonl|ya?ml|toml|cfg|csv|tsv|html|pdf|log|png|jpe?g|svg|gif|webp)",
    re.IGNORECASE,
)
"""What people and programs put beside a model: texts and pictures, but no programs and no weights."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """A directory that is one model with all below it: it has all `files`, a file with each of `endings`, and all
    `folders`, and no files but those that may stand anywhere when it names folders alone; or its own name ends with `suffix`.
    Where other programs use names like these, too, it is one only with weights in the folder `marked_in`. Where a file
    `main` stands for the whole, the other weights are its parts. Where other programs call files of theirs so, too, the
    extractor `reader` must have known the `files`.
    """

    files: tuple[str, ...] = ()
    endings: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    suffix: str | None = None
    marked_in: str | None = None
    main: str | None = None
    reader: str | None = None
    kind: str = "directory"

    def fits(self, path: str, names: AbstractSet[str], below: AbstractSet[str]) -> bool:
        if self.suffix is not None:
            return path.endswith(self.suffix)
        if self.folders and not set(self.folders) <= below:
            return False
        if self.folders and not self.files:
            beside = _LITTER if self.marked_in is None else _STANDS_BESIDE
            return all(map(beside.fullmatch, names))
        if self.files and self.files[0] not in names:  # as in nearly every directory
            return False
        return set(self.files) <= names and all(
            any(name.endswith(ending) for name in names) for ending in self.endings
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """What an extractor promises of names.

    `formats` maps a suffix to the format that it promises: a file of that name is a model, and when nothing can read it
    that is said. `names` does so for whole names (regular expressions), where the suffix is used by others, too.
    `opened` are whole names (regular expressions) of files that it reads under a suffix that is opened by nobody else.
    `endings` are no part of a model's name although they have several dots or none: `x.bin.index.json` is about `x`.
    `shards` are regular expressions with the groups `stem`, `number` and perhaps `total`, `stems` with the group `stem` and
    perhaps `variant`: names of files that are parts of, or beside, the model `stem`.
    `configs` are files that make all weights of their directory one model, `containers` directories that are one.
    """

    formats: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    opened: tuple[str, ...] = ()
    endings: tuple[str, ...] = ()
    shards: tuple[str, ...] = ()
    stems: tuple[str, ...] = ()
    configs: tuple[str, ...] = ()
    containers: tuple[Container, ...] = ()


@dataclass(frozen=True, slots=True)
class Stem:
    """A file name taken apart. `shard` is (number, total)."""

    stem: str
    variant: str = ""
    shard: tuple[int, int] | None = None


_SUFFIX = pattern(r"[A-Za-z][A-Za-z0-9_]{0,14}")
_COPY = pattern(r"\.[A-Za-z0-9]{1,15}\.(?:bak|backup|old|orig|save|prev(?:ious)?|copy)\d*$", re.IGNORECASE)
"""Copies that people keep of a file: each is as it was at another time, and no other format of the next."""


class FileNames:
    """The promises of several extractors as one table."""

    def __init__(self, promises: Iterable[Promise]) -> None:
        listed = list(promises)
        self._formats = {suffix: name for promise in listed for suffix, name in promise.formats.items()}
        self._names = [(re.compile(form), name) for promise in listed for form, name in promise.names.items()]
        self._opened = [re.compile(form) for promise in listed for form in promise.opened]
        endings = {ending for promise in listed for ending in promise.endings}
        several = (suffix for suffix in self._formats if suffix.count(".") > 1)
        self._endings = tuple(sorted({*endings, *several}, key=lambda ending: (-len(ending), ending)))
        self._stems = [re.compile(form) for promise in listed for form in promise.stems]
        self._shards = [re.compile(form) for promise in listed for form in promise.shards]
        self._containers = [container for promise in listed for container in promise.containers]
        self._containers.sort(key=lambda container: container.kind == "directory")
        self.configs = frozenset(name for promise in listed for name in promise.configs)
        self.container_files = frozenset(name for kind in self._containers for name in kind.files)
        self._readers = {name: kind.reader for kind in self._containers if kind.reader for name in kind.files}
        self.container_endings = tuple(
            sorted({ending for kind in self._containers for ending in kind.endings})
        )
        self.container_folders = frozenset(name for kind in self._containers for name in kind.folders)
        self.package_suffixes = tuple(kind.suffix for kind in self._containers if kind.suffix is not None)
        """What tells a container, beside its own suffix."""
        self._first_files = frozenset(kind.files[0] for kind in self._containers if kind.files)
        self._told_by_endings = any(
            not kind.files and not kind.folders and kind.suffix is None for kind in self._containers
        )

    def format_of(self, key: str) -> str | None:
        """The format that the name promises; None if it promises no model."""
        name = key.rpartition("/")[2].lower()
        for form, promised in self._names:
            if form.fullmatch(name):
                return promised
        return self._by_suffix(name)

    def is_wanted(self, key: str) -> bool:
        """Whether an extractor reads the file whatever its suffix is in general."""
        name = key.rpartition("/")[2]
        return any(form.fullmatch(name) for form in self._opened) or self.format_of(key) is not None

    def surely(self, key: str) -> bool:
        """Whether the suffix belongs to one format alone, so that other bytes under it are broken and not just unknown."""
        return self._by_suffix(key.rpartition("/")[2].lower()) is not None

    def stem_of(self, name: str) -> Stem:
        """The name without suffix, shard number and variant."""
        name = without_piece(name)
        for form in self._stems:
            if match := form.fullmatch(name):
                return Stem(match["stem"], match.groupdict().get("variant") or "")
        for form in self._shards:
            if match := form.fullmatch(name):
                parts = match.groupdict()
                return _whole(Shard(parts["stem"], int(parts["number"]), int(parts.get("total") or 0)))
        for ending in self._endings:
            if name.endswith(ending) and len(name) > len(ending):
                return _without_variant(name[: -len(ending)])
        if shard := shard_of(name):
            return _whole(shard)
        stem, dot, suffix = name.rpartition(".")
        if dot and stem and _SUFFIX.fullmatch(suffix) and not _COPY.search(name):
            return _without_variant(stem)
        return _without_variant(name)

    def may_be_in_container(self, key: str) -> bool:
        """Whether the key alone may show that a directory is one model with all below it."""
        *folders, name = key.split("/")
        return (
            name in self.container_files
            or not self.container_folders.isdisjoint(folders)
            or any(suffix in key and _ends_one_of(folders, suffix) for suffix in self.package_suffixes)
            or self._told_by_endings
        )

    def marks_container(self, name: str, extractor: str | None) -> bool:
        """Whether a file that this extractor read may be what makes its directory one model, by its name."""
        return name in self.container_files and self._readers.get(name, extractor) == extractor

    def container_kind(self, path: str, names: AbstractSet[str], below: AbstractSet[str]) -> str | None:
        """The kind of a directory that is one model with all below it; None for any other.

        `names` are its files, `below` its sub-directories.
        """
        fitting = self._fitting(path, names, below)
        return fitting[0].kind if fitting else None

    def container_marks(
        self, path: str, names: AbstractSet[str], below: AbstractSet[str]
    ) -> frozenset[str] | None:
        """The folders of which one must have weights for the directory to be a container; None if it is one anyhow."""
        marks = [container.marked_in for container in self._fitting(path, names, below)]
        return None if None in marks else frozenset(mark for mark in marks if mark is not None)

    def main_file(self, path: str, names: AbstractSet[str], below: AbstractSet[str]) -> str | None:
        """The file that stands for the container; None where none does more than the others."""
        mains = (container.main for container in self._fitting(path, names, below))
        return next((main for main in mains if main is not None and main in names), None)

    def _fitting(self, path: str, names: AbstractSet[str], below: AbstractSet[str]) -> list[Container]:
        if not self._may_be_container(path, names, below):
            return []
        return [container for container in self._containers if container.fits(path, names, below)]

    def _may_be_container(self, path: str, names: AbstractSet[str], below: AbstractSet[str]) -> bool:
        """Whether the directory has anything of what each container has: nearly every one has nothing of that."""
        return (
            not self._first_files.isdisjoint(names)
            or not self.container_folders.isdisjoint(below)
            or path.endswith(self.package_suffixes)
            or self._told_by_endings
        )

    def without_package_suffix(self, directory: str) -> str:
        """A package is a file to its user, and shares its stem with the other formats."""
        for suffix in self.package_suffixes:
            if directory.endswith(suffix):
                return directory.removesuffix(suffix)
        return directory

    def _by_suffix(self, name: str) -> str | None:
        dot = name.find(".")
        while dot >= 0:
            if (promised := self._formats.get(name[dot:])) is not None:
                return promised
            dot = name.find(".", dot + 1)
        return None


def _ends_one_of(folders: Iterable[str], suffix: str) -> bool:
    return any(folder.endswith(suffix) for folder in folders)


def _whole(shard: Shard) -> Stem:
    stem = _without_variant(shard.stem)
    return Stem(stem.stem, stem.variant, (shard.number, shard.total))


def _without_variant(stem: str) -> Stem:
    match = variants.AT_END.search(stem)
    return Stem(stem[: match.start()], match[1]) if match and match.start() else Stem(stem)


@cache
def installed() -> FileNames:
    """The promises of every extractor that can be loaded, a stranger's included."""
    return FileNames(
        promise for promise in map(_promise_of, plugins.names("extractor")) if promise is not None
    )


def _promise_of(name: str) -> Promise | None:
    try:
        promise = getattr(plugins.load("extractor", name), "promises", None)
    except PluginUnavailable:  # the registry says so
        return None
    return promise if isinstance(promise, Promise) else None
