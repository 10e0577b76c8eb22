"""One network written in many formats has one number of parameters, whichever file is read."""

import io
import zipfile

import pytest

from crawler.registry import Registry

np = pytest.importorskip("numpy")
SHAPES = {"fc1.weight": (8, 16), "fc1.bias": (8,), "fc2.weight": (2, 8), "fc2.bias": (2,)}
PARAMETERS = 8 * 16 + 8 + 2 * 8 + 2


def arrays():
    return {name: np.full(shape, 0.5, np.float32) for name, shape in SHAPES.items()}


def safetensors():
    return pytest.importorskip("safetensors.numpy").save(arrays())


def npz():
    written = io.BytesIO()
    np.savez(written, **arrays())
    return written.getvalue()


def onnx():
    pytest.importorskip("onnx")
    from onnx import TensorProto, helper, numpy_helper

    def port(name, *shape):
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    nodes = [
        helper.make_node("Gemm", ["x", "fc1.weight", "fc1.bias"], ["h"], transB=1),
        helper.make_node("Gemm", ["h", "fc2.weight", "fc2.bias"], ["y"], transB=1),
    ]
    initializers = [numpy_helper.from_array(array, name) for name, array in arrays().items()]
    graph = helper.make_graph(nodes, "net", [port("x", 1, 16)], [port("y", 1, 2)], initializers)
    return helper.make_model(graph).SerializeToString()


def gguf():
    library = pytest.importorskip("gguf")
    writer = library.GGUFWriter(None, "net")
    for name, array in arrays().items():
        writer.add_tensor(name, array)
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net.gguf"
        writer.write_header_to_file(path)
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        return path.read_bytes()


def keras_h5():
    """Weights as Keras 2 writes them: kernels transposed, below the names of their layers."""
    h5py = pytest.importorskip("h5py")
    written = io.BytesIO()
    with h5py.File(written, "w") as file:
        weights = file.create_group("model_weights")
        weights.attrs["layer_names"] = [b"fc1", b"fc2"]
        weights.attrs["backend"], weights.attrs["keras_version"] = b"tensorflow", b"2.15.0"
        for layer in ("fc1", "fc2"):
            group = weights.create_group(layer)
            group.attrs["weight_names"] = [f"{layer}/kernel:0".encode(), f"{layer}/bias:0".encode()]
            group.create_dataset(f"{layer}/kernel:0", data=arrays()[f"{layer}.weight"].T)
            group.create_dataset(f"{layer}/bias:0", data=arrays()[f"{layer}.bias"])
    return written.getvalue()


def text(value):
    data = value.encode()
    return b"X" + len(data).to_bytes(4, "little") + data


def numbers(values):
    return b"(" + b"".join(b"K" + bytes([value]) for value in values) + b"t"


