"""What a source is split into, kept from one run to the next: what changed costs what is around it.

The split is made on the way through all outlines, by the first crawl or event that finds none of its version. From then on
the manifest notes which objects changed. What they may have to do with is found in rows: the directories above them, which
say what is one place, and what names their directories, or is named there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cached_property
from itertools import chain

from catalog.lazy_dataclasses import dataclass, replace
from catalog.records import Member, ModelId, ObjectKey, SourceId, model_id
from catalog.store.directories import DIRECTORY, Directory, Tie
from catalog.store.entries import Entry
from catalog.store.leases import Lease
from catalog.store.manifest import Manifest
from catalog.store.records import Records
from catalog.store.spans import Span
from catalog.store.split import TieId, tie_id
from crawler.grouping.directories import DirectoryFacts, DirectoryRules, propagated
from crawler.grouping.draft import ROOT_KEY, directory_of, joined, upwards
from crawler.grouping.neighbourhoods import (
    flat_place,
    joined_places,
    neighbourhoods,
    ties_of,
    whole_place,
)
from crawler.grouping.places import Neighbourhoods, Place
from crawler.promises import FileNames, installed
from crawler.stages.members import KeptFiles, files_of, keys_of, outlined_files

DIRECTORIES_AT_ONCE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What is to be grouped anew, and the models that have files there, or had when they were last looked at."""

    neighbourhoods: Neighbourhoods
    models: frozenset[ModelId]


