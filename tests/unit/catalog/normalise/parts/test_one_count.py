"""One network written in many formats has one number of parameters, whichever file is read."""

import io
import zipfile

import pytest

from crawler.reading import Registry

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


FILES = {
    "net.safetensors": safetensors, "net.npz": npz, "net.onnx": onnx, "net.gguf": gguf, "net.h5": keras_h5, "net.pt": torch_zip,
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
