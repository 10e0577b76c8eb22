"""A group in the making, and the few words about paths that making one needs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from catalog.records import Member


@dataclass(slots=True)
class Draft:
    """A group in the making. `directory` is its own one; `whole` means that all below it belongs to it."""

    key: str
    kind: str
    directory: str
    whole: bool = False
    weights: dict[str, Member] = field(default_factory=dict)
    context: dict[tuple[str, str | None], Member] = field(default_factory=dict)

    def bind(self, member: Member) -> None:
        """The file says something about this model."""
        distance = distance_between(self.directory, directory_of(member.object.key))
        self.context.setdefault((member.object.key, member.subject), replace(member, distance=distance))


def directory_of(key: str) -> str:
    return key.rpartition("/")[0]


def name_of(key: str) -> str:
    return key.rpartition("/")[2]


def joined(directory: str, name: str) -> str:
    return f"{directory}/{name}" if directory else name


def upwards(directory: str) -> Iterator[str]:
    """The directory, its parent, and so on to the root."""
    yield directory
    while directory:
        directory = directory_of(directory)
        yield directory


def distance_between(own: str, other: str) -> int:
    """Directories from `own` down to `other`; negative when `other` is above."""
    depth = len(other.split("/")) if other else 0
    return depth - (len(own.split("/")) if own else 0)