class SourceSplit:
    """The split of one source. Whoever writes has its lease."""

    def __init__(
        self,
        source: SourceId,
        manifest: Manifest,
        records: Records,
        *,
        recipe: str,
        lease: Lease,
        file_names: FileNames | None = None,
    ) -> None:
        self._source = source
        self._manifest = manifest
        self._records = records
        self._recipe = recipe
        self._lease = lease
        self._rules = DirectoryRules(file_names or installed())

    @property
    def is_made(self) -> bool:
        """Whether there is one of this version, true of the records but for what is due."""
        return self._manifest.split.is_made_with(self._recipe)

    def make(
        self, without: Collection[ObjectKey] = frozenset(), kept: KeptFiles | None = None
    ) -> Neighbourhoods:
        """Walks all outlines but those of these keys, and keeps what it comes by. The split counts once `keep` is called."""
        kept = kept or KeptFiles()
        with self._manifest.split.writer(lease=self._lease) as notes:
            return neighbourhoods(
                lambda: kept.noted(outlined_files(self._manifest, without)),
                objects=self._manifest.objects,
                file_names=self._rules.file_names,
                notes=notes,
            )

    def keep(self) -> None:
        """The manifest holds what the split was made of."""
        self._manifest.split.keep(self._recipe, lease=self._lease)

    def due_directories(self, absent: Iterable[ObjectKey] = (), *, most: int) -> set[str]:
        """Those in which something changed, or more than `most` of them; `absent` is not there any more, and the manifest
        does not say so yet.
        """
        directories: set[str] = set()
        for key in chain(absent, self._manifest.split.due_keys()):
            directories.add(directory_of(key))
            if len(directories) > most:
                break
        return directories

    def around(self, absent: Collection[ObjectKey] = ()) -> Surroundings:
        """What may be grouped otherwise than when the split was settled. The rows are true of it afterwards, and what they
        then do not tell any more is noted as due.
        """
        due = self._manifest.split.due()
        for key in absent:
            due.setdefault(key, set())
        seeds = self._brought_up_to_date(due, frozenset(absent))
        keys = [key for key in due if not key.endswith("/") and key]
        models = set(self._records.models_of(self._source, keys))
        above = {path for seed in seeds for path in upwards(seed)}
        models |= self._of_directories(above)
        search = _Connections(self._manifest, self._rules)
        # A package lends to the directory of its name and may be a model without a file of its own, which nothing else finds.
        search.follow(
            {*seeds, *(name for path in above for name in self._rules.packages_around(path) - {path})}
        )
        while True:
            models |= self._models_in(search.take_fresh())
            own = self._records.file_keys(sorted(models))
            search.follow({directory_of(key) for files in own.values() for key in files})
            if not search.has_fresh:
                return Surroundings(neighbourhoods=search.neighbourhoods(), models=frozenset(models))

    def restore(self, absent: Collection[ObjectKey]) -> None:
        """These keys are not taken for absent after all: the rows are true of the manifest again."""
        due = self._manifest.split.due()
        self._brought_up_to_date({**due, **{key: set() for key in absent}}, frozenset())

    def _models_in(self, places: Iterable[Place]) -> set[ModelId]:
        models: set[ModelId] = set()
        flat: list[ObjectKey] = []
        for place in places:
            if place.whole:
                models.update(self._records.models_below(self._source, place.directory))
                models |= self._of_directories(
                    row.path
                    for row in self._manifest.split.below(place.directory)
                    if self._rules.is_container(row)
                )
            else:
                flat += keys_of(place)
        return models | set(self._records.models_of(self._source, flat))

    def _of_directories(self, paths: Iterable[str]) -> set[ModelId]:
        """The models that are called as one of these directories: one that is a model may have no file that says so."""
        keys = {self._rules.file_names.without_package_suffix(path) or ROOT_KEY for path in paths}
        return set(self._records.shelved_of([model_id(self._source, key) for key in sorted(keys)]))

    def _brought_up_to_date(
        self, due: Mapping[ObjectKey, set[TieId]], without: frozenset[ObjectKey]
    ) -> set[str]:
        """Writes what counts of the directories in which something changed; these, and those that had to do with them."""
        split = self._manifest.split
        directories = {directory_of(key) for key in due}
        before = split.directories({path for directory in directories for path in upwards(directory)})
        fresh, ties = self._looked_at(directories, before, due, without)
        after = propagated(fresh, before, self._rules)
        changed = {path: row for path, row in after.items() if row != before.get(path)}
        after |= {path: self._with_names(row, without) for path, row in changed.items()}
        left = {tie for ties_before in due.values() for tie in ties_before}
        left |= {tie for _, tie in split.bytes_of(without)} if without else set()
        former = split.ties_of(directories)
        present = {path: {(tie_id(tie.name), tie.is_named) for tie in own} for path, own in ties.items()}
        left |= {tie for path, own in present.items() for tie, _ in former[path] - own}
        seeds = directories | self._tied_until_now(left)
        seeds |= self._parted(directories, before, after)
        seeds |= self._namesakes(before, after, changed)
        split.replace(
            [after[path] for path in changed],
            {path: own for path, own in ties.items() if present[path] != former[path]},
            due={*(ObjectKey(joined(directory, "")) for directory in seeds), *without},
            lease=self._lease,
        )
        return seeds

    def _looked_at(
        self,
        directories: Collection[str],
        before: Mapping[str, Directory],
        due: Iterable[ObjectKey],
        without: frozenset[ObjectKey],
    ) -> tuple[list[Directory], dict[str, set[Tie]]]:
        """What the files that lie directly in these directories say now, and the ties that they have."""
        keys: dict[str, set[ObjectKey]] = {directory: set() for directory in directories}
        for key in due:
            if key and not key.endswith("/"):
                keys[directory_of(key)].add(key)
        fresh: list[Directory] = []
        ties: dict[str, set[Tie]] = {}
        ordered = sorted(directories)
        for start in range(0, len(ordered), DIRECTORIES_AT_ONCE):
            facts = {
                path: DirectoryFacts(path, self._rules.file_names)
                for path in ordered[start : start + DIRECTORIES_AT_ONCE]
            }
            for path in facts:
                ties[path] = set()
            for entry in self._files_in(facts, before, keys):
                if entry.object.key not in without:
                    member = Member(object=entry.object, extraction=entry.outline)
                    path = directory_of(entry.object.key)
                    facts[path].add(member)
                    ties[path] |= ties_of(member)
            fresh += [directory.directory() for directory in facts.values()]
        return fresh, ties

    def _files_in(
        self,
        directories: Iterable[str],
        before: Mapping[str, Directory],
        changed: Mapping[str, set[ObjectKey]],
    ) -> Iterator[Entry]:
        """The files that lie directly in these directories: those that did, if that is known, and what changed."""
        keys: set[ObjectKey] = set()
        spans: list[Span] = []
        for path in directories:
            known = before.get(path)
            names = () if known is None or not known.files else known.names
            if names is None:
                spans.append(Span(directory=path, deep=False))
            else:
                keys |= {ObjectKey(joined(path, name)) for name in names} | changed[path]
        yield from self._manifest.models_files_in(spans)
        yield from files_of(self._manifest, sorted(keys))

    def _with_names(self, row: Directory, without: frozenset[ObjectKey]) -> Directory:
        """The directory with the names of its files, if it is open; one that was not until now is looked through."""
        if not self._rules.is_open(row):
            return replace(row, names=None)
        if row.names is not None or not row.files:
            return row
        names = (
            entry.object.key.rpartition("/")[2]
            for entry in self._manifest.models_files_in([Span(directory=row.path, deep=False)])
            if entry.object.key not in without
        )
        return replace(row, names=tuple(sorted(names)))

    def _tied_until_now(self, left: Collection[TieId]) -> set[str]:
        """The directories that had to do with others by ties that are there no more."""
        if not left:
            return set()
        split = self._manifest.split
        rows = split.tied(left)
        targets = {row.target for row in rows if row.target is not None}
        return {row.directory for row in rows} | targets | {directory for _, directory in split.holding(left)}

    def _parted(
        self, directories: Iterable[str], before: Mapping[str, Directory], after: Mapping[str, Directory]
    ) -> set[str]:
        """All directories of what was one place and is not any more."""
        parted: set[str] = set()
        for directory in directories:
            old = self._rules.outermost_closed(directory, before)
            if old is not None and old not in parted:
                new = self._rules.outermost_closed(directory, after)
                if new is None or (new != old and new not in upwards(old)):
                    parted |= {row.path for row in self._manifest.split.below(old)} | {old}
        return parted

    def _namesakes(
        self, before: Mapping[str, Directory], after: Mapping[str, Directory], changed: Iterable[str]
    ) -> set[str]:
        """Packages, and what is called as they are, around directories that came, went, or are another kind of place."""

        def standing(row: Directory | None) -> tuple[bool, bool]:
            return (False, False) if row is None or not row.all_files else (True, self._rules.is_open(row))

        return {
            namesake
            for path in changed
            if standing(before.get(path)) != standing(after[path])
            for namesake in self._rules.packages_around(path)
        }


