"""Tensors in torch pickles: recognised by their rebuilders, never rebuilt.

Source: torch/_utils.py `_rebuild_*`, torch/_tensor.py `__reduce_ex__`, torch/storage.py.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from catalog.errors import LimitExceeded
from catalog.lazy_dataclasses import dataclass, replace
from crawler.formats.byte_streams import BytesStream
from crawler.formats.dtypes import canonical, item_bits
from crawler.formats.pickle_arrays import numpy_array, shape_of
from crawler.formats.pickle_nodes import Array, Call, Dict, Global, Persistent, Set, children
from crawler.formats.pickles import read_pickles

MAX_NODES = 2_000_000
MAX_NAME_CHARACTERS = 512

_STORAGES = {
    "DoubleStorage": "F64",
    "FloatStorage": "F32",
    "HalfStorage": "F16",
    "BFloat16Storage": "BF16",
    "LongStorage": "I64",
    "IntStorage": "I32",
    "ShortStorage": "I16",
    "CharStorage": "I8",
    "ByteStorage": "U8",
    "BoolStorage": "BOOL",
    "ComplexFloatStorage": "C64",
    "ComplexDoubleStorage": "C128",
    "QInt8Storage": "I8",
    "QUInt8Storage": "U8",
    "QInt32Storage": "I32",
    "QUInt4x2Storage": "U4",
    "QUInt2x4Storage": "U2",
}
_SILENT = frozenset({"_modules", "_parameters", "_buffers"})
_STORAGE_REBUILDERS = frozenset(
    {"_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_tensor_v3", "_rebuild_qtensor"}
)
_WRAPPERS = frozenset(
    {"_rebuild_parameter", "_rebuild_parameter_v2", "_rebuild_parameter_with_state", "Parameter", "Buffer"}
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TorchTensor:
    """One tensor. `key` names its storage, `storage_elements` what the storage announces; None where there is none."""

    dtype: str
    shape: tuple[int, ...]
    key: str | None = None
    offset: int = 0
    stride: tuple[int, ...] = ()
    storage_elements: int | None = None
    storage_dtype: str = ""

    @property
    def elements(self) -> int:
        return math.prod(self.shape)

    @property
    def identity(self) -> tuple[Any, ...] | None:
        """Equal for two views of the same bytes: tied weights."""
        return None if self.key is None else (self.key, self.offset, self.shape, self.stride)

    @property
    def fits(self) -> bool:
        """Whether the view lies inside its storage."""
        if self.storage_elements is None or not self.elements:
            return True
        if len(self.stride) != len(self.shape):
            return False
        reach = sum((size - 1) * step for size, step in zip(self.shape, self.stride, strict=True))
        return self.offset >= 0 and self.offset + reach < self.storage_elements


class Unknown:
    """A tensor of a kind that is not understood: it is counted as such, never guessed."""


UNKNOWN = Unknown()


def tensor_of(node: Any) -> TorchTensor | Unknown | None:
    """The tensor a node stands for, `UNKNOWN` for a rebuilder that nobody knows, None for anything else."""
    for _ in range(8):  # parameters wrap subclasses that wrap tensors
        if type(node) is Array:
            return TorchTensor(dtype=node.dtype, shape=node.shape)
        if type(node) is not Call or type(node.callee) is not Global:
            return None
        module, name = node.callee.module, node.callee.name
        if name == "_rebuild_from_type_v2" and module == "torch._tensor":
            quantised = _quantised(node)
            if quantised is not None:
                return quantised
            node = Call(node.argument(0), node.argument(2))
            continue
        if name in _WRAPPERS and module in {"torch._utils", "torch.nn.parameter", "torch.nn"}:
            node = node.argument(0)
            continue
        if name.startswith("_rebuild_device_tensor_from_"):
            node = node.argument(0)
            continue
        return _tensor(node, module, name)
    return UNKNOWN


def _quantised(node: Call) -> TorchTensor | None:
    """A tensor that torchao keeps quantised: its shape, in the type of the integers or small floats that stand for it.

    Source: pytorch/ao torchao/quantization, tensors with `qdata`; torch/_tensor.py, `_rebuild_from_type_v2`.
    """
    attributes = node.argument(3) if type(node.argument(3)) is Dict else None
    data = tensor_of(attributes.get("qdata")) if attributes is not None else None
    whole = tensor_of(Call(node.argument(0), node.argument(2)))
    if isinstance(data, TorchTensor) and isinstance(whole, TorchTensor) and data.elements == whole.elements:
        return replace(whole, dtype=data.dtype)
    return None


def _tensor(node: Call, module: str, name: str) -> TorchTensor | Unknown | None:
    if module == "torch._utils" and name.startswith("_rebuild"):
        if name in _STORAGE_REBUILDERS:
            return _strided(node, name)
        if name in {"_rebuild_sparse_tensor", "_rebuild_sparse_csr_tensor"}:
            return _sparse(node)
        if name == "_rebuild_meta_tensor_no_storage":
            return _described(node.argument(0), node.argument(1))
        if name == "_rebuild_wrapper_subclass":
            return _described(node.argument(1), node.argument(2))
        return UNKNOWN
    array = numpy_array(node)
    if array is not None:
        return TorchTensor(dtype=array[1], shape=array[0])
    return UNKNOWN if "_rebuild_tensor" in name or "_rebuild_" in name else None


def _strided(node: Call, name: str) -> TorchTensor | Unknown:
    storage = _storage(node.argument(0))
    shape, stride = sizes_of(node.argument(2)), sizes_of(node.argument(3), signed=True)
    offset = node.argument(1)
    if storage is None or shape is None or stride is None or type(offset) is not int:
        return UNKNOWN
    dtype, key, elements = storage
    own = _dtype(node.argument(6)) if name == "_rebuild_tensor_v3" else None
    if own is not None:
        width = (item_bits(own) or 8) // 8
        elements = elements // max(1, width) if dtype == "" and elements is not None else elements
        dtype = own
    if not dtype:
        return UNKNOWN
    return TorchTensor(
        dtype=dtype,
        shape=shape,
        key=key,
        offset=offset,
        stride=stride,
        storage_elements=elements,
        storage_dtype=dtype,
    )


def _storage(node: Any) -> tuple[str, str | None, int | None] | None:
    """The dtype ("" when untyped), key, and announced elements of a storage node."""
    if type(node) is Call and node.name == "torch.storage._load_from_bytes":
        return _storage_in_bytes(node.argument(0))
    if type(node) is Call and node.class_name in {"TypedStorage", "_TypedStorage"}:
        keywords = mapping_of(node)
        inner = _storage(keywords.get("wrap_storage")) if keywords is not None else None
        dtype = _dtype(keywords.get("dtype")) if keywords is not None else None
        return None if inner is None else (dtype or inner[0], inner[1], inner[2])
    if type(node) is not Persistent or type(node.id) is not tuple or len(node.id) < 5:
        return None
    kind, storage_class, key, _, elements = node.id[:5]
    if kind != "storage" or type(storage_class) is not Global or type(elements) is not int or elements < 0:
        return None
    dtype = _STORAGES.get(storage_class.name, "" if storage_class.name.endswith("UntypedStorage") else None)
    if dtype is None or type(key) not in {str, int}:
        return None
    return dtype, str(key), elements


def mapping_of(node: Call) -> Dict | None:
    return node.keywords if type(node.keywords) is Dict else node.attributes


def _storage_in_bytes(raw: Any) -> tuple[str, str | None, int | None] | None:
    """A storage that was pickled as bytes of a whole legacy file. Source: torch/storage.py `__reduce__`."""
    head = raw if type(raw) is bytes else getattr(raw, "head", None)
    if type(head) is not bytes:
        return None
    for pickle in read_pickles(BytesStream(head), limit=4):
        if type(pickle.value) is Persistent:
            storage = _storage(pickle.value)
            return None if storage is None else (storage[0], None, storage[2])
    return None


def _sparse(node: Call) -> TorchTensor | Unknown:
    data = node.argument(1)
    if type(data) is not tuple or len(data) < 3:
        return UNKNOWN
    sizes = [shape for shape in map(sizes_of, data) if shape is not None]
    values = [tensor for tensor in map(tensor_of_parts, data) if tensor is not None]
    if not sizes or not values:
        return UNKNOWN
    return TorchTensor(dtype=values[-1].dtype, shape=sizes[-1])


def tensor_of_parts(node: Any) -> TorchTensor | None:
    """A strided tensor, or None: the parts of a sparse one."""
    if type(node) is Call and node.class_name in _STORAGE_REBUILDERS:
        tensor = _strided(node, node.class_name)
        return tensor if isinstance(tensor, TorchTensor) else None
    return None


def _described(dtype_node: Any, size: Any) -> TorchTensor | Unknown:
    dtype, shape = _dtype(dtype_node), sizes_of(size)
    return UNKNOWN if dtype is None or shape is None else TorchTensor(dtype=dtype, shape=shape)


def _dtype(node: Any) -> str | None:
    return canonical(node.name) if type(node) is Global and node.module == "torch" else None


def sizes_of(node: Any, *, signed: bool = False) -> tuple[int, ...] | None:
    """A shape or, `signed`, a stride: a tuple, a list, or a torch.Size of whole numbers."""
    if type(node) is Call and node.name == "torch.Size":
        node = node.argument(0)
    if type(node) is list:
        node = tuple(node)
    if signed:
        whole = (
            type(node) is tuple and len(node) <= 64 and all(type(n) is int and abs(n) < 2**62 for n in node)
        )
        return node if whole else None
    return shape_of(node) if type(node) is tuple else None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Named:
    """A tensor with the names on the way to it; the first is the root's own key.

    `place` is how a pickled module holds it: `buffer`, or `attribute` for what its state dict leaves out.
    """

    path: tuple[str, ...]
    tensor: TorchTensor | Unknown
    place: str = ""

    @property
    def name(self) -> str:
        return ".".join(self.path)[:MAX_NAME_CHARACTERS]


def tensors_below(root: Any) -> Iterator[Named]:
    """Every tensor below a node once, in the order of the file.

    Bounds: 2 million nodes; names are cut at 512 characters and paths at 32 parts.
    """
    seen: set[int] = set()
    waiting: list[tuple[Any, tuple[str, ...], str]] = [(root, (), "")]
    walked = 0
    while waiting:
        node, path, place = waiting.pop()
        kind = type(node)
        if kind in _LEAVES or id(node) in seen:
            continue
        walked += 1
        if walked > MAX_NODES:
            raise LimitExceeded("values of a pickle", limit=MAX_NODES)
        seen.add(id(node))
        tensor = tensor_of(node)
        if tensor is not None:
            yield Named(path=path, tensor=tensor, place=place)
            continue
        if is_module(node):
            waiting.extend(reversed(list(_module_parts(node, path, place))))
            continue
        below = [
            (child, _longer(path, name), place)
            for name, child in children(node)
            if type(child) not in _LEAVES
        ]
        waiting.extend(reversed(below))


def is_module(node: Any) -> bool:
    """Whether a node is a `torch.nn.Module` that was pickled whole."""
    attributes = node.attributes if type(node) is Call else None
    return attributes is not None and "_modules" in attributes and "_parameters" in attributes


def _module_parts(
    node: Call, path: tuple[str, ...], place: str
) -> Iterator[tuple[Any, tuple[str, ...], str]]:
    """What a module holds: its state dict keeps parameters, persistent buffers and submodules, nothing else.

    Source: torch/nn/modules/module.py `_save_to_state_dict`.
    """
    attributes = node.attributes or Dict()
    for name in ("_parameters", "_modules"):
        yield attributes.get(name), path, place
    transient = attributes.get("_non_persistent_buffers_set")
    left_out = {name for name in transient.items if type(name) is str} if type(transient) is Set else set()
    for name, child in children(attributes.get("_buffers")):
        yield child, _longer(path, name), "attribute" if name in left_out else place or "buffer"
    for name, child in attributes.named():
        if name not in _SILENT and type(child) not in _LEAVES:
            yield child, _longer(path, name), "attribute"


_LEAVES = frozenset({type(None), bool, int, float, str, bytes, Global})


def _longer(path: tuple[str, ...], name: str) -> tuple[str, ...]:
    if not name or name in _SILENT or len(path) >= 32:
        return path
    return (*path, name[:MAX_NAME_CHARACTERS])
