"""A bucket that lists as empty, or as much less, waits for a person."""

import re

import pytest
from fixtures.buckets import Refusal

from catalog.records import RunState


def hiding(*names):
    """Leaves these objects out of every page of a listing."""
    parts = [
        re.compile(rb"<Contents><Key>[^<]*%s</Key>.*?</Contents>" % name.encode(), re.DOTALL)
        for name in names
    ]

    def spoil_body(request, content):
        if request.kind != "list":
            return content
        for part in parts:
            content = part.sub(b"", re.sub(rb">\s+<", b"><", content))
        return content

    return spoil_body


@pytest.fixture
def halved(bucket_shop):
    """A catalog of two models, and a storage whose whole listing leaves one of them out."""
    bucket_shop.bucket.model("a.safetensors")
    bucket_shop.bucket.model("b.safetensors", values=7)
    bucket_shop.bucket.model("c.safetensors", values=8)
    bucket_shop.crawl()
    bucket_shop.bucket.storage.spoil_body = hiding("b.safetensors")
    return bucket_shop


def test_what_a_whole_listing_leaves_out_is_looked_at_before_it_is_missing(halved):
    """Keys that a storage put behind the cut of a page were missing, and gone after two such listings."""
    report = halved.crawl()
    assert set(halved.statuses().values()) == {"ok"}
    assert (report.counts["missing"], report.counts["not_listed"]) == (0, 1)
    assert halved.bucket.storage.count("head") == 1
    halved.bucket.remove("b.safetensors")
    report = halved.crawl()
    assert (report.counts["missing"], report.counts.get("not_listed")) == (1, None)


REFUSALS = {"refused": Refusal(403, "AccessDenied"), "broken": Refusal(500)}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_where_nobody_may_look_the_listing_counts(halved, refusal):
    """Who may list and read and not look at one object would keep what was deleted for ever."""
    halved.bucket.storage.fault = lambda request: refusal if request.kind == "head" else None
    assert halved.crawl().counts["missing"] == 1


def test_nothing_is_looked_at_for_a_listing_that_broke(halved, monkeypatch):
    """It proves nothing of what it did not show, and its storage has enough to do."""
    monkeypatch.setattr("crawler.sources.s3.S3Source.page_keys", 1)
    storage = halved.bucket.storage
    storage.fault = lambda request: (
        Refusal(503, "SlowDown") if request.kind == "list" and request.number > 1 else None
    )
    assert halved.crawl().run.state is RunState.PARTIAL
    assert (storage.count("head"), set(halved.statuses().values())) == (0, {"ok"})


def test_of_very_many_that_are_missing_the_first_are_looked_at(halved, monkeypatch):
    monkeypatch.setattr("crawler.sources.s3.MOST_LOOKED_FOR", 1)
    halved.bucket.storage.spoil_body = hiding("b.safetensors", "c.safetensors")
    report = halved.crawl()
    assert (report.counts["missing"], report.counts["not_listed"]) == (1, 1)


def test_a_bucket_that_is_empty_now_is_held_until_somebody_accepts_it(bucket_shop):
    bucket = bucket_shop.bucket
    bucket.model("a/model.safetensors")
    bucket.model("b/model.safetensors", values=7)
    bucket_shop.crawl()
    bucket.remove("a/model.safetensors", "b/model.safetensors")
    report = bucket_shop.crawl()
    assert (report.run.state, set(report.would_lose)) == (RunState.HELD, {"a/model", "b/model"})
    assert set(bucket_shop.statuses().values()) == {"ok"}
    assert bucket_shop.crawl(accept=True).run.state is RunState.COMPLETE
    assert set(bucket_shop.statuses().values()) == {"missing"}


def test_more_than_fifty_and_a_tenth_missing_is_held(bucket_shop):
    bucket = bucket_shop.bucket
    for number in range(60):
        bucket.model(f"m{number:02}.safetensors", values=number + 1)
    bucket_shop.crawl()
    bucket.remove(*(f"m{number:02}.safetensors" for number in range(51)))
    report = bucket_shop.crawl()
    assert (report.run.state, report.counts["would_lose"]) == (RunState.HELD, 51)
    bucket.model("m00.safetensors", values=1)
    assert bucket_shop.crawl().run.state is RunState.COMPLETE
    assert list(bucket_shop.statuses().values()).count("missing") == 50


def test_what_no_listing_takes_is_not_there_for_who_looks_at_it(bucket_shop):
    """Where a directory of another program had been crawled by an earlier version, its files would have stayed for ever."""
    key = "lab/.git/objects/pack/b.safetensors"
    bucket_shop.bucket.model(key)
    assert bucket_shop.bucket.source().still_there([key]) == set()


def test_what_nothing_more_may_be_asked_of_is_left_to_the_next_crawl(bucket_shop):
    """An object that a listing left out was missing where the budget was spent, or the credentials had run out, before a look."""
    bucket_shop.bucket.model("b.safetensors")
    source = bucket_shop.bucket.source()
    source.spending.refuse("they ran out")
    assert source.still_there(["b.safetensors"]) == {"b.safetensors"}
