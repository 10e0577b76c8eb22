"""An overwrite that keeps size and modification time is still seen."""

import os

from fixtures.crawling import safetensors


def test_other_bytes_of_equal_size_and_mtime_are_read_again(shop):
    path = shop.model("a.safetensors", metadata={"format": "pt"})
    shop.crawl()
    status = path.stat()
    path.write_bytes(safetensors(metadata={"format": "tf"}))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert path.stat().st_size == status.st_size
    report = shop.crawl()
    assert report.counts["changed"] == 1
    assert set(shop.source.reads) == {"a.safetensors"}
