"""Objects that cannot be had are catalogued from their listing; no retry is endless, and no body is downloaded."""

import json
import struct

import pytest
from botocore.exceptions import ClientError
from fixtures.buckets import RANGE_IGNORED, RESET, SLOW, TRUNCATED, Refusal
from fixtures.crawling import safetensors

from catalog.records import RunState
from crawler.buckets.faults import fault_of

SSE_C_KEY = "0123456789abcdef0123456789abcdef"


def large(size_bytes: int) -> bytes:
    """A safetensors file with a header of the usual length and a long body."""
    header = {"w": {"dtype": "U8", "shape": [size_bytes], "data_offsets": [0, size_bytes]}}
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes(size_bytes)


def reads_of(storage, key):
    return [request for request in storage.requests if request.kind == "get" and request.key.endswith(key)]


def test_an_archived_object_is_catalogued_without_being_asked_for(bucket_shop):
    bucket = bucket_shop.bucket
    bucket.put("a.safetensors", safetensors(), StorageClass="GLACIER")
    bucket.put("b.safetensors", safetensors(values=9), StorageClass="DEEP_ARCHIVE")
    bucket.put("c.safetensors", safetensors(values=8), StorageClass="GLACIER_IR")
    bucket.put("README.md", "# About", StorageClass="GLACIER")
    report = bucket_shop.crawl()
    assert report.run.state is RunState.COMPLETE
    assert bucket_shop.statuses() == {
        "a.safetensors": "archived",
        "b.safetensors": "archived",
        "c.safetensors": "ok",
    }
    assert {request.key for request in bucket.storage.requests if request.kind == "get"} == {
        "models/c.safetensors"
    }
    bucket_shop.crawl()
    assert bucket.storage.count("get") == 0
    bucket.put("a.safetensors", safetensors())
    assert bucket_shop.crawl().counts["changed"] == 1
    assert bucket_shop.statuses()["a.safetensors"] == "ok"


def test_what_was_read_before_an_object_was_archived_stays(bucket_shop, bucket):
    bucket.put("a.safetensors", large(1_500_000))
    bucket_shop.crawl()
    before = bucket_shop.documents()["a.safetensors"]
    bucket.storage.spoil_body = lambda request, content: (
        content.replace(b"STANDARD", b"GLACIER") if request.kind == "list" else content
    )
    report = bucket_shop.crawl()
    assert (report.run.state, bucket.storage.count("get")) == (RunState.COMPLETE, 0)
    after = bucket_shop.documents()["a.safetensors"]
    assert (after["parameters"], after["status"]) == (before["parameters"], "ok")


def test_a_tier_that_only_the_reading_shows_is_told_with_what_to_do(bucket_shop, bucket):
    bucket.model("a.safetensors")
    bucket.storage.fault = lambda request: (
        Refusal(403, "InvalidObjectState") if request.kind == "get" else None
    )
    report = bucket_shop.crawl()
    assert report.unread == (
        ("a.safetensors", "cannot be read: it is archived. Restore it first: aws s3api restore-object"),
    )
    assert bucket.storage.count("get") == 1


@pytest.mark.parametrize(
    ("length", "reason"), [("0", "access denied"), ("12", "what answers there does not speak S3")]
)
def test_a_refusal_without_a_body_is_no_page_of_something_else(length, reason):
    """Some storages say 403 with nothing but the type of a page that they do not send."""
    headers = {"content-type": "text/html; charset=utf-8", "content-length": length}
    answer = {
        "Error": {"Code": "403", "Message": "Forbidden"},
        "ResponseMetadata": {"HTTPStatusCode": 403, "HTTPHeaders": headers},
    }
    assert fault_of(ClientError(answer, "GetObject")).reason == reason


def test_an_object_that_may_not_be_read_is_asked_for_once_and_costs_no_other(bucket_shop, bucket):
    bucket.model("a.safetensors")
    bucket.model("b.safetensors", values=8)
    bucket.storage.fault = lambda request: (
        Refusal(403, "AccessDenied") if request.key == "models/a.safetensors" else None
    )
    for _ in range(2):
        report = bucket_shop.crawl()
        assert (report.run.state, [key for key, _ in report.unread]) == (RunState.PARTIAL, ["a.safetensors"])
        assert len(reads_of(bucket.storage, "a.safetensors")) == 1
    assert bucket_shop.statuses() == {"a.safetensors": "unreadable", "b.safetensors": "ok"}
    bucket.storage.calm()
    assert bucket_shop.crawl().run.state is RunState.COMPLETE


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("ExpiredToken", "have expired"),
        ("RequestTimeTooSkewed", "clock"),
        ("InvalidAccessKeyId", "access key"),
    ],
)
def test_credentials_that_end_in_the_middle_end_the_crawl_and_cost_no_model(bucket_shop, bucket, code, words):
    """A million requests that are all refused would say no more than the first."""
    bucket.options["concurrency"] = 2
    for number in range(20):
        bucket.model(f"m{number:02}.safetensors", values=number + 1)
    bucket_shop.crawl()
    bucket.storage.fault = lambda request: (
        Refusal(400, code) if request.kind == "get" and request.number > 4 else None
    )
    report = bucket_shop.crawl(reread=True)
    assert report.run.state is RunState.PARTIAL
    assert any(words in reason for _, reason in report.unread)
    assert bucket.storage.count("get") <= 4 + 2
    assert list(bucket_shop.statuses().values()) == ["ok"] * 20
    bucket.storage.calm()
    assert bucket_shop.crawl().run.state is RunState.COMPLETE


