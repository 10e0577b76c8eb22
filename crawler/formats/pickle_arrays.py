"""Arrays and scalars of NumPy inside pickles: what their constructors would make, read off the nodes.

Source: joblib joblib/numpy_pickle.py `NumpyArrayWrapper.read_array`; NumPy `dtype.__reduce__` and
`numpy/_core/src/multiarray/descriptor.c`.
"""

from __future__ import annotations

import math
import struct
from typing import Any

from catalog.errors import Malformed
from crawler.formats.byte_streams import ByteStream
from crawler.formats.dtypes import of_numpy
from crawler.formats.pickle_nodes import Array, Call, Dict, Global

MAX_RANK = 64
MAX_KEPT_BYTES = 4096
MAX_LOOKED_AT = 200
MAX_DTYPE_DEPTH = 4
MAX_FIELDS = 200
MAX_ELEMENTS = 2**62
_WRAPPERS = frozenset(
    {"joblib.numpy_pickle.NumpyArrayWrapper", "sklearn.externals.joblib.numpy_pickle.NumpyArrayWrapper"}
)
_DTYPES = frozenset({"numpy.dtype", "numpy._core.multiarray.dtype", "numpy.core.multiarray.dtype"})
_SCALARS = frozenset({"numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar"})
_BYTE_STRINGS = frozenset(
    {"builtins.bytearray", "builtins.bytes", "__builtin__.bytearray", "__builtin__.bytes"}
)
_CODES = {
    "F64": "f8",
    "F32": "f4",
    "I64": "i8",
    "I32": "i4",
    "I16": "i2",
    "I8": "i1",
    "U8": "u1",
    "BOOL": "b1",
}
_STRUCT_CODES = {
    "f2": "e",
    "f4": "f",
    "f8": "d",
    "i1": "b",
    "i2": "h",
    "i4": "i",
    "i8": "q",
    "u1": "B",
    "u2": "H",
    "u4": "I",
    "u8": "Q",
    "b1": "?",
}


def is_array_wrapper(node: Any) -> bool:
    """Whether a node is joblib's announcement of an array that follows in the stream."""
    return type(node) is Call and node.name in _WRAPPERS


_SUBCLASSES = frozenset(
    {"numpy.ndarray", "numpy.memmap", "numpy.matrix", "numpy.recarray", "numpy.rec.recarray"}
)
_WRITTEN = frozenset({"subclass", "shape", "order", "dtype", "allow_mmap"})
_ALIGNMENT = "numpy_array_alignment_bytes"
_SIMPLE_TYPES = frozenset(
    {"b1", *(kind + size for kind in "iu" for size in "1248"), "f2", "f4", "f8", "f16", "c8", "c16", "c32"}
)
_HOLDS_OBJECTS = 63  # NumPy's flags of the object type


def is_wrapper_class(node: Any) -> bool:
    """Whether a node is the class of joblib's announcements, or one of its older ones."""
    return type(node) is Global and node.name.endswith("ArrayWrapper")


def mentions_wrapper(node: Call) -> bool:
    """Whether an announcement may come out of a call that is not the usual one."""
    waiting, looked_at = [node.callee, node.args], 0
    while waiting and looked_at < MAX_LOOKED_AT:
        part = waiting.pop()
        looked_at += 1
        if is_wrapper_class(part):
            return True
        if type(part) is Call:
            waiting.extend((part.callee, part.args))
        elif type(part) is tuple or type(part) is list:
            waiting.extend(part[:MAX_LOOKED_AT])
    return bool(waiting)


def is_exact_wrapper(node: Call) -> bool:
    """Whether an announcement is written exactly as joblib writes it, so that loader and scanner agree on its bytes."""
    state = node.state
    if not is_array_wrapper(node) or node.args != () or type(state) is not Dict:
        return False
    keys = [key for key in state.keys if type(key) is str]
    if len(keys) != len(state) or len(set(keys)) != len(keys) or set(keys) - {_ALIGNMENT} != _WRITTEN:
        return False
    subclass, alignment = state.get("subclass"), state.get(_ALIGNMENT, 16)
    return (
        type(subclass) is Global
        and subclass.full in _SUBCLASSES
        and type(state.get("shape")) is tuple
        and shape_of(state.get("shape")) is not None
        and state.get("order") in {"C", "F"}
        and type(state.get("allow_mmap")) is bool
        and type(alignment) is int
        and is_exact_dtype(state.get("dtype"))
    )


