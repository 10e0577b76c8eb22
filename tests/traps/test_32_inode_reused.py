"""A file is deleted and a new one gets its inode: one is missing, one is new, and nothing moved."""

import os

import pytest
from fixtures.crawling import safetensors


def given_again(shop, path, other, data):
    """The other file has the inode, the size and the time of writing of the first, as chance gives them again."""
    before = path.stat()
    target = shop.root / other
    target.parent.mkdir(parents=True, exist_ok=True)
    path.rename(target)
    with target.open("r+b") as file:
        file.write(data)
        file.truncate()
    os.utime(target, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = target.stat()
    assert (after.st_ino, after.st_size, after.st_mtime_ns) == (
        before.st_ino,
        before.st_size,
        before.st_mtime_ns,
    )


@pytest.mark.parametrize("values", [4, 400_000], ids=["hashed while it is read", "known by its header alone"])
def test_a_new_file_with_the_inode_of_a_deleted_one_is_no_move(shop, values):
    path = shop.model("old/net.safetensors", values=values, name="weight.a")
    shop.model("kept/net.safetensors", values=7)
    shop.crawl()
    given_again(shop, path, "new/other.safetensors", safetensors(values=values, name="weight.b"))
    report = shop.crawl(accept=True)
    counts = {name: report.counts[name] for name in ("moved", "missing", "new")}
    assert counts == {"moved": 0, "missing": 1, "new": 1}
    assert shop.statuses() == {
        "kept/net.safetensors": "ok",
        "new/other.safetensors": "ok",
        "old/net.safetensors": "missing",
    }


def test_other_bytes_under_the_same_header_are_no_move_where_both_are_hashed(shop):
    path = shop.model("old/net.safetensors", values=4, fill=1.0)
    shop.crawl()
    given_again(shop, path, "new/net.safetensors", safetensors(values=4, fill=2.0))
    report = shop.crawl(accept=True)
    counts = {name: report.counts[name] for name in ("moved", "missing", "new")}
    assert counts == {"moved": 0, "missing": 1, "new": 1}


def test_a_large_file_that_was_renamed_is_a_move_by_what_its_header_says(shop):
    shop.model("old/net.safetensors", values=400_000).rename(shop.root / "net.safetensors")
    shop.crawl()
    (shop.root / "new").mkdir()
    (shop.root / "net.safetensors").rename(shop.root / "new" / "net.safetensors")
    report = shop.crawl(accept=True)
    counts = {name: report.counts[name] for name in ("moved", "missing", "new")}
    assert counts == {"moved": 1, "missing": 0, "new": 0}


def test_a_touched_inode_without_known_bytes_is_no_move(shop):
    """Equal inodes alone were taken for equal contents: good for links that are there together, no evidence over time."""
    path = shop.model("old/net.safetensors", values=400_000)
    shop.crawl()
    target = shop.root / "net.safetensors"
    path.rename(target)
    with target.open("r+b") as file:
        file.truncate(target.stat().st_size - 4_000)
    os.utime(target, (1, 1))
    report = shop.crawl(accept=True)
    assert (report.counts["moved"], report.counts["missing"], report.counts["new"]) == (0, 1, 1)


def test_counts_say_what_happened_to_a_collection_that_moved(shop):
    """One of sixteen was deleted while they moved, and a new file got its inode, size and time: the numbers said 16 moved."""
    for number in range(15):
        shop.model(f"old/m{number}/net.safetensors", values=number + 10)
    deleted = shop.model("old/lost/net.safetensors", values=4, name="weight.a")
    shop.crawl()
    given_again(shop, deleted, "new/fresh/net.safetensors", safetensors(values=4, name="weight.b"))
    for number in range(15):
        (shop.root / f"old/m{number}").rename(shop.root / f"new/m{number}")
    report = shop.crawl(accept=True)
    counts = {name: report.counts[name] for name in ("moved", "missing", "new", "changed", "unchanged")}
    assert counts == {"moved": 15, "missing": 1, "new": 1, "changed": 0, "unchanged": 0}