def test_a_key_that_is_refused_is_never_taken_for_absent(bucket):
    bucket.model("a.safetensors")
    bucket.storage.fault = lambda _request: Refusal(403)
    from catalog.errors import AccessDenied
    from catalog.records import ObjectKey

    with pytest.raises(AccessDenied):
        bucket.source().head(ObjectKey("a.safetensors"))


def test_an_empty_object_is_catalogued_as_empty_and_not_asked_for(bucket_shop, bucket):
    bucket.put("none.safetensors", b"")
    bucket.put("folder/", b"")
    report = bucket_shop.crawl()
    assert (bucket_shop.statuses(), report.counts["objects"]) == ({"none.safetensors": "empty"}, 1)
    assert bucket.storage.count("get") == 0


def test_a_storage_that_ignores_ranges_sends_no_body_to_its_end(bucket_shop, bucket):
    bucket.put("big.safetensors", large(30_000_000))
    bucket.storage.fault = lambda request: RANGE_IGNORED if request.kind == "get" else None
    report = bucket_shop.crawl()
    assert (report.run.state, bucket_shop.statuses()) == (RunState.COMPLETE, {"big.safetensors": "ok"})
    assert report.counts["bytes_received"] <= 128 * 1024
    assert bucket.storage.sent_bytes < 20_000_000


def test_what_lies_deep_in_an_object_is_not_had_from_a_storage_that_ignores_ranges(bucket):
    from catalog.errors import ObjectUnreadable

    bucket.put("big.bin", bytes(12_000_000))
    source = bucket.source()
    (meta,) = [meta for step in source.list() for meta in step.objects]
    bucket.storage.fault = lambda request: RANGE_IGNORED if request.kind == "get" else None
    assert source.read(meta, 5, 10) == bytes(5)
    with pytest.raises(ObjectUnreadable, match="ignores ranges"):
        source.read(meta, 11_000_000, 11_000_010)
    assert source.spent["bytes_received"] < 100


@pytest.mark.parametrize("fault", [TRUNCATED, RESET, SLOW, Refusal(503, "SlowDown"), Refusal(500)])
def test_an_answer_that_breaks_off_is_asked_for_again(bucket_shop, bucket, fault):
    bucket.model("a.safetensors", values=2000)
    bucket.storage.fault = lambda request: fault if request.kind == "get" and request.number == 1 else None
    report = bucket_shop.crawl()
    assert (report.run.state, bucket_shop.statuses()) == (RunState.COMPLETE, {"a.safetensors": "ok"})


@pytest.mark.parametrize("fault", [TRUNCATED, RESET, Refusal(503, "SlowDown")])
def test_a_storage_that_never_answers_whole_is_left_alone_until_the_next_crawl(bucket_shop, bucket, fault):
    bucket.model("a.safetensors", values=2000)
    bucket.storage.fault = lambda request: fault if request.kind == "get" else None
    report = bucket_shop.crawl()
    assert (report.run.state, bucket_shop.statuses()) == (RunState.PARTIAL, {"a.safetensors": "unreadable"})
    assert bucket.storage.count("get") <= 4
    bucket.storage.calm()
    assert bucket_shop.crawl().run.state is RunState.COMPLETE
    assert bucket_shop.statuses() == {"a.safetensors": "ok"}


def test_objects_with_and_without_a_key_of_their_owner_are_read_with_it(bucket_shop, bucket):
    key = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": SSE_C_KEY}
    bucket.put("closed.safetensors", safetensors(), **key)
    bucket.model("open.safetensors", values=9)

    def fault(request):
        """As Amazon answers; moto reads such objects for everybody."""
        has_key = "x-amz-server-side-encryption-customer-key" in {name.lower() for name in request.headers}
        if request.kind == "get" and has_key != request.key.endswith("closed.safetensors"):
            return Refusal(
                400, "InvalidRequest", "The object was stored using a form of Server Side Encryption."
            )
        return None

    bucket.storage.fault = fault
    report = bucket_shop.crawl()
    assert [row[0] for row in report.unread] == ["closed.safetensors"]
    assert "--credential sse_c_key" in report.unread[0][1]
    bucket.options["sse_c_key"] = SSE_C_KEY
    assert bucket_shop.crawl(reread=True).run.state is RunState.COMPLETE
    assert set(bucket_shop.statuses().values()) == {"ok"}


def test_archived_pictures_take_no_ones_turn_and_are_told_by_every_run(bucket_shop, monkeypatch):
    """What a run may look at of files whose names promise nothing is bounded; those that cannot be read do not count."""
    monkeypatch.setattr("crawler.reading.LOOKED_AT_IN_STORAGE", 1)
    bucket_shop.bucket.put("0.jpg", b"\xff\xd8", StorageClass="GLACIER")
    bucket_shop.bucket.put("1.jpg", b"\xff\xd8")
    bucket_shop.bucket.put("2.jpg", b"\xff\xd8")
    runs = [bucket_shop.crawl() for _ in range(3)]
    assert [run.counts["opened"] for run in runs] == [1, 1, 0]
    assert [run.counts["skipped"] for run in runs] == [2, 1, 1]
