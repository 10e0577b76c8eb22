"""Pages of listings as storages really write them, and answers that are no listing at all."""

from datetime import UTC, datetime

import pytest

from catalog.errors import Malformed
from crawler.buckets.pages import parse_page

AMAZON = """<?xml version="1.0" encoding="UTF-8"?>
<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name><Prefix></Prefix><KeyCount>1</KeyCount>
<EncodingType>url</EncodingType><IsTruncated>true</IsTruncated><NextContinuationToken>1ueGc+/=</NextContinuationToken>
<Contents><Key>a+b%2Bc/%C3%A9.bin</Key><LastModified>2026-01-02T03:04:05.678Z</LastModified><ETag>&quot;abc&quot;</ETag>
<Size>12</Size><StorageClass>STANDARD</StorageClass></Contents>
<CommonPrefixes><Prefix>d+e/</Prefix></CommonPrefixes></ListBucketResult>"""


def page(*contents, head="<IsTruncated>false</IsTruncated>"):
    rows = "".join(f"<Contents>{content}</Contents>" for content in contents)
    return parse_page(f"<ListBucketResult>{head}{rows}</ListBucketResult>".encode())


def test_a_page_of_amazon_is_read_with_its_keys_decoded():
    read = parse_page(AMAZON.encode())
    (row,) = read.contents
    assert (row.key, row.size_bytes, row.etag, row.storage_class) == (
        "a b+c/\N{LATIN SMALL LETTER E WITH ACUTE}.bin",
        12,
        '"abc"',
        "STANDARD",
    )
    assert row.last_modified == datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
    assert (list(read.prefixes), read.has_more, read.next) == (["d e/"], True, "1ueGc+/=")


KEYS = {
    "percent-that-is-no-code": ("a%20b+c%", "a%20b+c%"),
    "control-character-by-number": ("a&#x1;b&#7;c", "a\x01b\x07c"),
    "control-character-as-it-is": ("a\x02b", "a\x02b"),
    "line-feed": ("a&#10;b", "a\nb"),
    "xml": ("&lt;a&gt;&amp;&quot;", '<a>&"'),
    "leading-slash": ("/a//b/../c/", "/a//b/../c/"),
    "emoji": ("\N{ROBOT FACE}", "\N{ROBOT FACE}"),
}


@pytest.mark.parametrize(("written", "key"), KEYS.values(), ids=KEYS)
def test_keys_of_a_storage_that_encodes_none_are_taken_as_they_are(written, key):
    (row,) = page(f"<Key>{written}</Key><Size>1</Size>").contents
    assert row.key == key


TIMES = {
    "no-fraction": ("2026-01-02T03:04:05Z", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
    "offset": ("2026-01-02T03:04:05+00:00", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
    "nanoseconds": ("2026-01-02T03:04:05.678901234Z", datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)),
    "no-zone": ("2026-01-02T03:04:05.000", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
    "nonsense": ("yesterday", None),
    "empty": ("", None),
}


@pytest.mark.parametrize(("written", "moment"), TIMES.values(), ids=TIMES)
def test_a_time_in_another_form_costs_no_object(written, moment):
    (row,) = page(f"<Key>a</Key><Size>1</Size><LastModified>{written}</LastModified>").contents
    assert row.last_modified == moment


MORE = {
    "said": ("<IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>", True),
    "not-said-with-a-token": ("<NextContinuationToken>t</NextContinuationToken>", True),
    "not-said": ("", False),
    "an-empty-token": ("<IsTruncated>false</IsTruncated><NextContinuationToken/>", False),
    "truncated-without-a-token": ("<IsTruncated>true</IsTruncated>", True),
}


@pytest.mark.parametrize(("head", "has_more"), MORE.values(), ids=MORE)
def test_whether_there_is_more(head, has_more):
    assert page(head=head).has_more is has_more


NO_LISTING = {
    "nothing": b"",
    "half": AMAZON.encode()[:400],
    "a-page-of-a-proxy": b"<html><body>Hello</body></html>",
    "json": b'{"Contents": []}',
    "all-buckets": b"<ListAllMyBucketsResult><Buckets/></ListAllMyBucketsResult>",
    "an-error-under-200": b"<Error><Code>SlowDown</Code></Error>",
    "no-size": b"<ListBucketResult><Contents><Key>a</Key></Contents></ListBucketResult>",
    "no-key": b"<ListBucketResult><Contents><Size>1</Size></Contents></ListBucketResult>",
    "entities": b'<!DOCTYPE r [<!ENTITY a "b">]><ListBucketResult><Prefix>&a;</Prefix></ListBucketResult>',
    "not-utf-8": b"<ListBucketResult><Contents><Key>\xff</Key><Size>1</Size></Contents></ListBucketResult>",
}


@pytest.mark.parametrize("body", NO_LISTING.values(), ids=NO_LISTING)
def test_what_is_no_whole_listing_is_refused_and_never_an_empty_bucket(body):
    with pytest.raises(Malformed):
        parse_page(body)
