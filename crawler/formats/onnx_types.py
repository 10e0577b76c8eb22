"""ONNX element types and the types of a graph's inputs and outputs.

Source: onnx/onnx onnx/onnx.proto3, `TensorProto.DataType`, `ValueInfoProto` and `TypeProto`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from crawler.formats.protobuf import BYTES, VARINT, Field, ProtobufWalker, signed

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_NAME_BYTES = 1024
MAX_RANK = 64
MAX_TYPE_DEPTH = 8  # optional(sequence(tensor)) is the deepest in use

DTYPES = {
    1: "F32",
    2: "U8",
    3: "I8",
    4: "U16",
    5: "I16",
    6: "I32",
    7: "I64",
    8: "STR",
    9: "BOOL",
    10: "F16",
    11: "F64",
    12: "U32",
    13: "U64",
    14: "C64",
    15: "C128",
    16: "BF16",
    17: "F8_E4M3",
    18: "F8_E4M3FNUZ",
    19: "F8_E5M2",
    20: "F8_E5M2FNUZ",
    21: "U4",
    22: "I4",
    23: "F4",
    24: "F8_E8M0",
    25: "U2",
    26: "I2",
}

_CONTAINERS = {4: "sequence", 5: "map", 9: "optional"}


def read_value(walker: ProtobufWalker, message: Field) -> dict[str, object]:
    """A ValueInfoProto as {name, dtype, shape, symbols}: a dynamic dimension is None, `symbols` has its name.

    `shape` is absent when the rank is not declared, `symbols` when no dimension has a name.
    """
    name, kind = "", None
    for part in walker.fields(message.start, message.end):
        if part.number == 1 and part.wire == BYTES:
            name = walker.text_of(part, limit=MAX_NAME_BYTES)
        elif part.number == 2 and part.wire == BYTES:
            kind = part
    value: dict[str, object] = {"name": name}
    if kind is not None:
        value.update(_type(walker, kind))
    return value


def _type(walker: ProtobufWalker, kind: Field) -> dict[str, object]:
    containers: list[str] = []
    current: Field | None = kind
    while current is not None and len(containers) < MAX_TYPE_DEPTH:
        inner: Field | None = None
        for part in walker.fields(current.start, current.end):
            if part.wire != BYTES:
                continue
            if part.number in {1, 8}:
                return _tensor_type(walker, part, containers)
            if part.number in _CONTAINERS:
                containers.append(_CONTAINERS[part.number])
                inner = _element_type(walker, part)
        current = inner
    return {"dtype": " of ".join(containers)} if containers else {}


def _element_type(walker: ProtobufWalker, container: Field) -> Field | None:
    """The TypeProto inside a sequence or optional (field 1) or of a map's values (field 2)."""
    element = None
    for part in walker.fields(container.start, container.end):
        if part.wire == BYTES and part.number in {1, 2}:
            element = part
    return element


def _tensor_type(walker: ProtobufWalker, message: Field, containers: list[str]) -> dict[str, object]:
    result: dict[str, object] = {}
    for part in walker.fields(message.start, message.end):
        if part.number == 1 and part.wire == VARINT:
            dtype = DTYPES.get(part.value, f"ONNX_{part.value}")
            result["dtype"] = " of ".join([*containers, dtype])
        elif part.number == 2 and part.wire == BYTES:
            shape, symbols = _shape(walker, part)
            result["shape"] = shape
            if any(symbols):
                result["symbols"] = symbols
    return result


def _shape(walker: ProtobufWalker, message: Field) -> tuple[list[int | None], list[str | None]]:
    shape: list[int | None] = []
    symbols: list[str | None] = []
    for part in walker.fields(message.start, message.end):
        if part.number != 1 or part.wire != BYTES or len(shape) >= MAX_RANK:
            continue
        size, symbol = _dimension(walker.fields(part.start, part.end), walker)
        shape.append(size)
        symbols.append(symbol)
    return shape, symbols


def _dimension(parts: Iterator[Field], walker: ProtobufWalker) -> tuple[int | None, str | None]:
    size: int | None = None
    symbol: str | None = None
    for part in parts:
        if part.number == 1 and part.wire == VARINT:
            size = signed(part.value)
        elif part.number == 2 and part.wire == BYTES:
            symbol = walker.text_of(part, limit=MAX_NAME_BYTES)
    if size is not None and size < 0:  # exporters write -1 where they mean "any"
        size = None
    return size, symbol
