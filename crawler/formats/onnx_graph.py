"""An ONNX model's graph, signature and tensors, read by hopping over the weights.

Source: onnx/onnx onnx/onnx.proto3 (field numbers, TensorProto.DataType), docs/ExternalData.md;
microsoft/onnxruntime docs/ContribOperators.md for the quantised operators.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from catalog.errors import LimitExceeded, Malformed
from catalog.lazy_dataclasses import dataclass, field
from crawler.formats.onnx_tensor import (
    MAX_NAME_BYTES,
    MAX_TEXT_BYTES,
    OnnxTensor,
    read_pair,
    read_sparse_tensor,
    read_tensor,
)
from crawler.formats.onnx_types import read_value
from crawler.formats.protobuf import BYTES, VARINT, Field, ProtobufWalker, signed

MAX_GRAPH_DEPTH = 64
MAX_TENSORS = 500_000
MAX_NODE_INPUTS = 64  # kept per node: the longest list of weights of one operator has 17
MAX_KEPT_NAMES = 500_000
MAX_PROPERTIES = 2_000
MAX_TREE_NODES = 1_000_000

GENERATORS = frozenset(
    ["ConstantOfShape", "RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike", "EyeLike"]
)
RESHAPERS = frozenset({"Identity", "Reshape", "Transpose", "Cast"})
"""What a weight may go through and stay the same weight."""

WEIGHT_INPUTS = {
    "Conv": (1, 2),
    "ConvTranspose": (1, 2),
    "Gemm": (1, 2),
    "MatMul": (1,),
    "LSTM": (1, 2),
    "GRU": (1, 2),
    "RNN": (1, 2),
    "BatchNormalization": (1, 2, 3, 4),
    "PRelu": (1,),
}
"""Where an operator takes its weights: one that is generated while the model runs is not in the file."""

SCALE_INPUTS = {
    "QuantizeLinear": (1, 2),
    "DequantizeLinear": (1, 2),
    "QLinearConv": (1, 2, 4, 5, 6, 7),
    "QLinearMatMul": (1, 2, 4, 5, 6, 7),
    "MatMulInteger": (2, 3),
    "ConvInteger": (2, 3),
    "QLinearAdd": (1, 2, 4, 5, 6, 7),
    "QLinearMul": (1, 2, 4, 5, 6, 7),
    "QLinearSigmoid": (1, 2, 3, 4),
    "QLinearLeakyRelu": (1, 2, 3, 4),
    "QLinearSoftmax": (1, 2, 3, 4),
    "QLinearGlobalAveragePool": (1, 2, 3, 4),
    "QLinearAveragePool": (1, 2, 3, 4),
    "DynamicQuantizeMatMul": (2, 3),
    "MatMulIntegerToFloat": (2, 3, 4, 5),
    "QGemm": (1, 2, 4, 5, 7, 8),
    "MatMulNBits": (2, 3, 4),
    "GatherBlockQuantized": (2, 3),
    "QAttention": (3, 4, 6, 7),
    "DynamicQuantizeLSTM": (8, 9, 10, 11),
}
"""Scales and zero points: how weights are packed, not weights."""

INITIAL_STATES = {"LSTM": (5, 6), "GRU": (5,), "RNN": (5,), "DynamicQuantizeLSTM": (5, 6)}
"""Where recurrent operators take the state that they begin with."""

INTEGER_WEIGHT_INPUTS = {"DequantizeLinear": (0,), "QLinearConv": (8,), "QGemm": (6,)}
"""Where an INT32 or INT16 constant is a quantised weight or bias."""

LISTED_WEIGHTS = {
    "Constant": ("value_float", "value_floats"),
    "LinearClassifier": ("coefficients", "intercepts"),
    "LinearRegressor": ("coefficients", "intercepts"),
    "SVMClassifier": ("coefficients", "rho", "support_vectors"),
    "SVMRegressor": ("coefficients", "rho", "support_vectors"),
}
"""Attributes that hold weights as a list of floats."""

_FOLDED = re.compile(r"/.*_output_\d+$")
"""What torch's exporter calls a constant that it worked out. Source: pytorch/pytorch torch/onnx/_internal/torchscript_exporter."""

