"""Hashing weights to their end: what it proves, that it is done once, and what it costs."""

import hashlib
import json
import os
import struct
from dataclasses import replace

import pytest
from fixtures.crawling import safetensors

from catalog.records import ObjectKey, ObjectMeta, Problem, RunState, SourceId
from crawler.hashing import CHUNK_BYTES, hash_file

LARGE = 300_000  # values: more than the megabyte that is read whole anyway


def packed(tensors: dict[str, bytes], metadata: dict[str, str] | None = None) -> bytes:
    header: dict = {"__metadata__": metadata} if metadata else {}
    position = 0
    for name, data in tensors.items():
        header[name] = {"dtype": "U8", "shape": [len(data)], "data_offsets": [position, position + len(data)]}
        position += len(data)
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + b"".join(tensors.values())


def hashed(data: bytes, reads: list | None = None):
    meta = ObjectMeta(
        source=SourceId("s"), key=ObjectKey("m.safetensors"), size_bytes=len(data), change_token="1"
    )

    def fetch(start, end):
        if reads is not None:
            reads.append(end - start)
        return data[start:end]

    return hash_file(meta, fetch, format="safetensors")


def test_order_and_metadata_change_the_file_and_not_its_tensors():
    first = {"a": b"123", "empty": b"", "b": os.urandom(CHUNK_BYTES + 7), "c": b"9"}
    one = hashed(packed(first))
    other = hashed(packed(dict(reversed(first.items())), {"note": "edited"}))
    assert one.sha256 != other.sha256
    assert one.tensors == other.tensors is not None
    assert one.sha256 == hashlib.sha256(packed(first)).hexdigest()


@pytest.mark.parametrize("changed", [{"a": b"124"}, {"b": b"123"}, {"a": b"123", "b": b""}, {"a": b"1234"}])
def test_other_bytes_names_or_shapes_are_other_tensors(changed):
    assert hashed(packed({"a": b"123"})).tensors != hashed(packed(changed)).tensors


def test_tensors_that_overlap_have_no_identity():
    data = bytearray(packed({"a": b"12", "b": b"34"}))
    broken = data.replace(b"[2, 4]", b"[1, 3]")
    assert hashed(bytes(broken)).tensors is None


def test_no_read_is_larger_than_a_chunk():
    reads = []
    hashed(packed({"a": bytes(3 * CHUNK_BYTES)}), reads)
    assert max(reads) <= CHUNK_BYTES


def test_equal_weights_in_other_files_are_found_by_a_crawl_that_hashes(shop):
    shop.model("a/model.safetensors", values=LARGE)
    shop.model("b/other.safetensors", values=LARGE, metadata={"note": "edited"})
    shop.model("c/model.safetensors", values=LARGE, fill=2.0)
    shop.crawl()
    assert not any({"tensors_hash", "content_hash"} & set(made) for made in shop.documents().values())
    report = shop.crawl(hash_weights=True)
    assert (report.counts["hashed"], report.run.state) == (3, RunState.COMPLETE)
    made = shop.documents()
    a, b, c = (made[path] for path in ("a/model.safetensors", "b/other.safetensors", "c/model.safetensors"))
    assert a["tensors_hash"] == b["tensors_hash"] != c["tensors_hash"]
    assert a["content_hash"] == hashlib.sha256(safetensors(LARGE)).hexdigest() != b["content_hash"]
    assert a["duplicate_group"] == b["duplicate_group"]
    assert "duplicate" in a["flags"]
    assert "duplicate_group" not in c


def test_an_unchanged_file_is_hashed_once_and_keeps_its_hashes(shop):
    shop.model("a.safetensors", values=LARGE)
    shop.crawl(hash_weights=True)
    first = shop.documents()["a.safetensors"]
    report = shop.crawl(hash_weights=True)
    assert (report.counts["hashed"], shop.source.reads) == (0, [])
    shop.crawl(reread=True)
    again = shop.documents()["a.safetensors"]
    assert (again["content_hash"], again["tensors_hash"]) == (first["content_hash"], first["tensors_hash"])


def test_a_changed_file_loses_its_hashes_until_it_is_hashed_again(shop):
    shop.model("a.safetensors", values=LARGE)
    shop.crawl(hash_weights=True)
    shop.model("a.safetensors", values=LARGE, fill=3.0)
    shop.crawl()
    assert "content_hash" not in shop.documents()["a.safetensors"]


def test_small_files_have_both_hashes_for_nothing(shop):
    shop.model("a.safetensors", fill=2.0)
    shop.model("b.safetensors", fill=2.0, metadata={"x": "y"})
    shop.crawl()
    a, b = (shop.documents()[name] for name in ("a.safetensors", "b.safetensors"))
    assert a["content_hash"] != b["content_hash"]
    assert a["tensors_hash"] == b["tensors_hash"]
    assert a["duplicate_group"] == b["duplicate_group"]


def test_a_file_that_cannot_be_read_to_its_end_is_said_and_the_others_are_hashed(shop):
    shop.model("a.safetensors", values=LARGE)
    shop.model("b.safetensors", values=LARGE, fill=2.0)
    shop.crawl()
    shop.source.denied.add("a.safetensors")
    report = shop.crawl(hash_weights=True)
    assert report.run.state is RunState.PARTIAL
    assert any("a.safetensors" in problem for problem in report.problems)
    assert "content_hash" in shop.documents()["b.safetensors"]


def test_a_model_that_stops_being_equal_leaves_the_group_of_the_others(shop):
    """a and b share bytes, b and c share tensors: one group, and none once b has gone."""
    shop.model("a.safetensors", fill=2.0)
    shop.model("b.safetensors", fill=2.0)
    shop.model("c.safetensors", fill=2.0, metadata={"x": "y"})
    shop.crawl()
    made = shop.documents()
    assert len({document["duplicate_group"] for document in made.values()}) == 1
    assert len(made["c.safetensors"]["locations"]) == 3
    (shop.root / "a.safetensors").unlink()
    shop.model("b.safetensors", fill=7.0)
    shop.crawl()
    left = shop.documents()["c.safetensors"]
    assert "duplicate_group" not in left
    assert len(left["locations"]) == 1


def test_the_name_of_a_cached_blob_is_the_hash_of_its_snapshot(shop):
    digest = "0" * 63 + "1"
    blob = shop.model(f"models--org--net/blobs/{digest}", values=LARGE)
    link = shop.root / "models--org--net/snapshots/rev/model.safetensors"
    link.parent.mkdir(parents=True)
    link.symlink_to(os.path.relpath(blob, link.parent))
    shop.crawl()
    assert [made.get("content_hash") for made in shop.documents().values()] == [digest]


def test_reading_again_makes_records_again_although_no_file_and_no_version_changed(shop, monkeypatch):
    shop.model("a.safetensors")
    shop.crawl()
    extractor = next(known for known in shop.registry._extractors if known.name == "safetensors")
    whole = type(extractor).extract

    def says_more(self, reader):
        return replace(whole(self, reader), problems=(Problem(code="new", message="seen now"),))

    monkeypatch.setattr(type(extractor), "extract", says_more)
    shop.crawl(reread=True)
    assert shop.documents()["a.safetensors"]["problems"][0]["code"] == "new"
