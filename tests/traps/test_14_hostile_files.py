"""Whatever a file holds, the crawl goes on, costs little, says which file, and does not try for ever."""

import struct

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog import plugins
from crawler.reader import Budget
from crawler.reading import ObjectReader
from crawler.registry import Registry
from crawler.sources.local import LocalSource

HOSTILE = {
    "length-2-to-63.safetensors": struct.pack("<Q", 2**63) + b"{}",
    "deep.safetensors": struct.pack("<Q", 200_000) + b"[" * 200_000,
    "count-2-to-60.gguf": b"GGUF" + struct.pack("<IQQ", 3, 2**60, 2**60),
    "merge-bomb.modeldex.yaml": b"a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n<<: *c\n",
    "config.json": b'{"model_type": ' + b"[" * 100_000,
    "pickle.pt": b"\x80\x02cposix\nsystem\nX\x0b\x00\x00\x00touch /tmp/x\x85R.",
    "zip.pt": b"PK\x03\x04" + b"\xff" * 200,
    "text-mode-copy.gguf": b"GGUF\r\n\x00\x00" + b"\x03\r\n" * 50,
}


@pytest.fixture
def all_readers(shop):
    shop.registry = Registry.installed()
    return shop


def test_hostile_files_cost_their_own_models_and_no_others(all_readers):
    shop = all_readers
    for name, data in HOSTILE.items():
        shop.put(f"bad/{name}/{name}", data)
    shop.model("good/model.safetensors")
    report = shop.crawl()
    assert shop.statuses()["good/model.safetensors"] == "ok"
    named = " ".join(key for key, _ in report.unread)
    for name in (
        "length-2-to-63.safetensors",
        "deep.safetensors",
        "count-2-to-60.gguf",
        "zip.pt",
        "config.json",
    ):
        assert name in named


def test_what_failed_for_good_is_not_read_again(all_readers):
    shop = all_readers
    for name, data in HOSTILE.items():
        shop.put(f"bad/{name}/{name}", data)
    shop.crawl()
    again = shop.crawl()
    assert (again.counts["opened"], shop.source.reads) == (0, [])
    assert again.counts["failed"] >= 5


REGISTRY = Registry([extractor() for _, extractor in plugins.load_all("extractor")])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(
        ["x.safetensors", "x.gguf", "x.pt", "x.onnx", "config.json", "README.md", "x", "x.keras", "MLmodel"]
    ),
    start=st.sampled_from(
        [
            b"",
            b"GGUF",
            b"PK\x03\x04",
            b"\x80\x02",
            b"\x89HDF\r\n\x1a\n",
            b"---\n",
            b"{",
            struct.pack("<Q", 40),
        ]
    ),
    rest=st.binary(max_size=200),
)
def test_reading_any_bytes_under_any_name_is_an_answer(tmp_path, name, start, rest):
    (tmp_path / name).write_bytes(start + rest)
    source = LocalSource(tmp_path)
    reader = ObjectReader(source, REGISTRY, Budget())
    for step in source.list():
        for meta in step.objects:
            assert reader.read(meta, None).entry.object.key == meta.key
    (tmp_path / name).unlink()