TREE_OPERATORS = frozenset(["TreeEnsembleClassifier", "TreeEnsembleRegressor", "TreeEnsemble"])


@dataclass(slots=True)
class OnnxModel:
    """What the file says. Lists are in file order; `complete` is False while the graph has not been walked to its end."""

    ir_version: int | None = None
    producer: str = ""
    producer_version: str = ""
    domain: str = ""
    model_version: int = 0
    description: str = ""
    opsets: dict[str, int] = field(default_factory=dict)
    properties: list[tuple[str, str]] = field(default_factory=list)
    graph: Field | None = None
    functions_at: list[Field] = field(default_factory=list)
    has_training_info: bool = False

    graph_name: str = ""
    graph_description: str = ""
    inputs: list[dict[str, object]] = field(default_factory=list)
    outputs: list[dict[str, object]] = field(default_factory=list)
    initializers: set[str] = field(default_factory=set)
    functions: list[tuple[str, str]] = field(default_factory=list)
    operators: Counter[tuple[str, str]] = field(default_factory=Counter)
    tensors: list[OnnxTensor] = field(default_factory=list)
    scales: set[str] = field(default_factory=set)
    integer_weights: set[str] = field(default_factory=set)
    generated: set[str] = field(default_factory=set)
    weight_names: set[str] = field(default_factory=set)
    packed: dict[str, int] = field(default_factory=dict)
    expanded: dict[str, str] = field(default_factory=dict)
    trees: int = 0
    complete: bool = False

    def generated_weights(self) -> int:
        """Weights that the model makes while it runs, so that nobody can count them here."""
        return len(self.generated & self.weight_names)


@dataclass(slots=True)
class _Node:
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    operator: str = ""
    domain: str = ""
    tensors: list[OnnxTensor] = field(default_factory=list)
    numbers: dict[str, int] = field(default_factory=dict)
    floats: dict[str, int] = field(default_factory=dict)
    trees: int = 0


@dataclass(slots=True)
class _Attribute:
    node: _Node
    name: str = ""
    floats: int = 0
    integer: int = 0
    distinct: set[int] = field(default_factory=set)


@dataclass(slots=True)
class _Frame:
    """One message that is being walked: graph, node, attribute or function."""

    kind: str
    fields: Iterator[Field]
    subject: _Node | _Attribute | None = None


def read_header(walker: ProtobufWalker) -> OnnxModel:
    """Everything outside the graph, which is only located."""
    model = OnnxModel()
    for part in walker.fields():
        if part.number == 1 and part.wire == VARINT:
            model.ir_version = signed(part.value)
        elif part.number == 5 and part.wire == VARINT:
            model.model_version = signed(part.value)
        elif part.wire != BYTES:
            continue
        elif part.number == 2:
            model.producer = walker.text_of(part, limit=MAX_NAME_BYTES)
        elif part.number == 3:
            model.producer_version = walker.text_of(part, limit=MAX_NAME_BYTES)
        elif part.number == 4:
            model.domain = walker.text_of(part, limit=MAX_NAME_BYTES)
        elif part.number == 6:
            model.description = walker.text_of(part, limit=MAX_TEXT_BYTES)
        elif part.number == 7:
            model.graph = part
        elif part.number == 8:
            domain, version = _opset(walker, part)
            model.opsets[domain] = version
        elif part.number == 14 and len(model.properties) < MAX_PROPERTIES:
            model.properties.append(read_pair(walker, part))
        elif part.number == 20:
            model.has_training_info = True
        elif part.number == 25:
            model.functions_at.append(part)
    if model.graph is None:
        raise Malformed("an ONNX file without a graph")
    return model