def is_exact_dtype(node: Any, depth: int = 0) -> bool:
    """Whether a dtype is pickled as NumPy pickles it: nothing in its state disagrees with its name."""
    code = dtype_code(node)
    if code is None or depth > MAX_DTYPE_DEPTH or type(node.args) is not tuple or len(node.args) != 3:
        return False
    state = node.state
    if type(state) is not tuple or len(state) not in {8, 9} or state[0] not in {3, 4}:
        return False
    if type(state[1]) is not str or state[1] not in {"<", ">", "=", "|"}:
        return False
    size, flags = state[5], state[7]
    if type(size) is not int or type(flags) is not int:
        return False
    if state[2] is not None:
        return code[0] == "V" and _is_exact_subarray(
            state, int(code[1:]) if code[1:].isdigit() else -1, depth
        )
    if code in _SIMPLE_TYPES or code in {"M8", "m8"}:
        return state[3] is None and size == -1 and flags == 0
    if code == "O8":
        return state[3] is None and size == -1 and flags == _HOLDS_OBJECTS
    if not code[1:].isdigit() or len(code) > 12:
        return False
    if code[0] in {"U", "S"}:
        return state[3] is None and size == int(code[1:]) * (4 if code[0] == "U" else 1) and not flags & 1
    return code[0] == "V" and size == int(code[1:]) and _is_exact_record(state, depth)


def _is_exact_subarray(state: tuple[Any, ...], announced: int, depth: int) -> bool:
    """Whether an array in a field takes as many bytes as its elements do; arrays of objects are left unchecked."""
    if type(state[2]) is not tuple or len(state[2]) != 2 or state[7] & 1 or state[5] != announced:
        return False
    base, shape = state[2]
    dimensions, element = shape_of(shape), dtype_bytes(base)
    if dimensions is None or element is None or not is_exact_dtype(base, depth + 1):
        return False
    return not has_objects(base) and math.prod(dimensions) * element == announced


def _is_exact_record(state: tuple[Any, ...], depth: int) -> bool:
    fields = state[4]
    if fields is None:
        return not state[7] & 1
    if type(fields) is not Dict or len(fields) > MAX_FIELDS:
        return False
    types = [value[0] if type(value) is tuple and value else None for value in fields.values]
    holds = any(dtype_code(part) == "O8" or has_objects(part) for part in types)
    return all(is_exact_dtype(part, depth + 1) for part in types) and bool(state[7] & 1) == holds


def joblib_array(wrapper: Call, stream: ByteStream) -> Array:
    """The array behind a wrapper, its bytes skipped. An array of objects comes back without bytes: a pickle follows."""
    attributes = wrapper.attributes
    if attributes is None:
        raise Malformed("an array in the stream without its description", where=str(stream.position))
    shape = shape_of(attributes.get("shape"))
    code = dtype_code(attributes.get("dtype"))
    if shape is None or code is None:
        raise Malformed("an array in the stream of unknown shape or type", where=str(stream.position))
    item_bytes = dtype_bytes(attributes.get("dtype"))
    if code.startswith("O") or has_objects(attributes.get("dtype")):
        return Array(shape=shape, dtype="OBJECT", item_bytes=0, offset=stream.position, size_bytes=0)
    if item_bytes is None:
        raise Malformed("an array in the stream of unknown element size", where=str(stream.position))
    if type(attributes.get("numpy_array_alignment_bytes")) is int:
        padding = stream.take(1)[0]
        stream.skip(padding)
    offset, size = stream.position, math.prod(shape) * item_bytes
    content = stream.take(size) if size <= MAX_KEPT_BYTES else None
    if content is None:
        stream.skip(size)
    return Array(
        shape=shape,
        dtype=of_numpy(code),
        item_bytes=item_bytes,
        offset=offset,
        size_bytes=size,
        content=content,
        order=byte_order(attributes.get("dtype")),
    )


def shape_of(value: Any) -> tuple[int, ...] | None:
    """A tuple of dimensions that could be true, or None."""
    if type(value) is int:
        value = (value,)
    if type(value) is not tuple or len(value) > MAX_RANK:
        return None
    elements = 1
    for dimension in value:
        if type(dimension) is not int or dimension < 0 or dimension > MAX_ELEMENTS:
            return None
        elements *= max(dimension, 1)
        if elements > MAX_ELEMENTS:
            return None
    return value


def dtype_code(node: Any) -> str | None:
    """NumPy's code (`f8`, `U12`, `O8`, `V16`) of a dtype node; None when it is something else."""
    if type(node) is not Call or node.name not in _DTYPES:
        return None
    code = node.argument(0)
    return code if type(code) is str and 0 < len(code) < 64 else None


def byte_order(node: Any) -> str:
    """`<` or `>`."""
    state = node.state if type(node) is Call else None
    return ">" if type(state) is tuple and len(state) > 1 and state[1] == ">" else "<"


def has_objects(node: Any) -> bool:
    """Whether a structured dtype has fields that hold Python objects: NPY_ITEM_HASOBJECT in the flags of its state."""
    state = node.state if type(node) is Call else None
    return type(state) is tuple and len(state) > 7 and type(state[7]) is int and bool(state[7] & 1)


