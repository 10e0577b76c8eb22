"""What no reader can open is catalogued from its listing, costs no endless retry, and no body is downloaded."""

import os

import pytest

from crawler.settings import FileSettings

FIVE_TERABYTES = 5 * 10**12


@pytest.mark.parametrize("name", ["huge.safetensors", "huge.gguf", "huge.pt", "huge.onnx"])
def test_a_file_of_five_terabytes_costs_a_few_reads_and_no_more_than_once(shop, name):
    from crawler.registry import Registry

    shop.registry = Registry.installed()
    path = shop.put(name, b"")
    try:
        os.truncate(path, FIVE_TERABYTES)
    except OSError:
        pytest.skip("this file system holds no file of five terabytes")
    report = shop.crawl()
    assert report.counts["bytes_read"] <= shop.settings.section(FileSettings).bytes
    (document,) = shop.documents().values()
    assert (document["size_bytes"], document["status"]) == (FIVE_TERABYTES, "unreadable")
    shop.crawl()
    assert shop.source.reads == []


def test_an_empty_file_is_catalogued_as_empty_and_not_opened_again(shop):
    shop.put("none.safetensors", b"")
    shop.crawl()
    assert shop.statuses() == {"none.safetensors": "empty"}
    shop.crawl()
    assert shop.source.reads == []


def test_a_file_that_may_not_be_read_is_tried_once_per_crawl_and_holds_up_no_other(shop):
    shop.model("a.safetensors")
    shop.model("b.safetensors", values=8)
    shop.source.denied = {"a.safetensors"}
    for _ in range(3):
        report = shop.crawl()
        assert report.run.state == "partial"
        assert [key for key, _ in report.unread] == ["a.safetensors"]
    assert shop.statuses() == {"a.safetensors": "unreadable", "b.safetensors": "ok"}
    shop.source.denied = set()
    assert shop.crawl().run.state == "complete"
    assert shop.statuses() == {"a.safetensors": "ok", "b.safetensors": "ok"}
