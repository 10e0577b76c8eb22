"""No link leads out of the root, round in circles, or to reading a file twice."""

import os

from fixtures.crawling import safetensors


def test_links_that_loop_leave_or_break_are_skipped_and_reported(shop, tmp_path):
    outside = tmp_path / "outside.safetensors"
    outside.write_bytes(b"secret")
    shop.model("real/model.safetensors")
    (shop.root / "loop").symlink_to(".")
    (shop.root / "slash").symlink_to("/")
    (shop.root / "out.safetensors").symlink_to(outside)
    (shop.root / "out-relative.safetensors").symlink_to("../outside.safetensors")
    (shop.root / "nowhere.safetensors").symlink_to("absent")
    (shop.root / "self.safetensors").symlink_to("self.safetensors")
    (shop.root / "real/up").symlink_to("../real")
    report = shop.crawl()
    assert list(shop.documents()) == ["real/model.safetensors"]
    assert {key for key, _ in report.skipped} == {
        "loop",
        "slash",
        "out.safetensors",
        "out-relative.safetensors",
        "nowhere.safetensors",
        "self.safetensors",
        "real/up",
    }
    assert set(shop.source.reads) == {"real/model.safetensors"}


def test_links_that_are_not_followed_are_counted_and_named_in_the_run(shop):
    """They were in `--json` alone: whoever read the plain output or the page missed a model and was told nothing."""
    shop.model("real/model.safetensors")
    for name in ("a.txt", "b.txt", "c.txt", "lost.safetensors"):
        (shop.root / name).symlink_to("absent")
    (shop.root / "out.bin").symlink_to("/etc/hostname")
    (shop.root / "alias").symlink_to("real")
    (shop.root / "whole").symlink_to(".")  # which was said to leave the root
    (shop.root / "self.pt").symlink_to("self.pt")
    shop.put("half.safetensors.part", b"x")
    report = shop.crawl()
    notes = {
        "4 left out (a link that leads nowhere): lost.safetensors, a.txt, b.txt and 1 more",
        "1 left out (a link that leaves the root): out.bin",
        "2 left out (a link to a directory): alias, whole",
        "1 left out (a link in a circle): self.pt",
        "1 left out (an unfinished or temporary file): half.safetensors.part",
    }
    assert set(report.notes) == notes
    assert report.counts["skipped"] == 9
    (run,) = shop.store.runs.latest()
    assert set(run.problems) == notes
    assert run.counts["skipped"] == 9
    assert run.state == "complete"


def test_a_link_of_git_annex_says_what_is_elsewhere(shop):
    """A repository whose content was not fetched held no models, and its files were links that lead nowhere."""
    key = f"SHA256E-s1234--{'c' * 64}.safetensors"
    link = shop.root / "net" / "model.safetensors"
    link.parent.mkdir()
    link.symlink_to(f"../.git/annex/objects/aa/bb/{key}/{key}")
    assert shop.crawl().skipped == ()
    document = shop.documents()["net/model.safetensors"]
    assert (document["status"], document["content_hash"], document["size_bytes"]) == (
        "pointer",
        "c" * 64,
        1234,
    )
    assert shop.crawl().counts["unchanged"] == 1
    fetched = shop.put(f".git/annex/objects/aa/bb/{key}/{key}", safetensors())
    shop.crawl()
    assert shop.documents()["net/model.safetensors"]["size_bytes"] == fetched.stat().st_size


def test_a_link_of_git_annex_in_place_of_a_config_is_no_config(shop):
    """The pointers were read as configs, metrics and sidecars, and the crawl ended with files that it could not read."""
    shop.model("net/model.safetensors")
    for name in ("metrics.json", "modeldex.yaml"):
        key = f"SHA256E-s99--{'d' * 64}.json"
        (shop.root / "net" / name).symlink_to(f"../.git/annex/objects/aa/bb/{key}/{key}")
    report = shop.crawl()
    assert report.counts["skipped"] == 2
    assert shop.documents()["net/model.safetensors"]["status"] == "ok"


def test_a_directory_that_becomes_a_link_after_the_listing_is_not_followed(shop, tmp_path):
    """Between listing and reading somebody swaps a directory for a link to outside."""
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "model.safetensors").write_bytes(b"canary")
    shop.model("a/model.safetensors")

    def swap(_key):
        shop.source.before_read = lambda key: None
        (shop.root / "a").rename(tmp_path / "was-a")
        (shop.root / "a").symlink_to(secret)

    shop.source.before_read = swap
    report = shop.crawl()
    assert shop.documents() == {}
    assert report.counts["failed"] == 1


def test_fifos_sockets_and_devices_are_never_opened(shop):
    os.mkfifo(shop.root / "pipe.safetensors")
    report = shop.crawl()
    assert report.skipped == (("pipe.safetensors", "not a regular file"),)


def test_a_root_that_is_itself_a_link_is_crawled(shop, tmp_path):
    from crawler.sources.local import LocalSource

    (tmp_path / "alias").symlink_to(shop.root)
    assert LocalSource(tmp_path / "alias").id == shop.source.id
