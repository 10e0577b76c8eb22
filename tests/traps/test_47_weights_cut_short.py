"""Weights of which a part is missing are not complete: 500 bytes of 8 MB, a shard, external data, an empty file."""

from pathlib import Path

import pytest
from fixtures.crawling import safetensors

from crawler.registry import Registry

CORPUS = Path(__file__).parents[1] / "corpus" / "data"
SUFFIXES = (
    *(
        ".safetensors",
        ".gguf",
        ".pt",
        ".onnx",
        ".h5",
        ".keras",
        ".tflite",
        ".npz",
        ".skops",
        ".cbm",
        ".ubj",
        ".joblib",
    ),
    *(
        ".nemo",
        ".pdiparams",
        ".mlmodel",
        ".dduf",
        ".bin",
        ".ftz",
        ".lgb.txt",
        ".pth",
        ".pkl",
        ".npy",
        ".msgpack",
    ),
    *(".pt2", ".joblib.gz", ".joblib.z", ".joblib.xz", ".joblib.bz2", "frozen.pb", "boosters/*.json"),
)
DATA_OF_OTHERS = {"weight.bin", "tiny.bin", "tiny-f16.bin"}
CUTS = {"a third": 1 / 3, "half": 1 / 2, "two thirds": 2 / 3, "all but a little": 0.98}


def whole_files():
    """One file of each suffix that the corpus has, the first by its path."""
    files = [
        path
        for suffix in SUFFIXES
        for path in sorted(CORPUS.rglob(suffix if "*" in suffix else f"*{suffix}"))[:3]
        if path.name not in DATA_OF_OTHERS and "truth" not in path.name and path.stat().st_size > 400
    ]
    return {f"{number}-{path.name}": path.read_bytes() for number, path in enumerate(files)}


@pytest.fixture
def desk(shop):
    shop.registry = Registry.installed()
    return shop


def test_a_file_of_any_format_that_is_cut_short_is_incomplete_and_the_whole_one_is_not(desk):
    files = whole_files()
    assert len(files) > 20
    for name, data in files.items():
        for cut, share in CUTS.items():
            desk.put(f"{cut}/{name}", data[: int(len(data) * share)])
    report = desk.crawl()
    documents = desk.documents().values()
    assert [document["path"] for document in documents if "incomplete" not in document.get("flags", ())] == []
    assert {document["status"] for document in documents} <= {"unreadable", "partial"}
    assert all(document["complete"] is False for document in documents)
    assert report.counts["incomplete"] == report.counts["models"] > 20


def test_what_lacks_a_part_is_counted_at_the_end_of_a_crawl_and_no_longer_when_it_is_mended(desk):
    whole = safetensors(values=2_000)
    desk.put("net/cut.safetensors", whole[:500])
    desk.put("net/empty.safetensors", b"")
    desk.put("net/whole.safetensors", whole)
    desk.put("big/model-00001-of-00002.safetensors", safetensors(name="a"))
    assert desk.crawl().counts["incomplete"] == 3
    cut = desk.documents()["net/cut.safetensors"]
    assert (cut["status"], cut["complete"], cut["flags"]) == ("partial", False, ["incomplete"])
    assert "content_hash" not in cut, "500 bytes identify no weights"
    assert desk.crawl().counts["incomplete"] == 3, "also by a run that finds nothing new"
    desk.put("net/cut.safetensors", whole)
    assert desk.crawl().counts["incomplete"] == 2


@pytest.mark.parametrize(
    ("described", "data"), [("openvino/tiny.xml", "tiny.bin"), ("onnx/external.onnx", "weights/model.data")]
)
def test_data_that_are_shorter_than_what_is_used_of_them_are_incomplete(desk, described, data):
    desk.put(described, (CORPUS / described).read_bytes())
    folder = described.partition("/")[0]
    desk.put(f"{folder}/{data}", b"\x01" * 10)
    desk.crawl()
    (made,) = desk.documents().values()
    assert made["complete"] is False
    assert any("cut off" in problem["message"] for problem in made["problems"])
    desk.put(f"{folder}/{data}", b"\x01" * 100_000)
    assert desk.crawl().counts["incomplete"] == 0
