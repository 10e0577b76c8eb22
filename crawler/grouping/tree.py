"""The directories of a source: what lies in each, and which are one model with all below them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import cached_property

from catalog.records import (
    Member,
    Role,
)
from crawler.grouping.draft import (
    directory_of,
    holds_model,
    is_weights,
    joined,
    name_of,
    upwards,
)
from crawler.grouping.layouts import (
    ALTERNATIVE_DIRECTORIES,
    CHECKPOINT_DIRECTORY,
    DEEPSPEED_STATE,
    OPTIMIZER_STATE,
    ORIGINAL_DIRECTORY,
)
from crawler.grouping.roles import in_role
from crawler.promises import FileNames


class Tree:
    """The members by directory, and which directories are one model each."""

    def __init__(self, members: Sequence[Member], promised: FileNames) -> None:
        self.promised = promised
        self.members = members
        self.files: dict[str, list[Member]] = defaultdict(list)
        self.below: dict[str, set[str]] = defaultdict(set)
        for member in members:
            self.files[directory_of(member.object.key)].append(member)
        keys = (member.object.key for member in members)
        self.containers = self._containers() if any(map(promised.may_be_in_container, keys)) else {}

    @cached_property
    def two_below(self) -> Mapping[str, int]:
        """Of each directory, how many there are two levels below it."""
        directories = {directory for name in self.files for directory in upwards(name)}
        return Counter(directory_of(directory_of(name)) for name in directories if "/" in name)

    @cached_property
    def directories_in(self) -> Mapping[str, set[str]]:
        """The names of the directories that stand in each, with files in them or below."""
        standing: dict[str, set[str]] = defaultdict(set)
        for name in self.files:
            for directory in upwards(name):
                if directory:
                    standing[directory_of(directory)].add(name_of(directory))
        return standing

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
        if not self.containers:
            return None
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

    def _note_below(self) -> None:
        for directory in list(self.files):
            for place in upwards(directory):
                if place:
                    self.below[directory_of(place)].add(name_of(place))

    def _containers(self) -> dict[str, str]:
        self._note_below()
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
        return [member if member.object.key == key else in_role(member, Role.PART) for member in weights]

    def _is_marked(self, directory: str, own: AbstractSet[str], below: AbstractSet[str]) -> bool:
        marks = self.promised.container_marks(directory, own, below)
        return marks is None or any(
            holds_model(self.files.get(joined(directory, folder), ())) for folder in marks
        )