class _Connections:
    """Places found from some directories on, with all that are one neighbourhood with them."""

    def __init__(self, manifest: Manifest, rules: DirectoryRules) -> None:
        self._manifest = manifest
        self._split = manifest.split
        self._rules = rules
        self._asked: set[str] = set()
        self._rows: dict[str, Directory] = {}
        self._places: dict[Place, None] = {}
        self._fresh: list[Place] = []
        self._followed: set[str] = set()
        self._together: list[set[str]] = []

    @property
    def has_fresh(self) -> bool:
        return bool(self._fresh)

    def take_fresh(self) -> list[Place]:
        """The places that were found since this was asked last."""
        fresh, self._fresh = self._fresh, []
        return fresh

    def neighbourhoods(self) -> Neighbourhoods:
        return joined_places(Neighbourhoods.of_places(sorted(self._places)), self._together)

    def follow(self, directories: Iterable[str]) -> None:
        """Finds the places of these directories, and whatever is one neighbourhood with them."""
        todo = set(directories)
        while todo := todo - self._followed:
            self._followed |= todo
            fresh = [place for place in self._places_of(todo) if place not in self._places]
            self._places |= dict.fromkeys(fresh)
            self._fresh += fresh
            together = [directories for directories in self._linked(fresh) if len(directories) > 1]
            self._together += together
            todo = {directory for directories in together for directory in directories}

    def _places_of(self, directories: Iterable[str]) -> dict[Place, None]:
        wanted = list(directories)
        unknown = {path for directory in wanted for path in upwards(directory)} - self._asked
        self._asked |= unknown
        self._rows |= self._split.directories(unknown)
        known = self._rows
        places: dict[Place, None] = {}
        for directory in wanted:
            closed = self._rules.outermost_closed(directory, known)
            if closed is not None:
                places[whole_place(known[closed])] = None
            elif directory in known and known[directory].files:
                places[flat_place(known[directory], known[directory].names)] = None
        return places

    def _linked(self, places: Collection[Place]) -> Iterator[set[str]]:
        """Sets of directories that are one neighbourhood with one of these places."""
        if not places:
            return
        deep = {
            place.directory for place in places if place.whole and self._rows[place.directory].files_below
        }
        exact = {place.directory for place in places} - deep
        yield from self._by_ties({tie for _, tie, _ in self._split.ties_in(exact, deep)})
        yield from ({target, directory} for target, directory in self._split.naming(exact, deep))
        yield from self._by_packages(places)
        if self._names_bytes:
            yield from self._by_bytes(places)

    def _by_ties(self, ties: Collection[TieId]) -> Iterator[set[str]]:
        if not ties:
            return
        naming: dict[TieId, set[str]] = defaultdict(set)
        holding: dict[TieId, set[str]] = defaultdict(set)
        for row in self._split.tied(ties):
            (naming if row.is_named else holding)[row.tie].add(row.directory)
            if row.target is not None:
                naming[row.tie].add(row.target)
                if row.tie.startswith(DIRECTORY.encode()):
                    naming[row.tie] |= self._rules.packages_around(row.target)
        for tie, directory in self._split.holding(naming):
            holding[tie].add(directory)
        for tie, directories in naming.items():
            yield directories | holding[tie]

    def _by_packages(self, places: Iterable[Place]) -> Iterator[set[str]]:
        bare = {
            place.directory: self._rules.file_names.without_package_suffix(place.directory)
            for place in places
        }
        packages = {directory: name for directory, name in bare.items() if name != directory}
        for place in places:
            yield {place.directory, *self._rules.packages_around(place.directory)}
        if packages:
            ties = {tie_id(f"{DIRECTORY}{name}"): directory for directory, name in packages.items()}
            for row in self._split.tied(ties):
                yield {ties[row.tie], row.directory}

    @cached_property
    def _names_bytes(self) -> bool:
        return self._split.names_bytes()

    def _by_bytes(self, places: Iterable[Place]) -> Iterator[set[str]]:
        """Directories whose files name by hash or identity what lies in one of these places."""
        pairs: list[tuple[str, TieId]] = []
        for place in places:
            pairs += (
                self._split.bytes_below(place.directory)
                if place.whole
                else self._split.bytes_of(keys_of(place))
            )
        directories: dict[TieId, set[str]] = defaultdict(set)
        for directory, tie in pairs:
            directories[tie].add(directory)
        for row in self._split.tied(directories):
            if row.is_named:
                yield {row.directory, *directories[row.tie]}
