"""An object that is replaced while it is read gives no half document; one that was overwritten is read again."""

import pytest
from fixtures.crawling import safetensors

from catalog.records import RunState


def when_first_read(storage, deed):
    """Does something between the listing and the answer to the first reading."""
    todo = [deed]

    def fault(request):
        if request.kind == "get" and todo:
            todo.pop()()

    storage.fault = fault


def test_an_object_replaced_after_it_was_listed_is_left_to_the_next_crawl(bucket_shop, bucket):
    bucket.model("a.safetensors", fill=1.0)
    when_first_read(bucket.storage, lambda: bucket.model("a.safetensors", fill=2.0))
    report = bucket_shop.crawl()
    assert report.run.state is RunState.PARTIAL
    assert report.unread == (("a.safetensors", "changed while it was being read"),)
    assert bucket_shop.documents() == {}
    assert bucket_shop.crawl().counts["new"] == 1


def test_an_object_removed_after_it_was_listed_costs_nothing_else(bucket_shop, bucket):
    bucket.model("a.safetensors")
    bucket.model("b.safetensors", values=9)
    bucket_shop.crawl()
    bucket.model("a.safetensors", fill=2.0)
    when_first_read(bucket.storage, lambda: bucket.remove("a.safetensors"))
    assert bucket_shop.crawl().run.state is RunState.PARTIAL
    assert bucket_shop.statuses() == {"a.safetensors": "ok", "b.safetensors": "ok"}
    bucket_shop.crawl()
    assert bucket_shop.statuses() == {"a.safetensors": "missing", "b.safetensors": "ok"}


@pytest.mark.parametrize("metadata", [{"format": "pt"}, {"format": "tf"}])
def test_other_bytes_of_equal_size_are_read_again_and_equal_ones_are_not(bucket_shop, bucket, metadata):
    bucket.put("a.safetensors", safetensors(metadata={"format": "pt"}))
    bucket_shop.crawl()
    bucket.put("a.safetensors", safetensors(metadata=metadata))
    report = bucket_shop.crawl()
    assert report.counts["changed"] == (metadata["format"] != "pt")
    assert bucket.storage.count("get") == (metadata["format"] != "pt")


def test_a_sidecar_that_changed_builds_its_model_anew_without_reading_the_weights(bucket_shop, bucket):
    bucket.model("m/model.safetensors")
    bucket.put("m/README.md", "---\nlicense: mit\n---\n# Net\n")
    bucket_shop.crawl()
    bucket.put("m/README.md", "---\nlicense: apache-2.0\n---\n# Net\n")
    assert bucket_shop.crawl().counts["changed"] == 1
    assert [request.key for request in bucket.storage.requests if request.kind == "get"] == [
        "models/m/README.md"
    ]
    (document,) = bucket_shop.documents().values()
    assert document["license"] == "apache-2.0"


def test_a_storage_that_does_not_heed_conditions_is_seen_through(bucket):
    """Some gateways answer an If-Match with the new object."""
    from catalog.errors import ObjectChanged

    bucket.model("a.safetensors", fill=1.0)
    source = bucket.source()
    (meta,) = [meta for step in source.list() for meta in step.objects]
    bucket.model("a.safetensors", fill=2.0)
    bucket.storage.drops = frozenset({"if-match"})
    with pytest.raises(ObjectChanged):
        source.read(meta, 0, 8)