def torch_zip():
    """A state dict as torch.save writes it, opcode by opcode."""
    pickled, storages = b"\x80\x02}(", {}
    for key, (name, array) in enumerate(arrays().items()):
        storages[str(key)] = array.tobytes()
        storage = (
            b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text(str(key)) + text("cpu")
            + b"K" + bytes([array.size]) + b"tQ"
        )  # fmt: skip
        stride = [side // array.itemsize for side in array.strides]
        pickled += text(name) + b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + b"K\x00"
        pickled += numbers(array.shape) + numbers(stride) + b"\x89ccollections\nOrderedDict\n)RtR"
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        archive.writestr("net/data.pkl", pickled + b"u.")
        for key, data in storages.items():
            archive.writestr(f"net/data/{key}", data)
        archive.writestr("net/version", "3\n")
    return written.getvalue()


def flax():
    """A state dict as flax.serialization.msgpack_serialize writes it: arrays are an extension of shape, dtype and bytes."""
    msgpack = pytest.importorskip("msgpack")
    tree = {}
    for name, array in arrays().items():
        layer, leaf = name.split(".")
        packed = msgpack.packb((array.shape, array.dtype.name, array.tobytes()), use_bin_type=True)
        tree.setdefault(layer, {})[{"weight": "kernel"}.get(leaf, leaf)] = msgpack.ExtType(1, packed)
    return msgpack.packb({"params": tree}, use_bin_type=True)


def tflite():
    """Two fully connected operators over constants, as the converter writes them."""
    schema, flatbuffers = pytest.importorskip("tflite"), pytest.importorskip("flatbuffers")
    builder = flatbuffers.Builder(1024)

    def vector(start, items, prepend):
        start(builder, len(items))
        for item in reversed(items):
            prepend(item)
        return builder.EndVector()

    def buffer(data):
        content = builder.CreateByteVector(data) if data else None
        schema.BufferStart(builder)
        if content is not None:
            schema.BufferAddData(builder, content)
        return schema.BufferEnd(builder)

    def tensor(name, shape, number):
        label, sizes = builder.CreateString(name), builder.CreateNumpyVector(np.array(shape, np.int32))
        schema.TensorStart(builder)
        schema.TensorAddName(builder, label)
        schema.TensorAddShape(builder, sizes)
        schema.TensorAddType(builder, schema.TensorType.FLOAT32)
        schema.TensorAddBuffer(builder, number)
        return schema.TensorEnd(builder)

    def operator(inputs, outputs):
        ports = [builder.CreateNumpyVector(np.array(side, np.int32)) for side in (inputs, outputs)]
        schema.OperatorStart(builder)
        schema.OperatorAddOpcodeIndex(builder, 0)
        schema.OperatorAddInputs(builder, ports[0])
        schema.OperatorAddOutputs(builder, ports[1])
        return schema.OperatorEnd(builder)

    weights = list(arrays().items())
    buffers = [buffer(b""), *(buffer(array.tobytes()) for _, array in weights)]
    tensors = [
        tensor("x", (1, 16), 0), *(tensor(name, array.shape, number) for number, (name, array) in enumerate(weights, 1)),
        tensor("h", (1, 8), 0), tensor("y", (1, 2), 0),
    ]  # fmt: skip
    operators = [operator((0, 1, 2), (5,)), operator((5, 3, 4), (6,))]
    offset = builder.PrependUOffsetTRelative
    parts = [
        vector(schema.SubGraphStartTensorsVector, tensors, offset),
        builder.CreateNumpyVector(np.array([0], np.int32)),
        builder.CreateNumpyVector(np.array([6], np.int32)),
        vector(schema.SubGraphStartOperatorsVector, operators, offset),
    ]
    schema.SubGraphStart(builder)
    schema.SubGraphAddTensors(builder, parts[0])
    schema.SubGraphAddInputs(builder, parts[1])
    schema.SubGraphAddOutputs(builder, parts[2])
    schema.SubGraphAddOperators(builder, parts[3])
    graph = schema.SubGraphEnd(builder)
    schema.OperatorCodeStart(builder)
    schema.OperatorCodeAddBuiltinCode(builder, schema.BuiltinOperator.FULLY_CONNECTED)
    code = schema.OperatorCodeEnd(builder)
    lists = [
        vector(schema.ModelStartOperatorCodesVector, [code], offset),
        vector(schema.ModelStartSubgraphsVector, [graph], offset),
        vector(schema.ModelStartBuffersVector, buffers, offset),
    ]
    schema.ModelStart(builder)
    schema.ModelAddVersion(builder, 3)
    schema.ModelAddOperatorCodes(builder, lists[0])
    schema.ModelAddSubgraphs(builder, lists[1])
    schema.ModelAddBuffers(builder, lists[2])
    builder.Finish(schema.ModelEnd(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


FILES = {
    "net.msgpack": flax, "net.tflite": tflite, "net.safetensors": safetensors, "net.npz": npz, "net.onnx": onnx, "net.gguf": gguf, "net.h5": keras_h5, "net.pt": torch_zip,
}  # fmt: skip


def test_each_format_alone_and_all_together_are_counted_alike(shop):
    shop.registry = Registry.installed()
    for name, written in FILES.items():
        data = written()
        shop.put(f"{name.partition('.')[2]}/{name}", data)
        shop.put(f"all/{name}", data)
    shop.crawl()
    documents = shop.documents()
    assert {path: document.get("parameters") for path, document in documents.items()} == dict.fromkeys(
        documents, PARAMETERS
    )
    assert len(documents) == len(FILES) + 1
    (together,) = [document for path, document in documents.items() if path.startswith("all")]
    assert together["parameters_source"] == "counted"
    assert {one["parameters"] for one in together["alternatives"]} == {PARAMETERS}
