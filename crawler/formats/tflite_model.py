"""A TensorFlow Lite model's tables as plain values.

Source: tensorflow/tensorflow tensorflow/compiler/mlir/lite/schema/schema.fbs;
tensorflow/tflite-support tensorflow_lite_support/metadata/metadata_schema.fbs;
tensorflow/tensorflow tensorflow/compiler/mlir/lite/schema/conversion_metadata.fbs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from catalog.lazy_dataclasses import dataclass, field
from crawler.formats.dtypes import size_bytes
from crawler.formats.flatbuffer import Flatbuffer, Table

MAX_BUFFERS = 500_000
MAX_TENSORS = 500_000
MAX_SUBGRAPHS = 4096
MAX_OPERATORS = 500_000
MAX_RANK = 64
MAX_METADATA = 256
MAX_METADATA_BYTES = 4 * 1024 * 1024
MAX_NAME_BYTES = 1024
MAX_UNITS = 2**24
FULLY_CONNECTED = 9
CONVOLUTIONS = {3: 2, 4: 2, 67: 3, 132: 2}
"""BuiltinOperator -> which of its inputs is the bias: CONV_2D, DEPTHWISE_CONV_2D, TRANSPOSE_CONV, CONV_3D."""

MAX_BIAS_BYTES = 1024 * 1024

DTYPES = [
    "F32",
    "F16",
    "I32",
    "U8",
    "I64",
    "STR",
    "BOOL",
    "I16",
    "C64",
    "I8",
    "F64",
    "C128",
    "U64",
    "RESOURCE",
    "VARIANT",
    "U32",
    "U16",
    "I4",
    "BF16",
    "I2",
    "U4",
]
"""By the number of TensorType."""


@dataclass(slots=True)
class LiteTensor:
    """One constant. `known` is False when its buffer does not fit its shape."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    elements: int
    bytes: int
    scaled: bool  # has quantisation scales
    known: bool


@dataclass(slots=True)
class Dense:
    """One fully connected operator: the name and rows of its constant weight, whether it has a bias."""

    weight: str
    units: int
    has_bias: bool


@dataclass(slots=True)
class LiteModel:
    """What the file says; `constants` has each weight once, however many subgraphs share it.

    `shared_biases` are convolutions that use the bias of an earlier one, because both were zero; `made_up_biases` name
    the zeros that the converter gave to convolutions without a bias.
    """

    version: int = 0
    description: str = ""
    operator_codes: list[int] = field(default_factory=list)
    fully_connected: list[Dense] = field(default_factory=list)
    shared_biases: list[Dense] = field(default_factory=list)
    made_up_biases: set[str] = field(default_factory=set)
    custom_operators: list[str] = field(default_factory=list)
    inputs: list[dict[str, object]] = field(default_factory=list)
    outputs: list[dict[str, object]] = field(default_factory=list)
    signatures: list[str] = field(default_factory=list)
    constants: list[LiteTensor] = field(default_factory=list)
    buffers: list[Table] = field(default_factory=list)
    metadata: dict[str, bytes] = field(default_factory=dict)
    counted: set[int] = field(default_factory=set)
    complete: bool = False


def read_model(buffer: Flatbuffer, model: LiteModel) -> None:
    """Reads into `model`, names and signatures first. What an error leaves behind there is true, only not all."""
    root = buffer.root()
    model.version = root.integer(0, "I")
    model.description = root.text(3)
    _read_operator_codes(root, model)
    subgraphs = list(root.tables(2, MAX_SUBGRAPHS))
    _read_signature(root, subgraphs, model)
    model.buffers = list(root.tables(4, MAX_BUFFERS))
    _read_metadata(root, model)
    for subgraph in subgraphs:
        _read_constants(buffer, subgraph, model)
        _read_fully_connected(subgraph, model)
        _read_convolutions(subgraph, model)
    model.complete = True


def _read_operator_codes(root: Table, model: LiteModel) -> None:
    for code in root.tables(1, MAX_OPERATORS):
        custom = code.text(1, limit=MAX_NAME_BYTES)
        if custom:
            model.custom_operators.append(custom)
        # the first field holds codes up to 126, the newer one all of them
        model.operator_codes.append(max(code.integer(0, "b"), code.integer(3, "i")))


