"""Interim records, in the first crawl of a source that takes long: when they are made of what was read so far, and of which models.

Only a source of which nothing is known is looked at early. There a model cannot have moved or gone missing, so that what
an interim look took for a model and the whole listing does not was a mistake. A crawl that was stopped leaves such mistakes
to the one that goes on from there.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from catalog.records import Group, ModelId, ObjectKey
from catalog.store.manifest import Manifest
from catalog.store.records import LIVE
from crawler.grouping.draft import upwards
from crawler.grouping.places import Neighbourhood
from crawler.stages.members import GroupedPart, SourceGroups

FIRST_SECONDS = 15.0
REST_PER_LOOK = 10
"""Reading goes on ten times as long as the last look took: all looks cost a crawl at most a tenth of its time."""


class InterimLooks:
    """Decides on interim looks. `taken` says whether there was one."""

    def __init__(self) -> None:
        self.taken = False
        self._allowed = False
        self._next = 0.0
        self._models: dict[int, int] = {}
        """How many were found in each neighbourhood, by its hash: of a large source that is all that is kept in memory."""
        self._unfinished: set[int] = set()
        """Those of them to which the listing may add."""
        self._touched: set[ObjectKey] = set()

    @property
    def models(self) -> int:
        """How many were found by all looks."""
        return sum(self._models.values())

    def allow(self) -> None:
        """Nothing is known of the source."""
        self._allowed = True
        self._next = time.monotonic() + FIRST_SECONDS

    def due(self) -> bool:
        return self._allowed and time.monotonic() >= self._next

    def touch(self, key: ObjectKey) -> None:
        """More is known of this file than the last look knew."""
        if self._allowed:
            self._touched.add(key)

    def left_behind(self, parts: SourceGroups, directory: str | None) -> Iterator[list[Group]]:
        """The models that are finished now and of which an earlier look did not know all; `directory` is where the
        listing is, None when it has ended.
        """
        touched = set(parts.around(self._touched)) if self._touched else set()
        self._touched = set()
        todo = (part for part in parts.neighbourhoods if not self._is_finished(part) or part in touched)
        for batch in parts.batches(todo):
            yield [group for part in batch for group in self._ready(part, directory)]

    def _is_finished(self, part: Neighbourhood) -> bool:
        name = hash(part)
        return name in self._models and name not in self._unfinished

    def _ready(self, part: GroupedPart, directory: str | None) -> list[Group]:
        ready = list(part.groups) if directory is None else finished(part.groups, directory)
        name = hash(part.neighbourhood)
        self._models[name] = len(ready)
        if directory is None or not any(
            directory_at in set(upwards(directory))
            for place in part.neighbourhood.places
            for directory_at in (place.directory, _directory(f"{place.directory}/"))
        ):
            self._unfinished.discard(name)
        else:
            self._unfinished.add(name)
        return ready

    def took(self, seconds: float) -> None:
        self.taken = True
        self._next = time.monotonic() + max(FIRST_SECONDS, REST_PER_LOOK * seconds)


def finished(groups: Iterable[Group], directory: str) -> list[Group]:
    """The groups to which a listing that is at this directory adds no more, if it goes directory by directory.

    A listing in another order only makes some models known with less than they have in the end.
    """
    still_open = set(upwards(directory))
    return [
        group
        for group in groups
        if not any(_directory(member.object.key) in still_open for member in group.members)
    ]


def mistakes(
    models: Sequence[ModelId],
    file_keys: Mapping[ModelId, Sequence[ObjectKey]],
    manifest: Manifest,
    absent: Collection[ObjectKey],
) -> set[ModelId]:
    """Those of these models that never were any: their files are all there, and now that all is listed they make none."""
    keys = {key for model in models for key in file_keys.get(model, ())}
    entries = manifest.entries(sorted(keys))
    there = {key for key, entry in entries.items() if entry.state == LIVE and key not in absent}
    return {model for model in models if there.issuperset(file_keys.get(model, ()))}


def _directory(key: str) -> str:
    """Where everything lies that may belong to the file. Blobs are named from beside their directory.

    Source: https://huggingface.co/docs/huggingface_hub/guides/manage-cache; OCI image layout, "blobs".
    """
    store, inside, _ = f"/{key}".partition("/blobs/")
    return store[1:] if inside else key.rpartition("/")[0]
