"""ONNX tensors without their data, and the pairs of texts that ONNX uses for properties.

Source: onnx/onnx onnx/onnx.proto3, `TensorProto`, `SparseTensorProto`, `StringStringEntryProto`; docs/ExternalData.md.
"""

from __future__ import annotations

import math

from catalog.errors import LimitExceeded
from catalog.lazy_dataclasses import dataclass
from crawler.formats.dtypes import size_bytes
from crawler.formats.onnx_types import DTYPES
from crawler.formats.protobuf import BYTES, VARINT, Field, ProtobufWalker, signed

MAX_RANK = 64
MAX_NAME_BYTES = 1024
MAX_TEXT_BYTES = 64 * 1024


@dataclass(slots=True)
class OnnxTensor:
    """One stored tensor. `known` is False when its data do not fit its shape."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    elements: int
    bytes: int
    known: bool = True
    external: dict[str, str] | None = None


def read_pair(walker: ProtobufWalker, entry: Field) -> tuple[str, str]:
    """A StringStringEntryProto."""
    key = value = ""
    for part in walker.fields(entry.start, entry.end):
        if part.number == 1 and part.wire == BYTES:
            key = walker.text_of(part, limit=MAX_NAME_BYTES)
        elif part.number == 2 and part.wire == BYTES:
            value = walker.text_of(part, limit=MAX_TEXT_BYTES)
    return key, value


def read_sparse_tensor(walker: ProtobufWalker, message: Field) -> OnnxTensor:
    """A SparseTensorProto: named by its values, as large as its own dimensions say."""
    values, shape = OnnxTensor("", "F32", (), 0, 0, known=False), list[int]()
    for part in walker.fields(message.start, message.end):
        if part.number == 1 and part.wire == BYTES:
            values = read_tensor(walker, part)
        elif part.number == 3:
            _extend_shape(shape, walker, part)
    values.known = values.known and _plausible(shape)
    values.shape = tuple(shape)
    values.elements = math.prod(shape) if values.known else 0
    return values


def read_tensor(walker: ProtobufWalker, message: Field) -> OnnxTensor:
    """A TensorProto without its data; the length of the data must fit shape and type."""
    name, data_type, shape = "", 0, list[int]()
    raw_bytes: int | None = None
    typed_bytes = typed_values = 0
    external: dict[str, str] = {}
    is_external = False
    for part in walker.fields(message.start, message.end):
        if part.number == 1:
            _extend_shape(shape, walker, part)
        elif part.number == 2 and part.wire == VARINT:
            data_type = part.value
        elif part.number == 8 and part.wire == BYTES:
            name = walker.text_of(part, limit=MAX_NAME_BYTES)
        elif part.number == 9 and part.wire == BYTES:
            raw_bytes = part.end - part.start
        elif part.number in {4, 5, 6, 7, 10, 11}:
            typed_bytes += part.end - part.start
            typed_values += part.wire != BYTES or part.number == 6
        elif part.number == 13 and part.wire == BYTES and len(external) < 16:
            key, value = read_pair(walker, part)
            external[key] = value
        elif part.number == 14 and part.wire == VARINT:
            is_external = part.value == 1
    dtype = DTYPES.get(data_type, f"ONNX_{data_type}")
    plausible = _plausible(shape)
    elements = math.prod(shape) if plausible else 0
    stored = size_bytes(dtype, elements)
    if is_external:
        known, length = plausible, _external_length(external, stored or 0)
    elif raw_bytes is not None:
        known, length = plausible and stored in {None, raw_bytes}, raw_bytes
    else:
        # typed fields hold at least one byte per value, packed or not; four-bit values share one
        capacity = max(typed_bytes, typed_values)
        known, length = plausible and elements <= capacity * 2, stored or typed_bytes
    return OnnxTensor(name, dtype, tuple(shape), elements, length, known, external if is_external else None)


def _external_length(external: dict[str, str], stored: int) -> int:
    text = external.get("length", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else stored


def _extend_shape(shape: list[int], walker: ProtobufWalker, part: Field) -> None:
    shape.extend(signed(value) for value in walker.numbers_of(part, limit=MAX_RANK))
    if len(shape) > MAX_RANK:
        raise LimitExceeded("dimensions of an ONNX tensor", limit=MAX_RANK, found=len(shape))


def _plausible(shape: list[int]) -> bool:
    return all(0 <= size < 2**53 for size in shape) and math.prod(shape) < 2**63