def dtype_bytes(node: Any) -> int | None:
    """Bytes of one element."""
    code = dtype_code(node)
    if code is None:
        return None
    state = node.state
    if code[:1] in {"V", "U", "S", "O", "M", "m"} and type(state) is tuple and len(state) > 5:
        size = state[5]
        if type(size) is int and 0 < size <= 2**40:
            return size
    digits = code[1:]
    if not digits.isdigit() or len(digits) > 12:
        return 1 if code in {"?", "b", "B"} else None
    return int(digits) * (4 if code[0] == "U" else 1)


def raw_bytes(node: Any) -> bytes | None:
    """A byte string, also as protocols below 3 and 5 write it: `_codecs.encode(text, 'latin1')`, `bytearray(…)`."""
    for _ in range(3):
        if type(node) is bytes:
            return node
        if type(node) is not Call:
            return None
        first = node.argument(0)
        if node.name == "_codecs.encode" and type(first) is str:
            return first.encode("latin-1", errors="replace")
        if node.name not in _BYTE_STRINGS:
            return None
        node = first if type(node.args) is tuple and node.args else b""
    return None


def scalar(node: Any) -> float | int | bool | str | None:
    """The value of a NumPy scalar node (`numpy.core.multiarray.scalar(dtype, bytes)`); None when it is something else."""
    if type(node) is not Call or node.name not in _SCALARS:
        return None
    code, value = dtype_code(node.argument(0)), node.argument(1)
    raw = raw_bytes(value)
    if code is None or raw is None:
        return value if type(value) in {int, float, str, bool} else None
    if code[0] == "U" and len(raw) <= 4096:
        return raw.decode("utf-32-le", errors="replace").rstrip("\0")
    letter = _STRUCT_CODES.get(code)
    if letter is None or struct.calcsize(letter) != len(raw):
        return None
    number: float | int | bool = struct.unpack(byte_order(node.argument(0)) + letter, raw)[0]
    return number


def numpy_array(node: Any) -> tuple[tuple[int, ...], str] | None:
    """Shape and canonical dtype of an array that NumPy itself pickled, or of one inside the stream."""
    if type(node) is Array:
        return node.shape, node.dtype
    if type(node) is not Call or not node.name.endswith((".multiarray._reconstruct", ".numeric._frombuffer")):
        return None
    if node.name.endswith("_frombuffer"):
        shape, code = shape_of(node.argument(2)), dtype_code(node.argument(1))
    else:
        state = node.state
        if type(state) is not tuple or len(state) < 4:
            return None
        shape, code = shape_of(state[1]), dtype_code(state[2])
    return None if shape is None or code is None else (shape, of_numpy(code))


def listed_values(node: Any, limit: int = 100) -> list[Any] | None:
    """The elements of a small array whose values stand in the file: numbers, or texts of an object array."""
    if type(node) is Array:
        return _kept_values(node, limit)
    if type(node) is not Call:
        return None
    if node.name.endswith(".multiarray._reconstruct"):
        state = node.state
        if type(state) is not tuple or len(state) < 5:
            return None
        shape, dtype, content = shape_of(state[1]), state[2], state[4]
    elif node.name.endswith(".numeric._frombuffer"):
        shape, dtype, content = shape_of(node.argument(2)), node.argument(1), node.argument(0)
    else:
        return None
    code = dtype_code(dtype)
    if shape is None or code is None or math.prod(shape) > limit:
        return None
    if type(content) is list:
        return [item for item in content if type(item) in {str, int, float, bool}][:limit]
    raw = raw_bytes(content)
    return None if raw is None else decoded(raw, code, byte_order(dtype), math.prod(shape))


def _kept_values(array: Array, limit: int) -> list[Any] | None:
    if array.value is not None:
        return listed_values(array.value, limit) if type(array.value) is Call else None
    code = f"U{array.item_bytes // 4}" if array.dtype == "STR" else _CODES.get(array.dtype)
    count = math.prod(array.shape)
    if array.content is None or code is None or count > limit:
        return None
    return decoded(array.content, code, array.order, count)


def decoded(content: bytes, code: str, order: str, count: int) -> list[Any] | None:
    """The elements of raw bytes of a simple type."""
    if code[0] == "U" and code[1:].isdigit() and 0 < int(code[1:]) <= 1024:
        width = 4 * int(code[1:])
        texts = [content[i * width : (i + 1) * width] for i in range(count)]
        codec = "utf-32-be" if order == ">" else "utf-32-le"
        return [text.decode(codec, errors="replace").rstrip("\0") for text in texts]
    letter = _STRUCT_CODES.get(code)
    if letter is None or struct.calcsize(letter) * count != len(content):
        return None
    return list(struct.unpack(f"{order}{count}{letter}", content))
