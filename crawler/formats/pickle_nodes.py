"""What a pickle says, as nodes: nothing is imported, called, hashed, compared or copied.

Plain values stay plain (None, bool, int, float, str, bytes, list, tuple). Everything that a loader would build by running
code becomes a node. A tuple may share its parts exponentially often, so no node is ever used as a key: dictionaries keep
their pairs in order, and walks remember identities.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from catalog.lazy_dataclasses import dataclass, field


class Dict:
    """A dictionary: pairs in order, duplicates kept, found by text keys only."""

    __slots__ = ("_index", "keys", "values")

    def __init__(self) -> None:
        self.keys: list[Any] = []
        self.values: list[Any] = []
        self._index: dict[str | int, int] | None = None

    def add(self, key: Any, value: Any) -> None:
        self.keys.append(key)
        self.values.append(value)
        self._index = None

    def get(self, key: str | int, default: Any = None) -> Any:
        if self._index is None:
            self._index = {k: i for i, k in enumerate(self.keys) if type(k) is str or type(k) is int}
        position = self._index.get(key)
        return default if position is None else self.values[position]

    def __contains__(self, key: object) -> bool:
        return type(key) is str and self.get(key, _ABSENT) is not _ABSENT

    def __len__(self) -> int:
        return len(self.keys)

    def items(self) -> Iterator[tuple[Any, Any]]:
        return zip(self.keys, self.values, strict=True)

    def named(self) -> Iterator[tuple[str, Any]]:
        """The pairs whose key is a text or a whole number, as text."""
        for key, value in self.items():
            if type(key) is str:
                yield key, value
            elif type(key) is int and -(10**18) < key < 10**18:
                yield str(key), value


_ABSENT: Any = object()


@dataclass(slots=True, eq=False, repr=False)
class Set:
    items: list[Any] = field(default_factory=list)


@dataclass(slots=True, eq=False, repr=False)
class Global:
    """A name that a loader would import."""

    module: str
    name: str

    @property
    def full(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(slots=True, eq=False, repr=False)
class Call:
    """Something that a loader would call or construct, and what it would then set on the result."""

    callee: Any
    args: Any
    keywords: Any = None
    state: Any = None
    items: list[Any] | None = None
    pairs: Dict | None = None

    @property
    def name(self) -> str:
        """The full name of what is called; empty when it is computed."""
        return self.callee.full if type(self.callee) is Global else ""

    @property
    def class_name(self) -> str:
        """The last part of the name: for `NEWOBJ` the class."""
        return self.callee.name if type(self.callee) is Global else ""

    def argument(self, position: int) -> Any:
        """One argument, or None."""
        if type(self.args) is tuple and position < len(self.args):
            return self.args[position]
        return None

    @property
    def attributes(self) -> Dict | None:
        """The object's `__dict__`, where the state has the usual form: a dictionary, or a pair of it and slots."""
        state = self.state
        if type(state) is tuple and len(state) == 2:
            state = state[0] if type(state[0]) is Dict else state[1]
        return state if type(state) is Dict else None


@dataclass(slots=True, eq=False, repr=False)
class Persistent:
    """A persistent id: in torch files a storage."""

    id: Any


@dataclass(slots=True, eq=False, repr=False)
class Clipped:
    """A text or byte string too long to keep: its start, its length and its place in the stream."""

    kind: str  # str | bytes | int
    head: bytes
    length: int
    offset: int


@dataclass(slots=True, eq=False, repr=False)
class Array:
    """An array whose bytes stand inside the pickle's stream (joblib)."""

    shape: tuple[int, ...]
    dtype: str
    item_bytes: int
    offset: int
    size_bytes: int
    value: Any = None  # of an array of objects: the nested pickle's value
    content: bytes | None = None  # of a small array
    order: str = "<"


@dataclass(slots=True, eq=False, repr=False)
class Opaque:
    """Something that stands outside the pickle (an out-of-band buffer)."""

    what: str


def children(node: Any) -> Iterator[tuple[str, Any]]:
    """The parts of a node with their names, in the order of the file."""
    kind = type(node)
    if kind is Dict:
        yield from node.named()
    elif kind is list or kind is tuple:
        for index, item in enumerate(node):
            yield str(index), item
    elif kind is Call:
        yield from _call_children(node)
    elif kind is Set:
        for index, item in enumerate(node.items):
            yield str(index), item
    elif kind is Array and node.value is not None:
        yield "", node.value
    elif kind is Persistent:
        yield "", node.id


def _call_children(node: Call) -> Iterator[tuple[str, Any]]:
    if node.attributes is not None:
        yield from node.attributes.named()
    elif node.state is not None:
        yield "", node.state
    if node.pairs is not None:
        yield from node.pairs.named()
    if node.items is not None:
        for index, item in enumerate(node.items):
            yield str(index), item
    if type(node.args) is tuple:
        for item in node.args:
            yield "", item
    if type(node.keywords) is Dict:
        yield from node.keywords.named()
