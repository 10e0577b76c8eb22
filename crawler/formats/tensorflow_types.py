"""TensorFlow's element types and shapes.

Source: tensorflow/tensorflow tensorflow/core/framework/types.proto, tensor_shape.proto.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from catalog.errors import LimitExceeded
from crawler.formats.protobuf import BYTES, VARINT, Field, ProtobufWalker, signed

MAX_RANK = 254  # TensorShape's own limit

DTYPES = {
    1: "F32",
    2: "F64",
    3: "I32",
    4: "U8",
    5: "I16",
    6: "I8",
    7: "STR",
    8: "C64",
    9: "I64",
    10: "BOOL",
    11: "I8",  # qint8
    12: "U8",  # quint8
    13: "I32",  # qint32
    14: "BF16",
    15: "I16",  # qint16
    16: "U16",  # quint16
    17: "U16",
    18: "C128",
    19: "F16",
    20: "RESOURCE",
    21: "VARIANT",
    22: "U32",
    23: "U64",
    24: "F8_E5M2",
    25: "F8_E4M3",
    29: "I4",
    30: "U4",
}


def dtype_name(number: int) -> str:
    return DTYPES.get(number, f"TF_{number}")


def read_shape(walker: ProtobufWalker, message: Field) -> list[int | None] | None:
    """A TensorShapeProto: None for an unknown size, and None in place of the list for an unknown rank."""
    shape: list[int | None] = []
    for part in walker.fields(message.start, message.end):
        if part.number == 3 and part.wire == VARINT and part.value:
            return None
        if part.number == 2 and part.wire == BYTES:
            if len(shape) >= MAX_RANK:
                raise LimitExceeded("dimensions of a TensorFlow shape", limit=MAX_RANK)
            size: int | None = 0
            for inner in walker.fields(part.start, part.end):
                if inner.number == 1 and inner.wire == VARINT:
                    size = signed(inner.value)
            shape.append(None if size is not None and size < 0 else size)
    return shape


def elements_of(shape: Sequence[int | None] | None) -> int | None:
    """The number of elements; None when a size is unknown or impossible."""
    if shape is None:
        return None
    known = [size for size in shape if size is not None]
    elements = math.prod(known)
    return elements if len(known) == len(shape) and elements < 2**53 else None
