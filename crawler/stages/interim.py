"""Interim records, in the first crawl of a source that takes long: when they are made of what was read so far, and of which models.

Only a source of which nothing is known is looked at early. There a model cannot have moved or gone missing, so that what
an interim look took for a model and the whole listing does not was a mistake. A crawl that was stopped leaves such mistakes
to the one that goes on from there.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence

from catalog.records import Group, ModelId, ObjectKey
from catalog.store.manifest import Manifest
from catalog.store.records import LIVE
from crawler.grouping.draft import upwards

FIRST_SECONDS = 15.0
REST_PER_LOOK = 10
"""Reading goes on ten times as long as the last look took: all looks cost a crawl at most a tenth of its time."""


class InterimLooks:
    """Decides on interim looks. `taken` says whether there was one."""

    def __init__(self) -> None:
        self.taken = False
        self._allowed = False
        self._next = 0.0

    def allow(self) -> None:
        """Nothing is known of the source."""
        self._allowed = True
        self._next = time.monotonic() + FIRST_SECONDS

    def due(self) -> bool:
        return self._allowed and time.monotonic() >= self._next

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
    absent: set[ObjectKey],
) -> set[ModelId]:
    """Those of these models that never were any: their files are all there, and now that all is listed they make none."""
    keys = {key for model in models for key in file_keys.get(model, ())}
    entries = manifest.entries(sorted(keys))
    there = {key for key, entry in entries.items() if entry.state == LIVE} - absent
    return {model for model in models if there.issuperset(file_keys.get(model, ()))}


def _directory(key: str) -> str:
    """Where everything lies that may belong to the file. Blobs are named from beside their directory.

    Source: https://huggingface.co/docs/huggingface_hub/guides/manage-cache; OCI image layout, "blobs".
    """
    store, inside, _ = f"/{key}".partition("/blobs/")
    return store[1:] if inside else key.rpartition("/")[0]
