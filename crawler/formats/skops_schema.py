"""The schema of a skops file as the same nodes that pickles become, and the names it would import.

Source: skops `skops/io/_general.py`, `_numpy.py`, `_scipy.py`, `_sklearn.py` (protocol 2): one node per loader.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from catalog.errors import ExtractError, LimitExceeded
from crawler.formats import jsons
from crawler.formats.pickle_calls import Import
from crawler.formats.pickle_nodes import Array, Call, Dict, Global

MAX_SCHEMA_BYTES = 32 * 1024 * 1024
MAX_NODES = 2_000_000
MAX_IMPORTS = 10_000
LOADERS = frozenset(
    {
        "BytearrayNode",
        "BytesNode",
        "CachedNode",
        "DatetimeTimedeltaNode",
        "DefaultDictNode",
        "DictNode",
        "DTypeNode",
        "FunctionNode",
        "JsonNode",
        "ListNode",
        "LossNode",
        "MaskedArrayNode",
        "NdArrayNode",
        "ObjectNode",
        "RandomGeneratorNode",
        "RandomStateNode",
        "BitGeneratorNode",
        "ReduceNode",
        "SetNode",
        "SGDNode",
        "SliceNode",
        "SparseMatrixNode",
        "TreeNode",
        "TupleNode",
        "TypeNode",
    }
)
"""Loaders that only build data. MethodNode, OperatorFuncNode and PartialNode build something to be called."""


def load_schema(data: bytes) -> dict[str, Any]:
    """The document of `schema.json`. Raises Malformed, LimitExceeded."""
    value = jsons.load(data, limits=jsons.JsonLimits(size_bytes=MAX_SCHEMA_BYTES, nodes=MAX_NODES))
    return value if isinstance(value, dict) else {}


def imports_of(schema: Any) -> tuple[dict[str, Import], set[str]]:
    """The classes and functions that loading would look up, and the loaders beyond the known ones."""
    imports: dict[str, Import] = {}
    strange: set[str] = set()
    for node in _nodes(schema):
        loader = node.get("__loader__")
        module, name = node.get("__module__"), node.get("__class__")
        if isinstance(loader, str) and loader not in LOADERS and len(strange) < 100:
            strange.add(loader[:100])
        if not isinstance(module, str) or not isinstance(name, str):
            continue
        full = f"{module}.{name}"
        if full not in imports and len(imports) >= MAX_IMPORTS:
            raise LimitExceeded("names in a skops schema", limit=MAX_IMPORTS)
        entry = imports.setdefault(full, Import(module[:1000], name[:1000]))
        entry.called = entry.called or loader not in {"TypeNode", "FunctionNode", "OperatorFuncNode"}
        for inner in _functions(node):
            imports.setdefault(inner.full, inner)
    return imports, strange


def _functions(node: Mapping[str, Any]) -> Iterator[Import]:
    """A FunctionNode names its function in its content."""
    content = node.get("content")
    if node.get("__loader__") == "FunctionNode" and isinstance(content, Mapping):
        module, name = content.get("module_path"), content.get("function")
        if isinstance(module, str) and isinstance(name, str):
            yield Import(module[:1000], name[:1000])


def _nodes(schema: Any) -> Iterator[Mapping[str, Any]]:
    waiting = [schema]
    while waiting:
        value = waiting.pop()
        if isinstance(value, Mapping):
            if "__loader__" in value or "__module__" in value:
                yield value
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)


def node_of(schema: Any) -> Any:
    """The object as nodes. The depth is that of the JSON, which its reader bounds at 200."""
    if not isinstance(schema, Mapping):
        return None
    loader, content = schema.get("__loader__"), schema.get("content")
    if loader == "JsonNode":
        return _json(content)
    if loader in {"DictNode", "DefaultDictNode"}:
        return _dict(content)
    if loader in {"ListNode", "TupleNode", "SetNode"} and isinstance(content, list):
        items = [node_of(item) for item in content]
        return tuple(items) if loader == "TupleNode" else items
    if loader in {"NdArrayNode", "MaskedArrayNode", "SparseMatrixNode"}:
        return _array(schema, content)
    module, name = schema.get("__module__"), schema.get("__class__")
    if not isinstance(module, str) or not isinstance(name, str):
        return None
    callee = Global(module, name)
    if loader in {"TypeNode", "FunctionNode"}:
        return callee
    state = node_of(content) if isinstance(content, Mapping) else None
    return Call(callee, (), state=state)


def _json(content: Any) -> Any:
    """JsonNode keeps its value as JSON in a text."""
    if not isinstance(content, str):
        return content
    try:
        return jsons.load_text(content)
    except ExtractError:
        return content


def _dict(content: Any) -> Dict:
    pairs = Dict()
    if isinstance(content, Mapping):
        for key, value in content.items():
            pairs.add(key, node_of(value))
    return pairs


def _array(schema: Mapping[str, Any], content: Any) -> Any:
    """An array of numbers lies in a member of its own; one of objects lists them."""
    if isinstance(content, list):
        return [node_of(item) for item in content]
    if isinstance(content, Mapping) and content.get("__loader__") in ("ListNode", "TupleNode"):
        return node_of(content)
    file = schema.get("file")
    return Array(
        shape=(), dtype=file[:200] if isinstance(file, str) else "", item_bytes=0, offset=-1, size_bytes=0
    )