def read_graph(walker: ProtobufWalker, model: OnnxModel) -> None:
    """Walks the graph and the functions into `model`. What an error leaves behind there is true, only not all."""
    assert model.graph is not None
    _GraphWalk(walker, model).walk(model.graph, "main")
    for function in model.functions_at:
        _GraphWalk(walker, model).walk(function, "function")
    model.complete = True


def _opset(walker: ProtobufWalker, entry: Field) -> tuple[str, int]:
    domain, version = "", 0
    for part in walker.fields(entry.start, entry.end):
        if part.number == 1 and part.wire == BYTES:
            domain = walker.text_of(part, limit=MAX_NAME_BYTES)
        elif part.number == 2 and part.wire == VARINT:
            version = signed(part.value)
    return domain, version


class _GraphWalk:
    """One walk over a graph or function with all graphs inside it, on an explicit stack."""

    def __init__(self, walker: ProtobufWalker, model: OnnxModel) -> None:
        self._walker = walker
        self._model = model
        self._stack: list[_Frame] = []
        self._graphs = 0

    def walk(self, root: Field, kind: str) -> None:
        self._push(kind, root)
        names = ["", ""]
        while self._stack:
            frame = self._stack[-1]
            part = next(frame.fields, None)
            if part is None:
                self._close(self._stack.pop())
            elif frame.kind == "function" and part.number in {1, 10} and part.wire == BYTES:
                names[part.number == 1] = self._walker.text_of(part, limit=MAX_NAME_BYTES)
            elif isinstance(frame.subject, _Node):
                self._node(frame.subject, part)
            elif isinstance(frame.subject, _Attribute):
                self._attribute(frame.subject, part)
            else:
                self._graph(frame.kind, part)
        if kind == "function":
            self._model.functions.append((names[0], names[1]))

    def _push(self, kind: str, part: Field, subject: _Node | _Attribute | None = None) -> None:
        if subject is None:
            self._graphs += 1
            if self._graphs > MAX_GRAPH_DEPTH:
                raise LimitExceeded("nested ONNX graphs", limit=MAX_GRAPH_DEPTH)
        self._stack.append(_Frame(kind, self._walker.fields(part.start, part.end), subject))

    def _graph(self, kind: str, part: Field) -> None:
        """GraphProto, and FunctionProto, whose nodes are field 7."""
        if part.wire != BYTES:
            return
        if part.number == (7 if kind == "function" else 1):
            self._push("node", part, _Node())
        elif kind == "function":
            return
        elif part.number == 5:
            self._initializer(read_tensor(self._walker, part), kind)
        elif part.number == 15:
            self._initializer(read_sparse_tensor(self._walker, part), kind)
        elif kind != "main":
            return
        elif part.number == 2:
            self._model.graph_name = self._walker.text_of(part, limit=MAX_NAME_BYTES)
        elif part.number == 10:
            self._model.graph_description = self._walker.text_of(part)
        elif part.number == 11:
            self._model.inputs.append(read_value(self._walker, part))
        elif part.number == 12:
            self._model.outputs.append(read_value(self._walker, part))

    def _initializer(self, tensor: OnnxTensor, kind: str) -> None:
        if kind == "main":
            self._model.initializers.add(tensor.name)
        self._keep(tensor)

    def _keep(self, tensor: OnnxTensor) -> None:
        if len(self._model.tensors) >= MAX_TENSORS:
            raise LimitExceeded("tensors of an ONNX model", limit=MAX_TENSORS)
        self._model.tensors.append(tensor)

    def _node(self, node: _Node, part: Field) -> None:
        if part.wire != BYTES:
            return
        if part.number == 5:
            self._push("attribute", part, _Attribute(node))
        elif part.number == 1 and len(node.inputs) < MAX_NODE_INPUTS:
            node.inputs.append(self._walker.text_of(part, limit=MAX_NAME_BYTES))
        elif part.number == 2 and len(node.outputs) < MAX_NODE_INPUTS:
            node.outputs.append(self._walker.text_of(part, limit=MAX_NAME_BYTES))
        elif part.number == 4:
            node.operator = self._walker.text_of(part, limit=MAX_NAME_BYTES)
        elif part.number == 7:
            node.domain = self._walker.text_of(part, limit=MAX_NAME_BYTES)

    def _attribute(self, attribute: _Attribute, part: Field) -> None:
        if part.number == 1 and part.wire == BYTES:
            attribute.name = self._walker.text_of(part, limit=MAX_NAME_BYTES)
        elif part.number in {2, 3}:
            attribute.floats += part.number == 2
            attribute.integer = signed(part.value)
        elif part.number in {5, 10} and part.wire == BYTES:
            attribute.node.tensors.append(read_tensor(self._walker, part))
        elif part.number == 22 and part.wire == BYTES:
            attribute.node.tensors.append(read_sparse_tensor(self._walker, part))
        elif part.number in {6, 11} and part.wire == BYTES:
            self._push("subgraph", part)
        elif part.number == 7:
            attribute.floats += 1 if part.wire != BYTES else (part.end - part.start) // 4
        elif part.number == 8 and attribute.name in {"nodes_treeids", "tree_roots"}:
            attribute.distinct.update(self._walker.numbers_of(part, limit=MAX_TREE_NODES))

    def _close(self, frame: _Frame) -> None:
        subject = frame.subject
        if subject is None:
            self._graphs -= 1
        elif isinstance(subject, _Attribute):
            node = subject.node
            node.numbers[subject.name] = subject.integer
            node.trees += len(subject.distinct)
            if subject.floats and len(node.floats) < MAX_NODE_INPUTS:
                node.floats[subject.name] = subject.floats
        else:
            self._close_node(subject)

    def _close_node(self, node: _Node) -> None:
        model, operator = self._model, node.operator
        model.operators[(node.domain, operator)] += 1
        if operator == "Constant":
            for tensor in node.tensors:
                tensor.name = node.outputs[0] if node.outputs else ""
                self._keep(tensor)
        for attribute in LISTED_WEIGHTS.get(operator, ()):
            if count := node.floats.get(attribute):
                name = f"{node.outputs[0] if node.outputs else operator}.{attribute}"
                self._keep(OnnxTensor(name, "F32", (count,), count, count * 4))
        if operator in TREE_OPERATORS:
            model.trees += node.trees
        if operator in GENERATORS or (
            operator in RESHAPERS and not model.generated.isdisjoint(node.inputs[:1])
        ):
            _add(model.generated, node.outputs)
        for table, names in (
            (WEIGHT_INPUTS, model.weight_names),
            (SCALE_INPUTS, model.scales),
            (INTEGER_WEIGHT_INPUTS, model.integer_weights),
        ):
            places = table.get(operator, ())
            _add(names, [node.inputs[place] for place in places if place < len(node.inputs)])
        # A state that the exporter made of zeros has the name of an output; one that was learnt has a weight's.
        if operator == "Expand" and node.inputs and node.outputs and len(model.expanded) < MAX_KEPT_NAMES:
            model.expanded[node.outputs[0]] = node.inputs[0]
        begins = [
            node.inputs[place] for place in INITIAL_STATES.get(operator, ()) if place < len(node.inputs)
        ]
        states = [model.expanded.get(name, name) for name in begins]
        _add(model.scales, [name for name in states if _FOLDED.match(name)])
        if operator == "MatMulNBits":
            self._unpacked(node)

    def _unpacked(self, node: _Node) -> None:
        """MatMulNBits packs an N×K matrix into bytes, by name, before the matrix comes: its attributes say the true size."""
        rows, columns = node.numbers.get("N", 0), node.numbers.get("K", 0)
        if (
            0 < rows < 2**31
            and 0 < columns < 2**31
            and len(node.inputs) > 1
            and len(self._model.packed) < MAX_KEPT_NAMES
        ):
            self._model.packed[node.inputs[1]] = rows * columns


def _add(names: set[str], more: list[str]) -> None:
    if len(names) < MAX_KEPT_NAMES:
        names.update(name for name in more if name)