def _read_signature(root: Table, subgraphs: list[Table], model: LiteModel) -> None:
    """Inputs and outputs: by the first signature's names, else as the first subgraph's tensors are called."""
    signatures = list(root.tables(7, MAX_SUBGRAPHS))
    model.signatures = [signature.text(2, limit=MAX_NAME_BYTES) for signature in signatures[:50]]
    if signatures:
        index = signatures[0].integer(4, "I")
        if index < len(subgraphs):
            tensors = _Tensors(subgraphs[index])
            model.inputs = [_value(tensors, entry) for entry in signatures[0].tables(0, 1000)]
            model.outputs = [_value(tensors, entry) for entry in signatures[0].tables(1, 1000)]
    if subgraphs and not model.inputs and not model.outputs:
        tensors = _Tensors(subgraphs[0])
        model.inputs = _values(tensors, subgraphs[0], 1)
        model.outputs = _values(tensors, subgraphs[0], 2)


class _Tensors:
    """The tensors of a subgraph, described when asked for."""

    def __init__(self, subgraph: Table) -> None:
        self._vector = subgraph.vector(0)

    def describe(self, index: int, name: str | None = None) -> dict[str, object]:
        if self._vector is None or not 0 <= index < len(self._vector):
            return {"name": name or f"tensor {index}"}
        tensor = self._vector.table(index)
        shape = _shape(tensor, 7) or _shape(tensor, 0)  # the signature marks dynamic sizes with -1
        return {
            "name": name or tensor.text(3, limit=MAX_NAME_BYTES),
            "dtype": _dtype(tensor),
            "shape": [size if size >= 0 else None for size in shape],
        }


def _value(tensors: _Tensors, entry: Table) -> dict[str, object]:
    return tensors.describe(entry.integer(1, "I"), entry.text(0, limit=MAX_NAME_BYTES))


def _values(tensors: _Tensors, subgraph: Table, number: int) -> list[dict[str, object]]:
    places = subgraph.vector(number)
    return [] if places is None else [tensors.describe(index) for index in places.numbers("i", limit=1000)]


def _dtype(tensor: Table) -> str:
    number = tensor.integer(1, "b")
    return DTYPES[number] if 0 <= number < len(DTYPES) else f"TFLITE_{number}"


def _shape(tensor: Table, number: int) -> tuple[int, ...]:
    sizes = tensor.vector(number)
    return () if sizes is None else sizes.numbers("i", limit=MAX_RANK)


def _read_fully_connected(subgraph: Table, model: LiteModel) -> None:
    tensors = subgraph.vector(0)
    for operator in subgraph.tables(3, MAX_OPERATORS):
        code = operator.integer(0, "I")
        if code >= len(model.operator_codes) or model.operator_codes[code] != FULLY_CONNECTED:
            continue
        inputs = operator.vector(1)
        places = inputs.numbers("i", limit=MAX_RANK) if inputs is not None else ()
        if len(places) < 2 or tensors is None or not 0 <= places[1] < len(tensors):
            continue
        weight = tensors.table(places[1])
        shape = _shape(weight, 0)
        if len(shape) == 2 and 0 < shape[0] < MAX_UNITS and weight.integer(2, "I") in model.counted:
            has_bias = len(places) > 2 and places[2] >= 0
            name = weight.text(3, limit=MAX_NAME_BYTES)
            model.fully_connected.append(Dense(weight=name, units=shape[0], has_bias=has_bias))


def _read_convolutions(subgraph: Table, model: LiteModel) -> None:
    tensors = subgraph.vector(0)
    if tensors is None:
        return
    users: dict[int, dict[int, Dense]] = {}  # bias -> weight -> the convolution
    for operator in subgraph.tables(3, MAX_OPERATORS):
        code = operator.integer(0, "I")
        at = CONVOLUTIONS.get(model.operator_codes[code]) if code < len(model.operator_codes) else None
        inputs = operator.vector(1)
        places = inputs.numbers("i", limit=MAX_RANK) if inputs is not None else ()
        if at is None or len(places) <= at or not all(0 <= places[n] < len(tensors) for n in (1, at)):
            continue
        bias = tensors.table(places[at])
        shape = _shape(bias, 0) if _dtype(bias) == "F32" else ()
        if len(shape) == 1 and 0 < shape[0] < MAX_UNITS:
            name = tensors.table(places[1]).text(3, limit=MAX_NAME_BYTES)
            layer = Dense(weight=name, units=shape[0], has_bias=True)
            users.setdefault(places[at], {}).setdefault(places[1], layer)
    for index, layers in users.items():
        bias = tensors.table(index)
        if _is_made_up(bias, [layer.weight for layer in layers.values()], model):
            model.made_up_biases.add(bias.text(3, limit=MAX_NAME_BYTES))
        else:
            model.shared_biases += list(layers.values())[1:]


