"""After the first object boto3 is asked only where something else than bytes is answered."""

import re

import pytest
from fixtures.buckets import RANGE_IGNORED, RESET, TRUNCATED, Refusal

from catalog.errors import AccessDenied, ObjectChanged, ObjectUnreadable

BYTES = bytes(range(256)) * 16
INVOCATION = "amz-sdk-invocation-id"
"""A header that boto3 alone sends."""


def sent_by_boto3(bucket):
    """For each read of an object, whether boto3 asked."""
    headers = [request.headers for request in bucket.storage.requests if request.kind == "get"]
    return [INVOCATION in {name.lower() for name in each} for each in headers]


@pytest.fixture
def begun(bucket):
    """A source that has read an object, and another object to read."""
    bucket.put("a first.bin", b"first")
    bucket.put("b é+%.bin", BYTES)
    source = bucket.source()
    first, second = sorted(
        (meta for step in source.list() for meta in step.objects), key=lambda meta: meta.key
    )
    assert source.read(first, 0, 5) == b"first"
    bucket.storage.requests.clear()
    return source, second


def test_the_second_object_is_read_without_boto3_and_signed_like_the_first(bucket, begun):
    source, meta = begun
    assert source.read(meta, 100, 300) == BYTES[100:300]
    (request,) = bucket.storage.requests
    assert sent_by_boto3(bucket) == [False]
    assert "modeldex" in request.headers["User-Agent"]
    assert re.match(
        r"AWS4-HMAC-SHA256 Credential=key/\d{8}/us-east-1/s3/aws4_request, SignedHeaders=host;if-match;range;",
        request.headers["Authorization"],
    )


@pytest.mark.parametrize(
    "fault",
    [
        Refusal(503, "SlowDown"),
        Refusal(400, "AuthorizationHeaderMalformed"),
        Refusal(502, body=b"<html>"),
        RESET,
    ],
    ids=["503", "another region", "a page of a proxy", "reset"],
)
def test_what_is_no_answer_is_asked_for_again_by_boto3(bucket, begun, fault):
    source, meta = begun
    bucket.storage.fault = lambda request: fault if request.number == 1 else None
    assert source.read(meta, 0, 300) == BYTES[:300]
    assert sent_by_boto3(bucket) == [False, True]


def test_half_an_answer_is_asked_for_again(bucket, begun):
    source, meta = begun
    bucket.storage.fault = lambda request: TRUNCATED if request.number == 1 else None
    assert source.read(meta, 0, 300) == BYTES[:300]


def test_a_storage_that_ignores_ranges_gives_the_same_bytes(bucket, begun):
    source, meta = begun
    bucket.storage.fault = lambda _request: RANGE_IGNORED
    assert source.read(meta, 100, 300) == BYTES[100:300]


def test_an_object_that_changed_is_asked_for_once(bucket, begun):
    source, meta = begun
    bucket.put("b é+%.bin", BYTES[::-1])
    with pytest.raises(ObjectChanged):
        source.read(meta, 0, 300)
    assert sent_by_boto3(bucket) == [False]


def test_an_object_that_is_refused_is_refused_in_the_words_of_boto3s_answer(bucket, begun):
    source, meta = begun
    bucket.storage.fault = lambda request: (
        Refusal(403, "AccessDenied") if request.kind in {"get", "head"} else None
    )
    with pytest.raises(AccessDenied, match="s3:GetObject"):
        source.read(meta, 0, 300)
    assert sent_by_boto3(bucket) == [False]


def test_a_refusal_in_words_without_end_is_not_read_to_their_end(bucket, begun):
    source, meta = begun
    bucket.storage.fault = lambda _request: Refusal(502, body=b"<Error>" + b" " * 70_000 + b"</Error>")
    with pytest.raises(ObjectUnreadable, match="502"):
        source.read(meta, 0, 300)
    assert sent_by_boto3(bucket) == [False]


def test_a_storage_that_takes_requests_of_boto3_alone_is_soon_asked_by_nothing_else(bucket, begun):
    source, meta = begun
    bucket.storage.fault = lambda request: (
        None
        if INVOCATION in {name.lower() for name in request.headers}
        else Refusal(403, "SignatureDoesNotMatch")
    )
    for _ in range(6):
        assert source.read(meta, 0, 300) == BYTES[:300]
    assert sent_by_boto3(bucket) == [False, True] * 3 + [True] * 3


def test_every_request_is_counted(bucket, begun):
    source, meta = begun
    before = source.spent["requests"]
    bucket.storage.fault = lambda request: Refusal(503, "SlowDown") if request.number == 1 else None
    source.read(meta, 0, 300)
    assert source.spent["requests"] - before == len(bucket.storage.requests) == 2


def test_a_public_bucket_is_read_without_a_signature(bucket):
    for key in ("a.bin", "b.bin"):
        bucket.put(key, BYTES, ACL="public-read")
    source = bucket.source(anonymous=True, access_key="", secret_key="")
    for meta in [meta for step in source.list() for meta in step.objects]:
        source.read(meta, 0, 5)
    reads = [request for request in bucket.storage.requests if request.kind == "get"]
    assert len(reads) == 2
    assert not any("Authorization" in request.headers for request in reads)
    assert sent_by_boto3(bucket) == [True, False]
