"""Writes the small Core ML, OpenVINO and Paddle files of tests/corpus/data with what the libraries say of them.

Written with coremltools 9.0, openvino 2026.4.1, paddlepaddle 3.3.1 and numpy 2.4.6:
python tests/corpus/generate_graphs_runtimes.py
"""

import json
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np

DATA = Path(__file__).resolve().parent / "data"
rng = np.random.default_rng(9)


def array(*shape):
    return rng.standard_normal(shape).astype(np.float32)


def described(model):
    model.author = "Ada"
    model.license = "MIT"
    model.short_description = "Three classes out of ten numbers"
    model.version = "1.10"
    model.user_defined_metadata["accuracy"] = "0.93"
    return model


def coreml(counts):
    import coremltools as ct
    from coremltools.converters.mil import Builder
    from coremltools.models import datatypes
    from coremltools.models.neural_network import NeuralNetworkBuilder

    folder = DATA / "coreml"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    builder = NeuralNetworkBuilder([("x", datatypes.Array(10))], [("y", datatypes.Array(3))])
    builder.add_inner_product(
        "fc", array(3, 10), array(3), 10, 3, has_bias=True, input_name="x", output_name="h"
    )
    builder.add_softmax("prob", "h", "y")
    network = described(ct.models.MLModel(builder.spec, skip_model_load=True))
    network.save(str(folder / "network.mlmodel"))
    counts["coreml/network.mlmodel"] = 33

    weights, bias = array(64, 100), array(64)

    @Builder.program(input_specs=[Builder.TensorSpec(shape=(1, 100))])
    def program(x):
        return Builder.relu(x=Builder.linear(x=x, weight=weights, bias=bias))

    for name, precision in (("program", ct.precision.FLOAT32), ("program-f16", ct.precision.FLOAT16)):
        model = ct.convert(
            program,
            minimum_deployment_target=ct.target.iOS16,
            compute_precision=precision,
            skip_model_load=True,
        )
        described(model).save(str(folder / f"{name}.mlpackage"))
        counts[f"coreml/{name}.mlpackage"] = 64 * 100 + 64


def coreml_compressed(counts):
    """Linear quantisation and palettes, in the operators of iOS 16 and of iOS 18; the specification is enough."""
    import coremltools as ct
    import coremltools.optimize.coreml as cto
    from coremltools.converters.mil import Builder

    weights, bias = array(64, 100), array(64)
    linear = cto.OptimizationConfig(cto.OpLinearQuantizerConfig(weight_threshold=16))
    palette = cto.OptimizationConfig(cto.OpPalettizerConfig(nbits=4, mode="uniform", weight_threshold=16))
    for target in (ct.target.iOS16, ct.target.iOS18):

        @Builder.program(input_specs=[Builder.TensorSpec(shape=(1, 100))], opset_version=target)
        def program(x):
            return Builder.relu(x=Builder.linear(x=x, weight=weights, bias=bias))

        model = ct.convert(program, minimum_deployment_target=target, skip_model_load=True)
        for kind, packed in (
            ("linear", cto.linear_quantize_weights(model, linear)),
            ("palette", cto.palettize_weights(model, palette)),
        ):
            name = f"{kind}-{target.name.lower()}.mlmodel"
            packed.save("packed.mlpackage")
            shutil.copy("packed.mlpackage/Data/com.apple.CoreML/model.mlmodel", DATA / "coreml" / name)
            counts[f"coreml/{name}"] = 64 * 100 + 64


def openvino(counts):
    import openvino as ov
    from openvino import opset13 as ops

    folder = DATA / "openvino"
    folder.mkdir(parents=True, exist_ok=True)

    def product(left, right):
        return ops.matmul(left, ops.constant(right), transpose_a=False, transpose_b=False)

    x = ops.parameter([-1, 10], np.float32, name="features")
    hidden = ops.relu(ops.add(product(x, array(10, 32)), ops.constant(array(1, 32))))
    result = ops.result(product(hidden, array(32, 3)), name="scores")
    model = ov.Model([result], [x], "tiny_classifier")
    model.set_rt_info("Classification", ["model_info", "model_type"])
    model.set_rt_info("/home/ada/projects/secret/model.onnx", ["conversion_parameters", "input_model"])
    ov.save_model(model, folder / "tiny.xml", compress_to_fp16=False)
    ov.save_model(model, folder / "tiny-f16.xml", compress_to_fp16=True)
    counts["openvino/tiny.xml"] = counts["openvino/tiny-f16.xml"] = 10 * 32 + 32 + 32 * 3


def paddle_models(counts):
    import paddle

    folder = DATA / "paddle"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    paddle.seed(1)
    network = paddle.nn.Sequential(paddle.nn.Linear(8, 16), paddle.nn.ReLU(), paddle.nn.Linear(16, 4))
    count = sum(int(np.prod(p.shape)) for p in network.parameters())
    spec = [paddle.static.InputSpec([None, 8], "float32", name="x")]
    paddle.jit.save(network, str(folder / "inference"), input_spec=spec)  # the JSON programme of Paddle 3
    counts["paddle/inference.json"] = count
    with paddle.pir_utils.OldIrGuard():
        old = paddle.jit.to_static(network, input_spec=spec, full_graph=True)
        paddle.jit.save(old, str(folder / "older"), input_spec=spec)
    counts["paddle/older.pdmodel"] = count


def main():
    counts = {}
    coreml(counts)
    coreml_compressed(counts)
    openvino(counts)
    paddle_models(counts)
    (DATA / "coreml" / "counts.json").write_text(json.dumps(counts, indent=2) + "\n")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        os.chdir(scratch)
        main()