def _is_made_up(bias: Table, weights: Sequence[str], model: LiteModel) -> bool:
    """Zeros called as an operator itself: a bias of the network is called as its addition, or is a merged constant."""
    name, index = bias.text(3, limit=MAX_NAME_BYTES), bias.integer(2, "I")
    as_operator = name.rstrip("0123456789") in {weight.rstrip("0123456789") for weight in weights}
    if not name or not as_operator or index >= len(model.buffers):
        return False
    data = model.buffers[index].vector(0, width=1)
    return (
        data is not None and data.size_bytes <= MAX_BIAS_BYTES and not any(data.bytes(limit=MAX_BIAS_BYTES))
    )


def _read_constants(buffer: Flatbuffer, subgraph: Table, model: LiteModel) -> None:
    """The constants of one subgraph. Subgraphs share their buffers: what an earlier one counted is not counted again.

    Inside one subgraph the converter merges constants of equal bytes; there each tensor is a weight of its own.
    """
    earlier = frozenset(model.counted)
    for tensor in subgraph.tables(0, MAX_TENSORS):
        index = tensor.integer(2, "I")
        if index == 0 or index in earlier or index >= len(model.buffers):
            continue
        length = _stored_bytes(buffer, model.buffers[index])
        if length:
            model.counted.add(index)
            model.constants.append(_constant(tensor, length))


def _constant(tensor: Table, length: int) -> LiteTensor:
    shape, dtype = _shape(tensor, 0), _dtype(tensor)
    plausible = min(shape, default=0) >= 0 and math.prod(shape) < 2**53
    elements = math.prod(shape) if plausible else 0
    sparse = tensor.at(6) is not None
    quantization = tensor.table(4)
    scales = quantization.vector(2) if quantization is not None else None
    expected = size_bytes(dtype, elements)
    return LiteTensor(
        name=tensor.text(3, limit=MAX_NAME_BYTES),
        dtype=dtype,
        shape=shape,
        elements=elements,
        bytes=length,
        scaled=scales is not None and len(scales) > 0,
        # four-bit values were stored a byte each by early converters
        known=plausible and (sparse or expected is None or length in {expected, elements}),
    )


def _stored_bytes(buffer: Flatbuffer, entry: Table) -> int:
    """Bytes of a Buffer: inline, or beyond the flatbuffer's 2 GB by position and size."""
    data = entry.vector(0, width=1)
    if data is not None:
        return data.size_bytes
    offset, size = entry.integer(1, "Q"), entry.integer(2, "Q")
    return size if offset > 1 and offset + size <= buffer.size else 0


def _read_metadata(root: Table, model: LiteModel) -> None:
    for entry in root.tables(6, MAX_METADATA):
        name, index = entry.text(0, limit=MAX_NAME_BYTES), entry.integer(1, "I")
        if index < len(model.buffers):
            data = model.buffers[index].vector(0, width=1)
            model.metadata[name] = b"" if data is None else data.bytes(limit=MAX_METADATA_BYTES)


def described(data: bytes) -> dict[str, str]:
    """TFLITE_METADATA: what people wrote about the model."""
    root = Flatbuffer.over(data).root()
    fields = {"name": 0, "description": 1, "version": 2, "author": 4, "license": 5, "min_parser_version": 7}
    return {name: text for name, number in fields.items() if (text := root.text(number))}


def converted(data: bytes) -> dict[str, str]:
    """CONVERSION_METADATA: which converter made the file."""
    environment = Flatbuffer.over(data).root().table(0)
    if environment is None:
        return {}
    kinds = {1: "saved model", 2: "keras", 3: "concrete functions", 4: "graph", 5: "jax", 6: "pytorch"}
    conversion = {"tensorflow_version": environment.text(0, limit=MAX_NAME_BYTES)}
    conversion["converted_from"] = kinds.get(environment.integer(2, "i"), "")
    return {name: text for name, text in conversion.items() if text}
