"""A group in the making, and the few words about paths that making one needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from catalog.lazy_dataclasses import dataclass, field, replace
from catalog.records import Member, Role

_OF_MODELS = frozenset({Role.WEIGHTS, Role.PART, Role.INDEX})
OF_WEIGHTS = _OF_MODELS | {Role.DATA}
"""Roles of the files that a model's weights are in."""


@dataclass(slots=True)
class Draft:
    """A group in the making. `directory` is its own one; `whole` means that all below its `places` belongs to it."""

    key: str
    kind: str
    directory: str
    whole: bool = False
    places: set[str] = field(default_factory=set)
    weights: dict[str, Member] = field(default_factory=dict)
    context: dict[tuple[str, str | None], Member] = field(default_factory=dict)
    copies: list[str] = field(default_factory=list)
    known_as: set[str] = field(default_factory=set)
    """Further keys by which others name the model."""

    def bind(self, member: Member) -> None:
        """The file says something about this model because of where it is."""
        self._add(placed(member, distance_between(self.directory, directory_of(member.object.key))))

    def bind_by_name(self, member: Member) -> None:
        """The file says something about this model because it names it: where it is does not matter."""
        self._add(placed(member, 0))

    def _add(self, member: Member) -> None:
        self.context.setdefault((member.object.key, member.subject), member)


def placed(member: Member, distance: int) -> Member:
    """The file at this distance from a model's directory: most lie directly in it, as members do that nobody placed."""
    return member if member.distance == distance else replace(member, distance=distance)


def directory_of(key: str) -> str:
    return key.rpartition("/")[0]


ROOT_KEY = "."
"""Of a model that is all that is crawled."""


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


def is_weights(member: Member) -> bool:
    """Whether the file is part of the model itself; a file that nobody reads may be data that another one describes."""
    return member.extraction is None or member.extraction.role in OF_WEIGHTS


def holds_model(members: Iterable[Member]) -> bool:
    """Whether these are a model: data without the file that describes it is none."""
    return any(member.extraction is not None and member.extraction.role in _OF_MODELS for member in members)


def is_hidden_below(directory: str, key: str) -> bool:
    """Whether a name on the way from the directory to the file begins with a dot: git's objects, editors' notes."""
    return "/." in key[len(directory) :] if directory else key.startswith(".") or "/." in key
