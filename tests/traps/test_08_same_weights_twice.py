"""Copies, hard links and a cache of blobs: told apart, tied together, counted once."""

import os


def test_two_copies_are_one_duplicate_group_until_one_goes(shop):
    shop.model("a/model.safetensors", fill=2.5)
    shop.model("b/model.safetensors", fill=2.5)
    shop.model("c/model.safetensors", fill=2.6)
    shop.crawl()
    documents = shop.documents()
    a, b, c = (documents[f"{name}/model.safetensors"] for name in "abc")
    assert a["duplicate_group"] == b["duplicate_group"]
    assert "duplicate" in a["flags"]
    assert b["uri"] in a["locations"]
    assert "duplicate_group" not in c
    (shop.root / "b/model.safetensors").unlink()
    shop.crawl()
    left = shop.documents()["a/model.safetensors"]
    assert left["status"] == "ok"
    assert "duplicate_group" not in left


def test_weights_with_equal_headers_and_other_values_are_no_duplicates(shop):
    shop.model("a.safetensors", fill=1.0)
    shop.model("b.safetensors", fill=2.0)
    shop.crawl()
    assert not any("duplicate_group" in document for document in shop.documents().values())


def test_large_hard_links_are_duplicates_although_nobody_hashed_them(shop):
    path = shop.model("a/model.safetensors", values=300_000)
    (shop.root / "b").mkdir()
    os.link(path, shop.root / "b/model.safetensors")
    shop.crawl()
    documents = shop.documents()
    assert (
        documents["a/model.safetensors"]["duplicate_group"]
        == documents["b/model.safetensors"]["duplicate_group"]
    )


def test_each_inode_is_read_once(shop):
    path = shop.model("a/model.safetensors")
    (shop.root / "b").mkdir()
    os.link(path, shop.root / "b/model.safetensors")
    (shop.root / "c").mkdir()
    (shop.root / "c/model.safetensors").symlink_to("../a/model.safetensors")
    shop.crawl()
    assert len(shop.documents()) == 3
    assert len(shop.source.reads) == 1


def test_a_hub_cache_shows_the_snapshot_and_not_its_blob(shop):
    blob = shop.model("models--org--net/blobs/abc123")
    snapshot = shop.root / "models--org--net/snapshots/rev1"
    snapshot.mkdir(parents=True)
    (snapshot / "model.safetensors").symlink_to("../../blobs/abc123")
    shop.put("models--org--net/blobs/def456", {"architectures": ["BertModel"], "model_type": "bert"})
    (snapshot / "config.json").symlink_to("../../blobs/def456")
    shop.crawl()
    assert list(shop.documents()) == ["models--org--net/snapshots/rev1"]
    (snapshot / "model.safetensors").unlink()
    shop.crawl(accept=True)
    statuses = shop.statuses()
    assert statuses["models--org--net/blobs/abc123"] == "ok"
    assert blob.exists()
