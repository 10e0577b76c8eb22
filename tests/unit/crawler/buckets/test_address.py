"""Addresses of buckets."""

import pytest

from catalog.errors import UserError
from crawler.buckets.address import parse_address


@pytest.mark.parametrize(
    ("address", "bucket", "prefix", "uri"),
    [
        ("s3://models", "models", "", "s3://models"),
        ("s3://models/", "models", "", "s3://models"),
        ("S3://models/a/b", "models", "a/b/", "s3://models/a/b"),
        ("s3://models/a/b///", "models", "a/b/", "s3://models/a/b"),
        ("s3://my.dotted-bucket_1/x", "my.dotted-bucket_1", "x/", "s3://my.dotted-bucket_1/x"),
        ("s3://models/with space/é", "models", "with space/é/", "s3://models/with%20space/%C3%A9"),
        ("s3://models/with%20space/%C3%A9", "models", "with space/é/", "s3://models/with%20space/%C3%A9"),
        ("s3://stage@models/a", "models", "a/", "s3://stage@models/a"),
        ("s3://models-1250000000/a", "models-1250000000", "a/", "s3://models-1250000000/a"),
    ],
)
def test_an_address_names_a_bucket_and_a_directory(address, bucket, prefix, uri):
    parsed = parse_address(address)
    assert (parsed.bucket, parsed.prefix, parsed.uri) == (bucket, prefix, uri)
    assert parse_address(parsed.uri) == parsed


@pytest.mark.parametrize(
    "address",
    [
        "s3://",
        "s3:///a",
        "s3://a",
        "s3://a b",
        "s3://-a-",
        "s3://u:p@models",
        "s3://models/%FF",
        "s3://m/" + "a" * 1030,
    ],
)
def test_what_is_no_address_is_refused_with_an_example(address):
    with pytest.raises(UserError) as refused:
        parse_address(address)
    assert "u:p" not in str(refused.value)
