"""Another storage that answers under the name of the one that was crawled is told, and no model goes missing for it."""

import pytest
from fixtures.buckets import UnrulyStorage

from catalog.records import RunState
from crawler.stages.same_storage import AnotherStorage


@pytest.fixture
def elsewhere(bucket, storage_url):
    """A second address, at which another bucket answers under the same name until `holds_the_same` says otherwise."""
    proxy = UnrulyStorage(storage_url)
    proxy.reroute = lambda path: path.replace("models", "others")
    yield proxy
    proxy.server.shutdown()
    proxy.server.server_close()


def fill(bucket):
    for number in range(3):
        bucket.model(f"m{number}.safetensors", values=number + 1)
    bucket.client.put_object(Bucket=bucket.name, Key="others/x.safetensors", Body=b"1")


def test_a_changed_endpoint_with_other_objects_behind_it_changes_nothing_until_it_is_accepted(
    bucket_shop, bucket, elsewhere
):
    fill(bucket)
    bucket_shop.crawl()
    bucket.options["endpoint_url"] = elsewhere.url
    with pytest.raises(AnotherStorage, match="s3://STORAGE@BUCKET"):
        bucket_shop.crawl()
    (run, _) = bucket_shop.store.runs.latest(2)
    assert run.state is RunState.FAILED
    assert "holds nothing of it" in run.problems[0]
    assert set(bucket_shop.statuses().values()) == {"ok"}
    del bucket.options["endpoint_url"]
    assert bucket_shop.crawl().counts["unchanged"] == 3


def test_the_same_objects_at_another_address_are_the_same_storage(bucket_shop, bucket, elsewhere):
    fill(bucket)
    bucket_shop.crawl()
    elsewhere.reroute = lambda path: path
    bucket.options["endpoint_url"] = elsewhere.url
    report = bucket_shop.crawl()
    assert (report.run.state, report.counts["unchanged"]) == (RunState.COMPLETE, 3)
    assert bucket_shop.store.sources.endpoint(report.run.source) == elsewhere.url


def test_another_storage_may_be_accepted(bucket_shop, bucket, elsewhere):
    fill(bucket)
    bucket_shop.crawl()
    elsewhere.reroute = lambda path: path.replace("models", "others")
    bucket.options["endpoint_url"] = elsewhere.url
    assert bucket_shop.crawl(accept=True).run.state is not RunState.FAILED
    assert bucket_shop.crawl().run.state is not RunState.FAILED
