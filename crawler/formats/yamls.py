"""YAML as plain text values, built from parser events within bounds.

Loaders of YAML libraries turn `no` into False and `1.10` into 1.1, run merge keys (a 480-byte file of nested merges
never ends) and expand aliases without limit. Here mappings, sequences and text is all there is: a scalar stays the
text it was, and whoever knows the field decides what the text means.

Source: YAML 1.2.2, https://yaml.org/spec/1.2.2/ ; events of PyYAML (yaml/pyyaml).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self, TypeAlias

import yaml

from catalog.errors import LimitExceeded, Malformed
from catalog.lazy_dataclasses import dataclass

if TYPE_CHECKING:
    from crawler.reader import RangedReader

Yaml: TypeAlias = Any
"""None (an empty document), Scalar, list or dict with text keys."""

MAX_DUPLICATES = 20
"""So many keys of one mapping that stand twice are noted."""
_SURROGATE = re.compile("[\ud800-\udfff]")
_INTEGER = re.compile(r"[-+]?[0-9]{1,40}")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}

_Parser: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C parser is 10 times as fast; same events


@dataclass(frozen=True, slots=True, kw_only=True)
class YamlLimits:
    """What one file may hold. Units: bytes, nodes, levels, aliases, nodes after expansion of all aliases."""

    size_bytes: int = 2 * 1024 * 1024
    nodes: int = 100_000
    depth: int = 64
    aliases: int = 1_000
    expanded_nodes: int = 200_000


class Scalar(str):
    """A YAML scalar as written. `plain` is False for quoted and block text, which is never a number or null."""

    __slots__ = ("plain",)
    plain: bool

    def __new__(cls, text: str, *, plain: bool = True) -> Self:
        scalar = super().__new__(cls, text)
        scalar.plain = plain
        return scalar

    @property
    def null(self) -> bool:
        """Whether it stands for nothing: empty, `~` or `null`, unquoted."""
        return self.plain and self in _NULLS


class YamlObject(dict[str, Any]):
    """A mapping. `duplicates` are keys that stand more than once in it; the last one counts."""

    __slots__ = ("duplicates",)

    def __init__(self) -> None:
        super().__init__()
        self.duplicates: tuple[str, ...] = ()

    def place(self, key: str, value: Yaml) -> None:
        if key in self and key not in self.duplicates and len(self.duplicates) < MAX_DUPLICATES:
            self.duplicates += (key,)
        self[key] = value


def load(data: bytes | str, *, documents: bool = False, limits: YamlLimits | None = None) -> Yaml:
    """The value of a YAML file with one document, or the list of all its documents.

    No merge keys (`<<` is a key like others) and no tags. Of a key that stands twice the last counts.
    Raises Malformed, LimitExceeded.
    """
    values = list(documents_of(data, limits=limits))
    if documents:
        return values
    if len(values) > 1:
        raise Malformed(f"{len(values)} YAML documents where one is expected")
    return values[0] if values else None


def documents_of(data: bytes | str, *, limits: YamlLimits | None = None) -> Iterator[Yaml]:
    """The documents of a YAML file, each as `load` gives it, up to the first fault. Raises Malformed, LimitExceeded."""
    limits = limits or YamlLimits()
    if len(data) > limits.size_bytes:
        raise LimitExceeded("bytes of a YAML file", limit=limits.size_bytes, found=len(data))
    yield from _Builder(limits).documents(_events(_decoded(data)))


def tags(data: bytes | str, *, limits: YamlLimits | None = None) -> Iterator[str]:
    """The tags that stand in a YAML file, by their long names, as far as it is YAML. Raises LimitExceeded."""
    limits = limits or YamlLimits()
    if len(data) > limits.size_bytes:
        raise LimitExceeded("bytes of a YAML file", limit=limits.size_bytes, found=len(data))
    with suppress(Malformed):  # a loader has run the tags before the fault, too
        for number, event in enumerate(_events(_decoded(data))):
            if number > 2 * limits.nodes:
                return
            tag = getattr(event, "tag", None)
            if isinstance(tag, str) and not isinstance(event, yaml.DocumentStartEvent):
                yield tag


def read(reader: RangedReader) -> Yaml:
    """As `load`, of a whole file in one request."""
    limits = YamlLimits()
    if reader.size_bytes > limits.size_bytes:
        raise LimitExceeded("bytes of a YAML file", limit=limits.size_bytes, found=reader.size_bytes)
    return load(reader.take(0, reader.size_bytes), limits=limits)


def json_value(value: Yaml) -> Any:
    """The value with unquoted scalars read by YAML 1.2's core schema: numbers, true, false, null; the rest is text.

    For values that are meant as data (a metric, a hyper-parameter). `no` and `1e400` stay text.
    """
    if isinstance(value, dict):
        return {key: json_value(item) for key, item in value.items()}
    if isinstance(value, list):
        return [json_value(item) for item in value]
    if not isinstance(value, Scalar):
        return value
    return _core_value(value) if value.plain else str(value)


def _core_value(scalar: Scalar) -> Any:
    text = str(scalar)
    if text in _NULLS:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        number = float(text)
        return number if number - number == 0 else text
    return text


def _decoded(data: bytes | str) -> str:
    if isinstance(data, str):
        return data.removeprefix("\ufeff")
    encoding = "utf-16" if data[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise Malformed("YAML text is not valid UTF-8", where=f"byte {error.start}") from None


def _events(text: str) -> Iterator[yaml.Event]:
    try:
        parser = _Parser(text)
        try:
            while parser.check_event():
                yield parser.get_event()
        finally:
            parser.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise Malformed(
            f"not YAML: {error.problem}", where=None if mark is None else f"line {mark.line + 1}"
        ) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise Malformed(f"not YAML: {str(error).splitlines()[0]}") from None


@dataclass(slots=True)
class _Open:
    """A collection whose end has not come. `weight` counts its nodes with aliases expanded."""

    value: YamlObject | list[Yaml]
    anchor: str | None
    weight: int = 1
    key: str | None = None


class _Builder:
    """Turns events into values, counting as it goes; a shared alias target is one object, weighed at each use."""

    def __init__(self, limits: YamlLimits) -> None:
        self._limits = limits
        self._nodes = self._aliases = 0
        self._anchors: dict[str, tuple[Yaml, int]] = {}
        self._stack: list[_Open] = []

    def documents(self, events: Iterator[yaml.Event]) -> Iterator[Yaml]:
        root: list[Yaml] = []
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                self._anchors.clear()
                root.clear()
                self._stack = [_Open(root, None)]
            elif isinstance(event, yaml.DocumentEndEvent):
                yield _empty_is_none(root)
            elif isinstance(event, yaml.CollectionEndEvent):
                closed = self._stack.pop()
                self._place(closed.value, closed.weight, closed.anchor)
            elif isinstance(event, yaml.NodeEvent):
                self._node(event)

    def _node(self, event: yaml.NodeEvent) -> None:
        self._nodes += 1
        if self._nodes > self._limits.nodes:
            raise LimitExceeded("nodes of a YAML file", limit=self._limits.nodes)
        if isinstance(event, yaml.AliasEvent):
            self._alias(event)
        elif isinstance(event, yaml.ScalarEvent):
            plain = event.style is None or event.style == ""
            text = event.value if event.value.isascii() else _SURROGATE.sub("\ufffd", event.value)
            self._place(Scalar(text, plain=plain), 1, event.anchor)
        else:
            if len(self._stack) > self._limits.depth:
                raise LimitExceeded("depth of a YAML file", limit=self._limits.depth)
            mapping = isinstance(event, yaml.MappingStartEvent)
            self._anchors.pop(event.anchor or "", None)
            self._stack.append(_Open(YamlObject() if mapping else [], event.anchor))

    def _alias(self, event: yaml.AliasEvent) -> None:
        self._aliases += 1
        if self._aliases > self._limits.aliases:
            raise LimitExceeded("aliases of a YAML file", limit=self._limits.aliases)
        target = self._anchors.get(event.anchor or "")
        if target is None:
            line = event.start_mark.line + 1 if event.start_mark else 0
            raise Malformed(f"alias *{event.anchor} has no finished anchor before it", where=f"line {line}")
        self._place(*target, None)

    def _place(self, value: Yaml, weight: int, anchor: str | None) -> None:
        if anchor:
            self._anchors[anchor] = (value, weight)
        parent = self._stack[-1]
        parent.weight += weight
        if parent.weight > self._limits.expanded_nodes:
            raise LimitExceeded(
                "nodes of a YAML file with its aliases expanded", limit=self._limits.expanded_nodes
            )
        if isinstance(parent.value, list):
            parent.value.append(value)
        elif parent.key is None:
            if not isinstance(value, str):
                raise Malformed("a YAML key that is not text")
            parent.key = str(value)
        else:
            parent.value.place(parent.key, value)
            parent.key = None


def _empty_is_none(root: list[Yaml]) -> Yaml:
    value = root[0] if root else None
    return None if isinstance(value, Scalar) and value.null else value
