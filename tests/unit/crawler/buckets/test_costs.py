"""What models cost a storage: requests by format, and the end of an archive at the same time as its beginning."""

import io
import json
import struct
import threading
import zipfile

import pytest
from fixtures.buckets import Refusal
from fixtures.patience import PATIENCE_SECONDS

from crawler.buckets.tails import is_archive
from crawler.registry import Registry

BODY_BYTES = 3_000_000


def safetensors():
    header = {
        f"layer.{number}": {"dtype": "U8", "shape": [0], "data_offsets": [0, 0]} for number in range(900)
    }
    header["w"] = {"dtype": "U8", "shape": [BODY_BYTES], "data_offsets": [0, BODY_BYTES]}
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes(BODY_BYTES)


def gguf():
    def text(value):
        return struct.pack("<Q", len(value)) + value.encode()

    pairs = text("general.architecture") + struct.pack("<I", 8) + text("llama")
    tensor = text("w") + struct.pack("<IQIQ", 1, BODY_BYTES // 4, 0, 0)
    head = b"GGUF" + struct.pack("<IQQ", 3, 1, 1) + pairs + tensor
    return head + bytes(-len(head) % 32) + bytes(BODY_BYTES)


def torch_zip():
    import pickletools

    # {'w': a tensor of BODY_BYTES // 4 floats}, as torch.save writes it
    pickle = (
        b"\x80\x02}q\x00X\x01\x00\x00\x00wq\x01ctorch._utils\n_rebuild_tensor_v2\nq\x02((X\x07\x00\x00\x00storageq\x03"
        b"ctorch\nFloatStorage\nq\x04X\x01\x00\x00\x000q\x05X\x03\x00\x00\x00cpuq\x06J" + struct.pack("<i", BODY_BYTES // 4)
        + b"tq\x07QK\x00J" + struct.pack("<i", BODY_BYTES // 4) + b"\x85q\x08K\x01\x85q\x09\x89ccollections\nOrderedDict\n"
        b"q\x0a)Rq\x0btq\x0cRq\x0ds."
    )  # fmt: skip
    assert list(pickletools.genops(pickle))
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("model/data.pkl", pickle)
        archive.writestr("model/data/0", bytes(BODY_BYTES))
        archive.writestr("model/version", b"3\n")
    return file.getvalue()


@pytest.mark.parametrize(
    ("name", "make"),
    [("m.safetensors", safetensors), ("m.gguf", gguf), ("pytorch_model.bin", torch_zip), ("m.pt", torch_zip)],
)
def test_a_large_model_takes_at_most_two_requests(bucket_shop, bucket, name, make):
    bucket.put(name, make())
    bucket_shop.registry = Registry.installed()
    report = bucket_shop.crawl()
    assert bucket_shop.statuses() == {name: "ok"}
    (document,) = bucket_shop.documents().values()
    assert document["parameters"] in {BODY_BYTES, BODY_BYTES // 4}
    assert bucket.storage.count("get") <= 2
    assert report.counts["bytes_received"] < 400_000


def test_small_files_of_a_directory_take_one_request_each(bucket_shop, bucket):
    bucket.model("net/model.safetensors")
    bucket.put("net/config.json", '{"model_type": "bert"}')
    bucket.put("net/README.md", "# Net\n")
    bucket_shop.crawl()
    assert bucket.storage.count("get") == 3


def test_the_end_of_an_archive_is_asked_for_while_its_beginning_is_on_its_way(bucket):
    """Each of the two waits for the other to arrive: one after the other, they would wait for ever."""
    bucket.put("m.pt", torch_zip())
    source = bucket.source()
    (meta,) = [meta for step in source.list() for meta in step.objects]
    both = threading.Barrier(2, timeout=PATIENCE_SECONDS)

    def fault(request):
        if request.kind == "get":
            try:
                both.wait()
            except threading.BrokenBarrierError:
                return Refusal(500)
        return None

    bucket.storage.fault = fault
    assert source.read(meta, 0, 131072)[:2] == b"PK"
    assert source.read(meta, meta.size_bytes - 22, meta.size_bytes)[:4] == b"PK\x05\x06"
    assert bucket.storage.count("get") == 2


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("a/model.pt", True),
        ("pytorch_model-00001-of-00002.bin", True),
        ("adapter_model.bin", True),
        ("ggml-model.bin", False),
        ("model.safetensors", False),
        ("weights.keras", True),
    ],
)
def test_archives_are_known_by_their_names(key, expected):
    assert is_archive(key) is expected
