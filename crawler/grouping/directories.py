"""When a directory is open: no model lies in it, and nothing in it is lent to a model below."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from catalog.lazy_dataclasses import dataclass, field, replace
from catalog.records import Member, Role
from catalog.store.directories import Directory
from crawler.grouping.draft import directory_of, is_weights, name_of, upwards
from crawler.grouping.layouts import PROJECTOR, SIDECAR, TRAINING_STATE
from crawler.promises import FileNames

BLOBS = "blobs"


@dataclass(slots=True)
class DirectoryFacts:
    """What counts of the files that lie directly in a directory, one file after another."""

    path: str
    file_names: FileNames
    files: int = 0
    lends: bool = False
    has_context: bool = False
    has_model: bool = False
    marks: set[str] = field(default_factory=set)
    names: list[str] = field(default_factory=list)

    def add(self, member: Member) -> None:
        name, extraction = name_of(member.object.key), member.extraction
        self.files += 1
        if self.file_names.marks_container(name, None if extraction is None else extraction.extractor):
            self.marks.add(name)
        for ending in self.file_names.container_endings:
            if name.endswith(ending):
                self.marks.add(f"any{ending}")
        if is_weights(member) or name in self.file_names.configs or SIDECAR.match(name):
            self.lends = True
        if extraction is not None:
            self.lends = self.lends or bool(extraction.references)
            self.has_context = self.has_context or not extraction.subjects
            if extraction.role in {Role.WEIGHTS, Role.INDEX} and not (
                TRAINING_STATE.match(name) or PROJECTOR.match(name)
            ):
                self.has_model = self.has_model or name_of(self.path) != BLOBS
        if self.lends:  # it is not open, whatever follows, and its names never count
            self.names.clear()
        else:
            self.names.append(name)

    def directory(self) -> Directory:
        """The directory, as if there were none below."""
        return Directory(
            path=self.path,
            files=self.files,
            lends=self.lends,
            has_context=self.has_context,
            has_model=self.has_model,
            marks=frozenset(self.marks),
            names=tuple(sorted(self.names)) if self.names else None,
        )


class DirectoryRules:
    """What follows from what counts of a directory, with what extractors promise of names."""

    def __init__(self, file_names: FileNames) -> None:
        self.file_names = file_names

    def is_container(self, directory: Directory) -> bool:
        names = directory.marks
        if directory.folders and directory.files:  # what else lies in it counts for no other container
            names = names | set(directory.names or ("any",))
        return self.file_names.container_kind(directory.path, names, directory.folders) is not None

    def is_open(self, directory: Directory) -> bool:
        if directory.lends or self.is_container(directory):
            return False
        return not directory.has_context or directory.models_below > 1

    def models(self, directory: Directory) -> int:
        """At least so many models are in the directory and below, as far as the directory above is concerned."""
        # A package has the key of what is called as it without the suffix: the two may be one model.
        if self.file_names.without_package_suffix(directory.path) != directory.path:
            return 0
        if directory.lends or self.is_container(directory):
            return int(directory.has_model or directory.models_below > 0)
        return directory.models_below

    def folders(self, path: str) -> frozenset[str]:
        """What a directory of this path adds to the `folders` of the one above."""
        return self.file_names.container_folders & {name_of(path)}

    def outermost_closed(self, directory: str, known: Mapping[str, Directory]) -> str | None:
        """The outermost directory at or above this one that is not open: it is one place with all below."""
        outermost = None
        for path in upwards(directory):
            if path in known and known[path].all_files and not self.is_open(known[path]):
                outermost = path
        return outermost

    def packages_around(self, directory: str) -> set[str]:
        """The directories that share their key with this one, the one without a suffix among them; they need not be there."""
        bare = self.file_names.without_package_suffix(directory)
        return {bare, *(f"{bare}{suffix}" for suffix in self.file_names.package_suffixes if bare)}


def propagated(
    fresh: Iterable[Directory], known: Mapping[str, Directory], rules: DirectoryRules
) -> dict[str, Directory]:
    """The directories at and above these, as they are with these. `fresh` say what lies directly in each, `known` has
    all of them and all above as they were.
    """
    after = dict(known)
    for directory in fresh:
        before = known.get(directory.path, Directory(path=directory.path))
        after[directory.path] = replace(
            directory,
            folders=before.folders,
            files_below=before.files_below,
            models_below=before.models_below,
        )
    todo = {path for directory in fresh for path in upwards(directory.path)}
    for path in sorted(todo, key=_depth, reverse=True):
        if not path:
            continue
        above = directory_of(path)
        old = known.get(path, Directory(path=path))
        new = after.get(path, old)
        parent = after.get(above, Directory(path=above))
        own = rules.folders(path)
        after[above] = replace(
            parent,
            files_below=parent.files_below + new.all_files - old.all_files,
            models_below=parent.models_below + rules.models(new) - rules.models(old),
            folders=parent.folders | own if new.all_files else parent.folders - own,
        )
    return after


def _depth(path: str) -> int:
    return path.count("/") + bool(path)
