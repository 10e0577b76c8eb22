"""TensorFlow graphs: SavedModel and frozen GraphDef, by hopping over the constants.

Source: tensorflow/tensorflow tensorflow/core/protobuf/saved_model.proto, meta_graph.proto,
tensorflow/core/framework/graph.proto, function.proto, node_def.proto, attr_value.proto, tensor.proto.
"""

from __future__ import annotations

from collections import Counter

from catalog.errors import LimitExceeded, Malformed
from catalog.lazy_dataclasses import dataclass, field
from crawler.formats.dtypes import FLOATS, size_bytes
from crawler.formats.protobuf import BYTES, VARINT, Field, ProtobufWalker
from crawler.formats.tensorflow_types import dtype_name, elements_of, read_shape

MAX_NAME_BYTES = 1024
MAX_SIGNATURES = 200
MAX_CONSTANTS = 200_000
MAX_SIGNATURE_TENSORS = 1_000
MAX_META_GRAPHS = 32

VARIABLE_OPERATORS = frozenset({"VarHandleOp", "VariableV2", "Variable", "AutoReloadVariable"})


@dataclass(frozen=True, slots=True)
class Constant:
    """A constant of the graph with floating values."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    elements: int
    bytes: int


@dataclass(slots=True)
class Signature:
    """One way to call the model."""

    name: str
    method: str = ""
    inputs: list[dict[str, object]] = field(default_factory=list)
    outputs: list[dict[str, object]] = field(default_factory=list)


@dataclass(slots=True)
class TensorflowModel:
    """What the file says; `complete` is False while the graphs have not been walked to their ends."""

    schema_version: int | None = None
    versions: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    signatures: list[Signature] = field(default_factory=list)
    operators: Counter[str] = field(default_factory=Counter)
    own_functions: set[str] = field(default_factory=set)
    constants: list[Constant] = field(default_factory=list)
    placeholders: list[dict[str, object]] = field(default_factory=list)
    producer: int | None = None
    graphs: list[Field] = field(default_factory=list)
    complete: bool = False


def read_saved_model(walker: ProtobufWalker, model: TensorflowModel) -> None:
    """Version, tags and signatures of all meta graphs; their graphs are located, `read_graphs` walks them."""
    graphs = 0
    for part in walker.fields():
        if part.number == 1 and part.wire == VARINT:
            model.schema_version = part.value
        elif part.number == 2 and part.wire == BYTES:
            graphs += 1
            if graphs > MAX_META_GRAPHS:
                raise LimitExceeded("meta graphs of a SavedModel", limit=MAX_META_GRAPHS)
            read_meta_graph(walker, part.start, part.end, model)
    if not graphs:
        raise Malformed("a SavedModel without a meta graph")


def read_meta_graph(walker: ProtobufWalker, start: int, end: int, model: TensorflowModel) -> None:
    for part in walker.fields(start, end):
        if part.wire != BYTES:
            continue
        if part.number == 1:
            _read_meta_info(walker, part, model)
        elif part.number == 2:
            model.graphs.append(part)
        elif part.number == 5 and len(model.signatures) < MAX_SIGNATURES:
            model.signatures.append(_signature(walker, part))


def read_graphs(walker: ProtobufWalker, model: TensorflowModel) -> None:
    """Walks the located graphs into `model`; what an error leaves behind there is true, only not all."""
    for graph in model.graphs:
        read_graph(walker, graph.start, graph.end, model)
    model.complete = True


def read_graph(walker: ProtobufWalker, start: int, end: int, model: TensorflowModel) -> None:
    """A GraphDef: its nodes and those of its functions."""
    for part in walker.fields(start, end):
        if part.wire != BYTES:
            continue
        if part.number == 1:
            _read_node(walker, part, model)
        elif part.number == 2:
            _read_library(walker, part, model)
        elif part.number == 4:
            for inner in walker.fields(part.start, part.end):
                if inner.number == 1 and inner.wire == VARINT:
                    model.producer = inner.value


def _read_meta_info(walker: ProtobufWalker, message: Field, model: TensorflowModel) -> None:
    for part in walker.fields(message.start, message.end):
        if part.number == 4 and part.wire == BYTES and len(model.tags) < 100:
            model.tags.append(walker.text_of(part, limit=MAX_NAME_BYTES))
        elif part.number == 5 and part.wire == BYTES:
            model.versions.append(walker.text_of(part, limit=MAX_NAME_BYTES))


def _read_library(walker: ProtobufWalker, message: Field, model: TensorflowModel) -> None:
    for function in walker.fields(message.start, message.end):
        if function.number != 1 or function.wire != BYTES:
            continue
        for part in walker.fields(function.start, function.end):
            if part.number == 3 and part.wire == BYTES:
                _read_node(walker, part, model)
            elif part.number == 1 and part.wire == BYTES:
                name = next(
                    (f for f in walker.fields(part.start, part.end) if f.number == 1 and f.wire == BYTES),
                    None,
                )
                if name is not None:
                    model.own_functions.add(walker.text_of(name, limit=MAX_NAME_BYTES))


def _read_node(walker: ProtobufWalker, message: Field, model: TensorflowModel) -> None:
    name, operator, attributes = "", "", list[Field]()
    for part in walker.fields(message.start, message.end):
        if part.wire != BYTES:
            continue
        if part.number == 1:
            name = walker.text_of(part, limit=MAX_NAME_BYTES)
        elif part.number == 2:
            operator = walker.text_of(part, limit=MAX_NAME_BYTES)
        elif part.number == 5 and len(attributes) < 256:
            attributes.append(part)
    model.operators[operator] += 1
    if operator == "Const":
        _read_constant(walker, name, attributes, model)
    elif operator == "Placeholder" and len(model.placeholders) < MAX_SIGNATURE_TENSORS:
        model.placeholders.append({"name": name, **_placeholder(walker, attributes)})


def _attribute(walker: ProtobufWalker, entry: Field) -> tuple[str, Field | None]:
    """An entry of the attribute map: its key and where the AttrValue is."""
    key, value = "", None
    for part in walker.fields(entry.start, entry.end):
        if part.number == 1 and part.wire == BYTES:
            key = walker.text_of(part, limit=MAX_NAME_BYTES)
        elif part.number == 2 and part.wire == BYTES:
            value = part
    return key, value


def _placeholder(walker: ProtobufWalker, attributes: list[Field]) -> dict[str, object]:
    placeholder: dict[str, object] = {}
    for entry in attributes:
        key, value = _attribute(walker, entry)
        for part in walker.fields(value.start, value.end) if value is not None else ():
            if key == "dtype" and part.number == 6 and part.wire == VARINT:
                placeholder["dtype"] = dtype_name(part.value)
            elif key == "shape" and part.number == 7 and part.wire == BYTES:
                shape = read_shape(walker, part)
                if shape is not None:
                    placeholder["shape"] = shape
    return placeholder


def _read_constant(
    walker: ProtobufWalker, name: str, attributes: list[Field], model: TensorflowModel
) -> None:
    for entry in attributes:
        key, value = _attribute(walker, entry)
        if key != "value" or value is None:
            continue
        for part in walker.fields(value.start, value.end):
            if part.number == 8 and part.wire == BYTES:
                constant = _constant(walker, name, part)
                if constant is not None:
                    if len(model.constants) >= MAX_CONSTANTS:
                        raise LimitExceeded("constants of a TensorFlow graph", limit=MAX_CONSTANTS)
                    model.constants.append(constant)


def _constant(walker: ProtobufWalker, name: str, tensor: Field) -> Constant | None:
    """A TensorProto with floating values; one value may stand for all of them, so bytes prove nothing here."""
    dtype, shape, stored = "TF_0", list[int | None](), 0
    for part in walker.fields(tensor.start, tensor.end):
        if part.number == 1 and part.wire == VARINT:
            dtype = dtype_name(part.value)
        elif part.number == 2 and part.wire == BYTES:
            shape = read_shape(walker, part) or []
        elif part.wire == BYTES:
            stored += part.end - part.start
    elements = elements_of(shape)
    if dtype not in FLOATS or elements is None:
        return None
    if stored and size_bytes(dtype, elements) != stored:
        # filled with one value: a constant of the program, not a learned weight
        return Constant(name, dtype, (), 1, stored)
    sizes = tuple(size for size in shape if size is not None)
    return Constant(name, dtype, sizes, elements if stored else 1, stored)


def _signature(walker: ProtobufWalker, entry: Field) -> Signature:
    name, definition = _attribute(walker, entry)
    signature = Signature(name)
    for part in walker.fields(definition.start, definition.end) if definition is not None else ():
        if part.wire != BYTES:
            continue
        if part.number in {1, 2}:
            tensors = signature.inputs if part.number == 1 else signature.outputs
            if len(tensors) < MAX_SIGNATURE_TENSORS:
                tensors.append(_signature_tensor(walker, part))
        elif part.number == 3:
            signature.method = walker.text_of(part, limit=MAX_NAME_BYTES)
    return signature


def _signature_tensor(walker: ProtobufWalker, entry: Field) -> dict[str, object]:
    name, info = _attribute(walker, entry)
    tensor: dict[str, object] = {"name": name}
    for part in walker.fields(info.start, info.end) if info is not None else ():
        if part.number == 2 and part.wire == VARINT:
            tensor["dtype"] = dtype_name(part.value)
        elif part.number == 3 and part.wire == BYTES:
            shape = read_shape(walker, part)
            if shape is not None:
                tensor["shape"] = shape
    return tensor
