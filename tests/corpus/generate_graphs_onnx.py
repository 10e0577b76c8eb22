"""Writes the small ONNX files of tests/corpus/data/onnx with the count that the onnx library itself makes of each.

Written with onnx 1.23.2 and numpy 2.4.6: python tests/corpus/generate_graphs_onnx.py
"""

import json
import math
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

DATA = Path(__file__).parent / "data" / "onnx"
FLOAT = TensorProto.FLOAT
WEIGHTS = {1, 2, 3, 10, 11, 16, 21, 22}
rng = np.random.default_rng(7)


def array(*shape, dtype=np.float32):
    return rng.standard_normal(shape).astype(dtype)


def value(name, shape, kind=FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def model(graph, **extra):
    opsets = extra.pop("opsets", [helper.make_opsetid("", 21)])
    return helper.make_model(graph, opset_imports=opsets, ir_version=10, **extra)


def constant(name, tensor):
    return helper.make_node("Constant", [], [name], value=tensor)


def graphs(graph):
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from graphs(attribute.g)


def count(proto):
    """The elements of all float and small integer tensors, initializers and constants, at any depth."""
    total = 0
    for graph in graphs(proto.graph):
        tensors = [(list(t.dims), t.data_type) for t in graph.initializer]
        tensors += [(list(t.dims), t.values.data_type) for t in graph.sparse_initializer]
        tensors += [
            (list(a.t.dims), a.t.data_type)
            for node in graph.node
            if node.op_type == "Constant"
            for a in node.attribute
            if a.HasField("t")
        ]
        total += sum(math.prod(dims) for dims, kind in tensors if kind in WEIGHTS)
        total += sum(len(a.floats) for n in graph.node if n.op_type == "Constant" for a in n.attribute)
    return total


def rich():
    """A classifier with every kind of metadata and dynamic dimensions; IR 3 lists its weights as inputs too."""
    graph = helper.make_graph(
        [
            helper.make_node("Gemm", ["pixels", "w", "b"], ["hidden"], transB=1),
            helper.make_node("Reshape", ["hidden", "shape"], ["logits"]),
        ],
        "digits_classifier",
        [value("pixels", ["batch", 64]), value("w", [10, 64]), value("b", [10])],
        [value("logits", ["batch", 10])],
        [
            numpy_helper.from_array(array(10, 64), "w"),
            numpy_helper.from_array(array(10), "b"),
            numpy_helper.from_array(np.array([-1, 10], dtype=np.int64), "shape"),
        ],
        doc_string="Tells ten digits apart.",
    )
    proto = model(graph, producer_name="skl2onnx", producer_version="1.17", model_version=4)
    helper.set_model_props(
        proto,
        {
            "accuracy": "94.5%",
            "author": "Ada",
            "license": "Apache-2.0",
            "task": "image-classification",
            "date": "2024-03-01T10:00:00+00:00",
            "val_f1": "0.91",
            "learning_rate": "5e-4",
            "team": "vision",
        },
    )
    return proto


def constants_in_branches():
    """No initializer at all: the weights are constants of graphs inside graphs inside an If."""

    def branch(name, depth):
        weights = array(4, 4)
        nodes = [constant(f"{name}_w", numpy_helper.from_array(weights))]
        nodes += [constant(f"{name}_axes", numpy_helper.from_array(np.array([0], dtype=np.int64)))]
        if depth:
            inner = [branch(f"{name}_then", depth - 1), branch(f"{name}_else", depth - 1)]
            nodes.append(
                helper.make_node("If", ["flag"], [f"{name}_out"], then_branch=inner[0], else_branch=inner[1])
            )
        else:
            nodes.append(helper.make_node("MatMul", ["x", f"{name}_w"], [f"{name}_out"]))
        return helper.make_graph(nodes, name, [], [value(f"{name}_out", [1, 4])])

    nodes = [
        helper.make_node("If", ["flag"], ["y"], then_branch=branch("a", 3), else_branch=branch("b", 3)),
        helper.make_node("Constant", [], ["offset"], value_floats=[0.1, 0.2, 0.3]),
    ]
    graph = helper.make_graph(
        nodes, "main_graph", [value("x", [1, 4]), value("flag", [], TensorProto.BOOL)], [value("y", [1, 4])]
    )
    return model(graph, producer_name="pytorch", producer_version="2.4.0")


def generated_weights():
    """As onnx' own light models: ConstantOfShape makes the weights when the model runs."""
    shape = numpy_helper.from_array(np.array([256, 256], dtype=np.int64), "shape")
    nodes = [
        helper.make_node(
            "ConstantOfShape", ["shape"], ["w"], value=helper.make_tensor("v", FLOAT, [1], [0.5])
        ),
        helper.make_node("Gemm", ["x", "w", "b"], ["y"]),
    ]
    bias = numpy_helper.from_array(array(256), "b")
    graph = helper.make_graph(nodes, "light", [value("x", [1, 256])], [value("y", [1, 256])], [shape, bias])
    return model(graph)


def quantised():
    """QDQ: INT8 weight with scale and zero point, INT32 bias with its scale, an INT4 matrix."""
    nodes = [
        helper.make_node("DequantizeLinear", ["w8", "s", "z"], ["w"]),
        helper.make_node("DequantizeLinear", ["b32", "sb"], ["b"]),
        helper.make_node("DequantizeLinear", ["w4", "s"], ["v"]),
        helper.make_node("Gemm", ["x", "w", "b"], ["h"]),
        helper.make_node("MatMul", ["h", "v"], ["y"]),
    ]
    initializers = [
        numpy_helper.from_array(rng.integers(-128, 127, (16, 32)).astype(np.int8), "w8"),
        numpy_helper.from_array(np.array(0.02, dtype=np.float32), "s"),
        numpy_helper.from_array(np.array(0, dtype=np.int8), "z"),
        numpy_helper.from_array(rng.integers(-999, 999, 32).astype(np.int32), "b32"),
        numpy_helper.from_array(np.array(0.001, dtype=np.float32), "sb"),
        helper.make_tensor("w4", TensorProto.INT4, [32, 8], list(rng.integers(-8, 7, 256))),
    ]
    graph = helper.make_graph(nodes, "qdq", [value("x", ["n", 16])], [value("y", ["n", 8])], initializers)
    return model(graph, producer_name="onnx.quantize")


def block_quantised():
    """MatMulNBits: a 64×128 matrix in four bits, packed into bytes."""
    node = helper.make_node(
        "MatMulNBits", ["x", "w", "scales"], ["y"], domain="com.microsoft", K=128, N=64, bits=4, block_size=32
    )
    initializers = [
        numpy_helper.from_array(rng.integers(0, 255, (64, 4, 16)).astype(np.uint8), "w"),
        numpy_helper.from_array(array(256), "scales"),
    ]
    graph = helper.make_graph(
        [node], "blocks", [value("x", ["n", 128])], [value("y", ["n", 64])], initializers
    )
    return model(graph, opsets=[helper.make_opsetid("", 21), helper.make_opsetid("com.microsoft", 1)])


def external(location):
    """Weights in another file."""
    weights = numpy_helper.from_array(array(32, 32), "w")
    onnx.external_data_helper.set_external_data(weights, location, offset=4096, length=4096)
    weights.ClearField("raw_data")
    weights.data_location = TensorProto.EXTERNAL
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    graph = helper.make_graph([node], "external", [value("x", [1, 32])], [value("y", [1, 32])], [weights])
    return model(graph)


def sparse_and_functions():
    """A sparse initializer of 10×10 with three values, a model-local function, a foreign domain and PyOp."""
    values = helper.make_tensor("s", FLOAT, [3], [1.0, 2.0, 3.0])
    indices = helper.make_tensor("i", TensorProto.INT64, [3], [1, 50, 99])
    own = helper.make_function(
        "my.functions",
        "Twice",
        ["a"],
        ["c"],
        [helper.make_node("Add", ["a", "a"], ["c"])],
        [helper.make_opsetid("", 21)],
    )
    nodes = [
        helper.make_node("MatMul", ["x", "s"], ["h"]),
        helper.make_node("Twice", ["h"], ["t"], domain="my.functions"),
        helper.make_node("Decode", ["t"], ["d"], domain="acme.ops"),
        helper.make_node("PyOp", ["d"], ["y"], domain="ai.onnx.contrib"),
    ]
    graph = helper.make_graph(
        nodes,
        "sparse",
        [value("x", [1, 10])],
        [value("y", [1, 10])],
        sparse_initializer=[helper.make_sparse_tensor(values, indices, [10, 10])],
    )
    domains = ["my.functions", "acme.ops", "ai.onnx.contrib"]
    opsets = [helper.make_opsetid("", 21), *(helper.make_opsetid(domain, 1) for domain in domains)]
    return model(graph, opsets=opsets, functions=[own])


def trees():
    """A tree ensemble of the ML domain: two trees, no tensors."""
    node = helper.make_node(
        "TreeEnsembleRegressor",
        ["x"],
        ["y"],
        domain="ai.onnx.ml",
        nodes_treeids=[0, 0, 0, 1],
        nodes_nodeids=[0, 1, 2, 0],
        nodes_featureids=[0, 0, 0, 0],
        nodes_modes=["BRANCH_LEQ", "LEAF", "LEAF", "LEAF"],
        nodes_values=[0.5, 0.0, 0.0, 0.0],
        nodes_truenodeids=[1, 0, 0, 0],
        nodes_falsenodeids=[2, 0, 0, 0],
        target_treeids=[0, 0, 1],
        target_nodeids=[1, 2, 0],
        target_ids=[0, 0, 0],
        target_weights=[1.0, 2.0, 3.0],
        n_targets=1,
    )
    graph = helper.make_graph([node], "forest", [value("x", [None, 3])], [value("y", [None, 1])])
    return model(graph, opsets=[helper.make_opsetid("ai.onnx.ml", 3)], producer_name="skl2onnx")


FILES = {
    "rich.onnx": rich,
    "constants-in-branches.onnx": constants_in_branches,
    "generated-weights.onnx": generated_weights,
    "quantised.onnx": quantised,
    "block-quantised.onnx": block_quantised,
    "external.onnx": lambda: external("weights/model.data"),
    "external-passwd.onnx": lambda: external("/etc/passwd"),
    "external-parent.onnx": lambda: external("../../secret.bin"),
    "sparse.onnx": sparse_and_functions,
    "trees.onnx": trees,
}


def main():
    DATA.mkdir(parents=True, exist_ok=True)
    counts = {}
    for name, make in FILES.items():
        proto = make()
        (DATA / name).write_bytes(proto.SerializeToString())
        counts[name] = count(proto)
    (DATA / "counts.json").write_text(json.dumps(counts, indent=2) + "\n")


if __name__ == "__main__":
    main()
