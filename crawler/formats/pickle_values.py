"""Plain JSON values out of pickle nodes: numbers, texts, lists and dictionaries as a person would write them.

Scalars of NumPy, paths, enumerations, namespaces, dataclasses and OmegaConf nodes become what they stand for. Depth and
counts are bounded here, whatever the file nests.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

from crawler.formats.pickle_arrays import listed_values, numpy_array, raw_bytes, scalar
from crawler.formats.pickle_nodes import Array, Call, Clipped, Dict, Global, Set

MAX_DEPTH = 6
MAX_LIST_ITEMS = 10_000
SHOWN_OF_LONG_LIST = 20
MAX_PAIRS = 2_000
MAX_TEXT_CHARACTERS = 8 * 1024
MAX_VALUES = 20_000

_TUPLES = frozenset({"torch.Size", "builtins.tuple", "builtins.list", "builtins.set", "builtins.frozenset"})
_CONTAINERS = frozenset(
    {"collections.OrderedDict", "collections.defaultdict", "builtins.dict", "collections.Counter"}
)
Resolver = Callable[[Call], float | None]


def plain(node: Any, *, resolve: Resolver | None = None) -> Any:
    """The value as JSON; None for what has no plain value. `resolve` reads tensors of one element."""
    return _Plain(resolve).value(node, 0)


def mapping(node: Any) -> Dict | None:
    """The pairs of a dictionary, of a dictionary's subclass, or the attributes of an object."""
    if type(node) is Dict:
        return node
    if type(node) is not Call:
        return None
    if node.pairs is not None and len(node.pairs):
        return node.pairs
    if node.name == "collections.OrderedDict" and type(node.argument(0)) is list:
        return _pairs_of(node.argument(0))  # Python 2 wrote OrderedDict([[key, value], …])
    if node.attributes is not None:
        return node.attributes
    return node.pairs


def flattened(
    node: Any, *, resolve: Resolver | None = None, limit: int = MAX_PAIRS
) -> Iterator[tuple[str, Any]]:
    """The plain values below a dictionary, nested names joined by dots; lists of plain values stay lists."""
    value = plain(node, resolve=resolve)
    waiting: list[tuple[str, Any]] = [("", value)]
    count = 0
    while waiting and count < limit:
        name, value = waiting.pop()
        if isinstance(value, dict):
            waiting.extend(
                (f"{name}.{key}" if name else str(key), item) for key, item in reversed(value.items())
            )
        elif name and value is not None:
            count += 1
            yield name[:300], value


def _pairs_of(items: list[Any]) -> Dict:
    pairs = Dict()
    for item in items:
        if type(item) in {list, tuple} and len(item) == 2:
            pairs.add(item[0], item[1])
    return pairs


class _Plain:
    def __init__(self, resolve: Resolver | None) -> None:
        self._resolve = resolve
        self._left = MAX_VALUES

    def value(self, node: Any, depth: int) -> Any:
        """Bounded recursion: MAX_DEPTH levels, MAX_VALUES values."""
        self._left -= 1
        kind = type(node)
        if node is None or kind is bool or kind is int:
            return node
        if kind is float:
            return (
                node
                if math.isfinite(node)
                else {math.inf: "Infinity", -math.inf: "-Infinity"}.get(node, "NaN")
            )
        if kind is str:
            return node[:MAX_TEXT_CHARACTERS]
        if kind is Clipped:
            return (
                node.head[:MAX_TEXT_CHARACTERS].decode("utf-8", errors="replace")
                if node.kind == "str"
                else None
            )
        if depth >= MAX_DEPTH or self._left <= 0:
            return None
        if kind is list or kind is tuple:
            return self._items(node, depth)
        if kind is Set:
            return self._items(node.items, depth)
        if kind is Dict:
            return self._pairs(node, depth)
        if kind is Global:
            return node.name if node.module in {"torch", "builtins", "numpy"} else node.full
        if kind is Call:
            return self._call(node, depth)
        return self._array(node)

    def _items(self, items: Any, depth: int) -> Any:
        if len(items) > MAX_LIST_ITEMS:
            return {"count": len(items), "first": self._items(items[:SHOWN_OF_LONG_LIST], depth)}
        values = [self.value(item, depth + 1) for item in items[: max(0, self._left)]]
        return [item for item in values if item is not None] if None in _kinds(values) else values

    def _pairs(self, node: Dict, depth: int) -> dict[str, Any]:
        pairs: dict[str, Any] = {}
        for name, item in node.named():
            if len(pairs) >= MAX_PAIRS or self._left <= 0:
                break
            value = self.value(item, depth + 1)
            if value is not None:
                pairs[name[:300]] = value
        return pairs

    def _call(self, node: Call, depth: int) -> Any:
        number = scalar(node)
        if number is not None:
            return self.value(number, depth)
        if node.name in _TUPLES:
            return self.value(node.argument(0), depth + 1)
        if node.name in _CONTAINERS:
            return self._pairs(mapping(node) or Dict(), depth)
        if self._resolve is not None and ("_rebuild_" in node.class_name or node.class_name == "Parameter"):
            return self.value(self._resolve(node), depth)
        if node.class_name.endswith("Path") and node.callee.module.startswith("pathlib"):
            return _path(node)
        if node.name == "torch.device":
            return self.value(node.argument(0), depth + 1)
        listed = listed_values(node)
        if listed is not None:
            return self._items(listed, depth)
        if "_rebuild" in node.class_name or "_reconstruct" in node.class_name:
            return self._array(node)
        return self._object(node, depth)

    def _object(self, node: Call, depth: int) -> Any:
        attributes = node.attributes
        if attributes is not None:
            if "_content" in attributes:  # OmegaConf DictConfig and ListConfig
                return self.value(attributes.get("_content"), depth + 1)
            if "_val" in attributes:  # OmegaConf AnyNode
                return self.value(attributes.get("_val"), depth)
            return self._pairs(attributes, depth)
        if node.pairs is not None:
            return self._pairs(node.pairs, depth)
        first = node.argument(0)
        if (
            node.class_name[:1].isupper()
            and type(node.args) is tuple
            and len(node.args) == 1
            and type(first) in {str, int}
        ):
            return self.value(first, depth)  # an enumeration's member
        moment = raw_bytes(first) if node.class_name in {"datetime", "date"} else None
        return None if moment is None else _moment(moment)

    def _array(self, node: Any) -> Any:
        array = numpy_array(node) if type(node) in {Call, Array} else None
        return None if array is None else {"shape": list(array[0]), "dtype": array[1]}


def _kinds(values: list[Any]) -> set[None]:
    return {None for item in values if item is None}


def _path(node: Call) -> str | None:
    parts = [part for part in node.args if type(part) is str] if type(node.args) is tuple else []
    if not parts:
        return None
    return (parts[0] if parts[0] != "/" or len(parts) == 1 else "") + "".join(
        f"/{part}" for part in parts[1:]
    )


def _moment(raw: bytes) -> str | None:
    """A pickled datetime or date. Source: CPython Lib/_pydatetime.py `_getstate`."""
    if len(raw) not in {4, 10}:
        return None
    year, month, day = raw[0] * 256 + raw[1], raw[2] & 0x7F, raw[3]
    date = f"{year:04}-{month:02}-{day:02}"
    return date if len(raw) == 4 else f"{date}T{raw[4]:02}:{raw[5]:02}:{raw[6]:02}"
