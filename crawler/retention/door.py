"""The door through which retention touches storage: one object at a time, and never another than the one that was planned."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

from catalog.records import ObjectKey
from catalog.records.retention import DiskEntry
from crawler.unfinished import TRASH

Evidence = Mapping[str, Any]
"""What tells one object from every other that may ever stand under its key, as its storage says it; plain JSON."""


class Door(Protocol):
    """What a storage does for retention. Each step may be asked for again after it was interrupted anywhere: it looks at
    what is there, and goes on. Raises ObjectChanged where something else stands in its way, ObjectUnreadable, AccessDenied.
    """

    bins_first: bool
    """Whether what is deleted is moved into the trash before."""

    def check(self, key: ObjectKey, evidence: Evidence) -> None:
        """Raises ObjectChanged if this is not the object that the evidence tells."""
        ...

    def glance(self, key: str) -> tuple[int, datetime] | None:
        """How many bytes the object of this key has, and when it was written; None if it is not there."""
        ...

    def entry(self, key: ObjectKey) -> DiskEntry | None:
        """What a directory has under this key; None of a storage without such names, or where nothing is there."""
        ...

    def look(self, key: ObjectKey, change_token: str) -> Evidence:
        """The object, if it is the one that a crawl saw with this token."""
        ...

    def trash(self, key: ObjectKey, place: ObjectKey, evidence: Evidence) -> Evidence:
        """Moves the object to its place in the trash; what there is to be known of it there."""
        ...

    def delete(self, key: ObjectKey, place: ObjectKey, evidence: Evidence) -> Evidence:
        """Deletes the object for good. It may stand at `place` meanwhile."""
        ...

    def bring_back(self, key: ObjectKey, place: ObjectKey, evidence: Evidence) -> None:
        """Moves the object from the trash to where it was, never over something."""
        ...


def place_of(plan: str, key: ObjectKey) -> ObjectKey:
    """Where an object is in the trash of its source."""
    return ObjectKey(f"{TRASH}/{plan}/{key}")
