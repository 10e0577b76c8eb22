"""What is read of files against what the formats' own libraries read of them, so that a format that moves is noticed."""

from __future__ import annotations

import importlib
import os
from collections import Counter
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from fixtures.extraction import extract, values_of

from catalog.records import Extraction
from crawler.extractors.flax_msgpack import FlaxMsgpackExtractor
from crawler.extractors.gguf import GgufExtractor
from crawler.extractors.keras_hdf5 import KerasHdf5Extractor
from crawler.extractors.lightgbm import LightgbmExtractor
from crawler.extractors.onnx import OnnxExtractor
from crawler.extractors.safetensors import SafetensorsExtractor
from crawler.extractors.tflite import TfliteExtractor
from crawler.extractors.xgboost import XgboostExtractor

DATA = Path(__file__).parent / "data"
DTYPES = {
    "float32": "F32",
    "float16": "F16",
    "float64": "F64",
    "int64": "I64",
    "int32": "I32",
    "int8": "I8",
    "uint8": "U8",
    "bool": "BOOL",
}


def library(name: str) -> ModuleType:
    """The library; without it the test is skipped, and fails in CI."""
    try:
        return importlib.import_module(name)
    except ImportError:
        reason = f"the library {name} is not installed. Install it with: pip install '.[test]'"
    if os.environ.get("CI") == "true":  # noqa: TID251 - CI's own variable
        pytest.fail(reason)
    pytest.skip(reason)


def elements(extraction: Extraction) -> Counter[str]:
    """Stored elements by dtype, whatever part they are of."""
    assert extraction.tensors is not None
    counts: Counter[str] = Counter()
    for tally in extraction.tensors.tallies:
        counts[tally.dtype] += tally.elements
    return counts


def files(suffix: str) -> list[Path]:
    paths = sorted(DATA.rglob(f"*{suffix}"))
    assert paths, f"no {suffix} in the corpus"
    return paths


@pytest.mark.parametrize("path", files(".safetensors"), ids=lambda path: path.name)
def test_safetensors_of_the_corpus_are_counted_as_the_library_counts(path):
    opened = library("safetensors").safe_open
    with opened(path, framework="numpy") as file:
        counts = Counter({"total": 0})
        for name in file.keys():  # noqa: SIM118 - it is no dictionary
            counts["total"] += int(np.prod(file.get_slice(name).get_shape(), dtype=np.int64))
    assert (
        sum(elements(extract(SafetensorsExtractor, path.name, path.read_bytes())).values()) == counts["total"]
    )


def test_safetensors_of_every_dtype_are_counted_as_they_were_written():
    save = library("safetensors.numpy").save
    arrays = {name: np.zeros((3, number + 2), dtype=name) for number, name in enumerate(DTYPES)}
    expected = Counter({DTYPES[name]: array.size for name, array in arrays.items()})
    assert elements(extract(SafetensorsExtractor, "model.safetensors", save(arrays))) == expected


@pytest.mark.parametrize("path", files(".gguf"), ids=lambda path: path.name)
def test_gguf_of_the_corpus_is_counted_as_the_library_counts(path):
    reader = library("gguf").GGUFReader(path)
    expected = Counter({"total": 0})
    for tensor in reader.tensors:
        expected[tensor.tensor_type.name] += int(tensor.n_elements)
    del expected["total"]
    assert elements(extract(GgufExtractor, path.name, path.read_bytes())) == expected


def test_gguf_of_every_type_that_the_library_writes_is_counted(tmp_path):
    gguf = library("gguf")
    writer = gguf.GGUFWriter(tmp_path / "model.gguf", "llama")
    expected: Counter[str] = Counter()
    for kind, (block, size) in gguf.GGML_QUANT_SIZES.items():
        rows = np.zeros((2, size * (512 // block)), dtype=np.uint8)
        writer.add_tensor(f"blk.{int(kind)}.weight", rows, raw_dtype=kind)
        expected[kind.name] += 2 * (512 // block) * block
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    data = (tmp_path / "model.gguf").read_bytes()
    assert elements(extract(GgufExtractor, "model.gguf", data)) == expected


def test_initializers_of_onnx_are_counted_however_they_are_stored():
    onnx = library("onnx")
    numpy_helper, helper = importlib.import_module("onnx.numpy_helper"), onnx.helper
    values = np.arange(12, dtype=np.float32).reshape(3, 4)
    initializers = [
        numpy_helper.from_array(values, "raw"),
        helper.make_tensor("typed", onnx.TensorProto.FLOAT, [4], [1.0, 2.0, 3.0, 4.0]),
        numpy_helper.from_array(values.astype(np.float16), "half"),
        numpy_helper.from_array(values.astype(np.int8), "small"),
    ]
    nodes = [helper.make_node("MatMul", ["x", "raw"], ["y"])]
    inputs = [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, 3])]
    outputs = [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1, 4])]
    model = helper.make_model(helper.make_graph(nodes, "g", inputs, outputs, initializers))
    data = onnx.load_from_string(model.SerializeToString()).SerializeToString()
    expected: Counter[str] = Counter()
    for tensor in onnx.load_from_string(data).graph.initializer:
        expected[{1: "F32", 10: "F16", 3: "I8"}[tensor.data_type]] += numpy_helper.to_array(tensor).size
    assert elements(extract(OnnxExtractor, "model.onnx", data)) == expected


