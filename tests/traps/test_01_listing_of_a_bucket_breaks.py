"""A listing of a bucket that breaks proves nothing about what it did not show, and costs no other directory."""

from urllib.parse import unquote

import pytest
from fixtures.buckets import RESET, Refusal

from catalog.errors import SourceError
from catalog.records import RunState
from crawler.buckets import listing

SLOW_DOWN = Refusal(503, "SlowDown", "Please reduce your request rate.")


@pytest.fixture
def small_pages(monkeypatch, bucket):
    """Pages of three keys, so that a bucket of forty has many, and each request tried once."""
    from crawler.sources.s3 import S3Source

    monkeypatch.setattr(S3Source, "page_keys", 3)
    monkeypatch.setattr(listing, "MOST_RANGES", 4)
    bucket.settings = bucket.settings.but(s3_attempts=1)


def fill(bucket, directories=10, files=4):
    for directory in range(directories):
        for number in range(files):
            bucket.model(f"d{directory}/m{number}.safetensors", values=10 * directory + number + 1)


def refusing(directory):
    """Refuses every page that shows an object of this directory, whatever asks for it."""

    def spoil(request, content):
        is_shown = request.kind == "list" and f"<Key>{directory}/" in unquote(content.decode())  # Ceph: %2F
        return SLOW_DOWN if is_shown else None

    return spoil


def test_a_bucket_is_listed_whole_in_whatever_parts(bucket_shop, small_pages):
    fill(bucket_shop.bucket)
    report = bucket_shop.crawl()
    assert (report.run.state, report.counts["models"], report.counts["objects"]) == (
        RunState.COMPLETE,
        40,
        40,
    )
    again = bucket_shop.crawl()
    assert (again.counts["unchanged"], again.counts["opened"], again.counts["bytes_received"]) == (40, 0, 0)


def test_a_listing_that_breaks_on_its_first_page_changes_nothing(bucket_shop, small_pages):
    fill(bucket_shop.bucket, 2, 2)
    bucket_shop.crawl()
    bucket_shop.bucket.storage.fault = lambda request: SLOW_DOWN if request.kind == "list" else None
    with pytest.raises(SourceError, match="slow down"):
        bucket_shop.crawl()
    assert bucket_shop.store.runs.latest(1)[0].state is RunState.FAILED
    assert set(bucket_shop.statuses().values()) == {"ok"}


@pytest.mark.parametrize(
    ("page", "fault"), [(2, SLOW_DOWN), (3, RESET), (5, Refusal(403, "AccessDenied")), (9, Refusal(500))]
)
def test_a_listing_that_breaks_on_some_page_marks_nothing_missing(bucket_shop, small_pages, page, fault):
    fill(bucket_shop.bucket, 5, 4)
    bucket_shop.crawl()
    bucket_shop.bucket.storage.fault = lambda request: (
        fault if request.kind == "list" and request.number >= page else None
    )
    report = bucket_shop.crawl()
    assert report.run.state is RunState.PARTIAL
    assert set(bucket_shop.statuses().values()) == {"ok"}
    assert len(bucket_shop.statuses()) == 20
    assert all("\n" not in problem for problem in report.problems)
    bucket_shop.bucket.storage.calm()
    assert bucket_shop.crawl().run.state is RunState.COMPLETE


def test_one_directory_that_cannot_be_listed_keeps_its_models_and_others_are_still_judged(
    bucket_shop, small_pages
):
    bucket = bucket_shop.bucket
    fill(bucket)
    bucket_shop.crawl()
    bucket.remove("d7/m1.safetensors", "d2/m3.safetensors", "d4/m0.safetensors")
    bucket.storage.spoil = refusing("models/d4")
    report = bucket_shop.crawl()
    assert report.run.state is RunState.PARTIAL
    statuses = bucket_shop.statuses()
    missing = {path for path, status in statuses.items() if status == "missing"}
    assert missing == {"d7/m1.safetensors", "d2/m3.safetensors"}
    assert len(statuses) == 40
    assert [problem.partition(":")[0] for problem in report.problems] == ["d4"]


def test_a_first_listing_that_breaks_brings_what_it_saw_and_the_next_one_reads_only_the_rest(
    bucket_shop, small_pages
):
    bucket = bucket_shop.bucket
    fill(bucket)
    bucket.storage.spoil = refusing("models/d4")
    first = bucket_shop.crawl()
    assert first.run.state is RunState.PARTIAL
    assert 30 <= first.counts["models"] < 40
    bucket.storage.calm()
    second = bucket_shop.crawl()
    assert (second.run.state, second.counts["models"]) == (RunState.COMPLETE, 40)
    assert second.counts["opened"] == 40 - first.counts["models"]


def test_a_storage_that_repeats_a_page_for_ever_ends_the_listing(bucket_shop, small_pages, monkeypatch):
    from crawler.sources.s3 import S3Source

    fill(bucket_shop.bucket, 3, 4)
    bucket_shop.crawl()
    page = S3Source.page

    def repeating(self, prefix, *, token=None, **options):
        return page(self, prefix, **options)

    monkeypatch.setattr(S3Source, "page", repeating)
    report = bucket_shop.crawl()
    assert report.run.state is RunState.PARTIAL
    assert "repeats its keys" in report.problems[0]
    assert set(bucket_shop.statuses().values()) == {"ok"}
