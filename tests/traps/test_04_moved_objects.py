"""Objects that were moved in a bucket are the same models; copies are duplicates; names alone prove nothing."""

import json
import struct

from catalog.records import RunState


def large(fill: int, *, size_bytes=1_200_000) -> bytes:
    """More than is read whole, so that no hash of its bytes is known."""
    header = {"w": {"dtype": "U8", "shape": [size_bytes], "data_offsets": [0, size_bytes]}}
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes([fill]) * size_bytes


def test_a_moved_prefix_is_a_move_and_no_loss(bucket_shop, bucket):
    for number in range(3):
        bucket.put(f"old/m{number}/model.safetensors", large(number))
        bucket.model(f"old/s{number}/model.safetensors", values=number + 1)
    bucket_shop.crawl()
    first_seen = bucket_shop.documents()["old/m1/model.safetensors"]["first_seen"]
    for number in range(3):
        bucket.move(f"old/m{number}/model.safetensors", f"new/m{number}/model.safetensors")
        bucket.move(f"old/s{number}/model.safetensors", f"new/s{number}/model.safetensors")
    report = bucket_shop.crawl()
    assert report.run.state is RunState.COMPLETE
    assert (report.counts["moved"], report.counts["new"], report.counts["missing"]) == (6, 0, 0)
    documents = bucket_shop.documents()
    new, old = documents["new/m1/model.safetensors"], documents["old/m1/model.safetensors"]
    assert (new["status"], new["first_seen"]) == ("ok", first_seen)
    assert (old["status"], old["extra"]["moved_to"]) == ("missing", new["id"])


def test_other_weights_under_the_same_name_at_another_place_are_no_move(bucket_shop, bucket):
    bucket.put("a/model.safetensors", large(1))
    bucket.put("stays/model.safetensors", large(9))
    bucket_shop.crawl()
    bucket.remove("a/model.safetensors")
    bucket.put("b/model.safetensors", large(2))
    report = bucket_shop.crawl()
    assert (report.counts["moved"], report.counts["missing"], report.counts["new"]) == (0, 1, 1)


def test_a_copy_is_a_duplicate_until_one_of_the_two_is_deleted(bucket_shop, bucket):
    bucket.put("a/model.safetensors", large(1))
    bucket.put("b/model.safetensors", large(1))
    bucket.put("c/model.safetensors", large(2))
    bucket_shop.crawl()
    groups = {path: document.get("duplicate_group") for path, document in bucket_shop.documents().items()}
    assert groups["a/model.safetensors"] == groups["b/model.safetensors"] is not None
    assert groups["c/model.safetensors"] != groups["a/model.safetensors"]
    bucket.remove("a/model.safetensors")
    bucket_shop.crawl()
    assert bucket_shop.statuses() == {
        "a/model.safetensors": "missing",
        "b/model.safetensors": "ok",
        "c/model.safetensors": "ok",
    }