@pytest.mark.parametrize("path", files(".onnx"), ids=lambda path: path.name)
def test_floats_of_the_initializers_of_the_corpus_are_all_counted(path):
    onnx = library("onnx")
    model = onnx.load(path, load_external_data=False)
    floats = {
        onnx.TensorProto.FLOAT,
        onnx.TensorProto.FLOAT16,
        onnx.TensorProto.BFLOAT16,
        onnx.TensorProto.DOUBLE,
    }
    expected = sum(
        int(np.prod(tensor.dims, dtype=np.int64))
        for tensor in model.graph.initializer
        if tensor.data_type in floats
    )
    extraction = extract(OnnxExtractor, path.name, path.read_bytes())
    counted = (
        0
        if extraction.tensors is None
        else sum(
            number for dtype, number in elements(extraction).items() if dtype in {"F32", "F16", "BF16", "F64"}
        )
    )
    assert counted >= expected


@pytest.mark.parametrize("path", files(".tflite"), ids=lambda path: path.name)
def test_constants_of_tflite_of_the_corpus_are_counted_as_the_schema_s_own_reader_counts(path):
    tflite = library("tflite")
    data = path.read_bytes()
    model = tflite.Model.GetRootAs(data, 0)
    names = {
        tflite.TensorType.FLOAT32: "F32",
        tflite.TensorType.FLOAT16: "F16",
        tflite.TensorType.INT8: "I8",
    }
    expected: Counter[str] = Counter()
    for graph in map(model.Subgraphs, range(model.SubgraphsLength())):
        for tensor in map(graph.Tensors, range(graph.TensorsLength())):
            if model.Buffers(tensor.Buffer()).DataLength() and tensor.Type() in names:
                expected[names[tensor.Type()]] += int(np.prod(tensor.ShapeAsNumpy(), dtype=np.int64))
    extraction = extract(TfliteExtractor, path.name, data)
    stored: Counter[str] = Counter()
    for tensor in extraction.tensors.tensors if extraction.tensors is not None else ():
        if tensor.dtype in names.values() and not tensor.name.endswith("/zero_bias"):
            stored[tensor.dtype] += tensor.elements
    assert stored == expected


@pytest.mark.parametrize("path", files(".msgpack"), ids=lambda path: path.name)
def test_flax_of_the_corpus_is_counted_as_messagepack_s_own_reader_counts(path):
    msgpack = library("msgpack")
    expected: Counter[str] = Counter()

    def unpacked(code, data):
        if code == 1:  # flax: an array as (shape, dtype, bytes)
            shape, dtype, _ = msgpack.unpackb(data, raw=False)
            expected[{**DTYPES, "bfloat16": "BF16"}[dtype]] += int(np.prod(shape, dtype=np.int64))

    data = path.read_bytes()
    msgpack.unpackb(data, ext_hook=unpacked, raw=False, strict_map_key=False)
    assert elements(extract(FlaxMsgpackExtractor, path.name, data)) == expected


def test_arrays_of_hdf5_are_counted_as_h5py_counts(tmp_path):
    h5py = library("h5py")
    path = DATA / "keras" / "digits.weights.h5"
    sizes: list[int] = []
    with h5py.File(path) as file:
        file["layers"].visititems(
            lambda _, item: sizes.append(item.size) if isinstance(item, h5py.Dataset) else None
        )
    counted = elements(extract(KerasHdf5Extractor, path.name, path.read_bytes()))
    assert sum(counted.values()) >= sum(sizes) > 0


def test_trees_of_boosters_are_counted_as_their_libraries_count():
    lightgbm, xgboost = library("lightgbm"), library("xgboost")
    rows = np.arange(200, dtype=np.float64).reshape(50, 4)
    labels = (rows[:, 0] > 80).astype(int)
    settings = {"objective": "binary", "verbose": -1, "min_data_in_leaf": 1, "num_threads": 1}
    light = lightgbm.train(settings, lightgbm.Dataset(rows, labels), num_boost_round=7)
    said = values_of(extract(LightgbmExtractor, "m.txt", light.model_to_string().encode()))
    assert (said["trees"], said["features"]) == (light.num_trees(), light.num_feature())
    other = xgboost.train(
        {"objective": "binary:logistic", "nthread": 1}, xgboost.DMatrix(rows, labels), num_boost_round=5
    )
    said = values_of(extract(XgboostExtractor, "m.ubj", bytes(other.save_raw("ubj"))))
    assert (said["trees"], said["features"]) == (other.num_boosted_rounds(), other.num_features())
