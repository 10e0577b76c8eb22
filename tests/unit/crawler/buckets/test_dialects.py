"""Storages that speak S3 each in their own way: crawled to the end, nothing twice, and what is deleted alone is missing."""

import re
from contextlib import suppress
from datetime import timedelta
from urllib.parse import unquote

import pytest
from fixtures.buckets import Refusal

from catalog.errors import SourceError
from catalog.records import RunState
from catalog.settings import Settings
from crawler.buckets import listing, pager
from crawler.buckets.client import access_of, connect
from crawler.buckets.settings import S3Options
from crawler.buckets.spending import Spending

MODELS = 14


@pytest.fixture
def filled(monkeypatch, bucket_shop):
    """Pages of three keys in several ranges, each request tried twice without a pause."""
    from crawler.sources.s3 import S3Source

    monkeypatch.setattr(S3Source, "page_keys", 3)
    monkeypatch.setattr(listing, "MOST_RANGES", 4)
    monkeypatch.setattr(pager, "FIRST_PAUSE_SECONDS", 0)
    monkeypatch.setattr("crawler.crawl.CUT_KEYS", 5)
    for number in range(MODELS):
        bucket_shop.bucket.model(f"d{number % 4}/m{number:02}.safetensors", values=number + 1)
    return bucket_shop


def without(*names):
    """Parameters that the storage does not know."""
    pattern = re.compile(rf"(?<=[?&])(?:{'|'.join(names)})=[^&]*&?")
    return lambda path: pattern.sub("", path)


def only_first_version(storage):
    storage.reroute = without("list-type", "start-after", "continuation-token")


def refuses_second_version(storage):
    storage.fault = lambda request: (
        Refusal(501, "NotImplemented") if request.query.get("list-type") == "2" else None
    )


def ignores_start_after(storage):
    storage.reroute = without("start-after")


def ignores_start_after_and_marker(storage):
    storage.reroute = without("start-after", "marker")


def forgets_tokens(storage):
    storage.fault = lambda request: (
        Refusal(400, "InvalidArgument", "The continuation token provided is incorrect")
        if "continuation-token" in request.query
        else None
    )


def begins_with_empty_pages(storage):
    """As Ceph does where many deleted keys lie before the first that is there."""
    empty = b"<ListBucketResult><KeyCount>0</KeyCount><IsTruncated>true</IsTruncated><NextContinuationToken>%s</NextContinuationToken></ListBucketResult>"

    def spoil(request, content):
        if request.kind != "list" or "delimiter" in request.query:
            return content
        token = request.query.get("continuation-token")
        if token is None and "start-after" not in request.query:
            return empty % b"EMPTY-1"
        return empty % b"EMPTY-2" if token == "EMPTY-1" else content

    storage.spoil_body = spoil
    storage.reroute = without("continuation-token=EMPTY-[12]&?|NEVER")


def encodes_no_keys(storage):
    storage.reroute = without("encoding-type")


def spoiling_once(spoiled):
    """Each page is spoiled when it is first asked for."""
    asked = set()

    def spoil(request, content):
        question = tuple(sorted(request.query.items()))
        if request.kind != "list" or question in asked:
            return content
        asked.add(question)
        return spoiled(content)

    return spoil


def cuts_an_answer(storage):
    storage.spoil_body = spoiling_once(lambda content: content[: len(content) // 2])


def says_an_error_under_200(storage):
    storage.spoil_body = spoiling_once(lambda _content: b"<Error><Code>InternalError</Code></Error>")


def weakens_etags(storage):
    storage.spoil_headers = lambda _request, name, value: f"W/{value}" if name.lower() == "etag" else value


def quotes_no_etags(storage):
    storage.spoil_headers = lambda _request, name, value: (
        value.strip('"') if name.lower() == "etag" else value
    )
    storage.spoil_body = lambda request, content: (
        re.sub(rb"(?<=<ETag>)(?:&quot;|\")|(?:&quot;|\")(?=</ETag>)", b"", content)
        if request.kind == "list"
        else content
    )


def gives_no_etags_and_no_classes(storage):
    storage.spoil_body = lambda request, content: (
        re.sub(rb"<(ETag|StorageClass)>[^<]*</\1>", b"", content) if request.kind == "list" else content
    )


def says_what_it_was_asked_in_no_namespace(storage):
    storage.spoil_body = lambda request, content: re.sub(rb' xmlns="[^"]*"', b"", content)


DIALECTS = [
    only_first_version,
    refuses_second_version,
    ignores_start_after,
    ignores_start_after_and_marker,
    forgets_tokens,
    begins_with_empty_pages,
    encodes_no_keys,
    cuts_an_answer,
    says_an_error_under_200,
    weakens_etags,
    quotes_no_etags,
    gives_no_etags_and_no_classes,
    says_what_it_was_asked_in_no_namespace,
]


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.__name__)
def test_a_storage_with_a_dialect_of_its_own_is_crawled_to_the_end(filled, dialect):
    storage = filled.bucket.storage
    dialect(storage)
    report = filled.crawl()
    assert (report.run.state, report.problems, report.counts["models"]) == (RunState.COMPLETE, (), MODELS)
    again = filled.crawl()
    assert (again.run.state, again.counts["opened"]) == (RunState.COMPLETE, 0)
    filled.bucket.remove("d1/m05.safetensors", "d3/m11.safetensors")
    last = filled.crawl()
    assert (last.run.state, last.problems) == (RunState.COMPLETE, ())
    missing = {path for path, status in filled.statuses().items() if status == "missing"}
    assert missing == {"d1/m05.safetensors", "d3/m11.safetensors"}


def never_ends_a_token(storage):
    """The same page again and again, under another token each time."""
    storage.reroute = without("continuation-token", "start-after", "marker")


def sends_empty_pages_for_ever(storage):
    storage.spoil_body = lambda request, content: (
        b"<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>a</NextContinuationToken></ListBucketResult>"
        if request.kind == "list"
        else content
    )


def gives_no_way_to_go_on(storage):
    storage.spoil_body = lambda request, content: (
        b"<ListBucketResult><KeyCount>0</KeyCount><IsTruncated>true</IsTruncated></ListBucketResult>"
        if request.kind == "list"
        else content
    )


def ignores_prefixes(storage):
    storage.reroute = without("prefix")


def answers_with_its_buckets(storage):
    storage.spoil_body = lambda request, content: (
        b"<ListAllMyBucketsResult/>" if request.kind == "list" else content
    )


def answers_with_nothing(storage):
    storage.spoil_body = lambda request, content: b"" if request.kind == "list" else content


FAULTY = [
    never_ends_a_token,
    sends_empty_pages_for_ever,
    gives_no_way_to_go_on,
    ignores_prefixes,
    answers_with_its_buckets,
    answers_with_nothing,
]


@pytest.mark.parametrize("fault", FAULTY, ids=lambda fault: fault.__name__)
def test_a_listing_that_cannot_be_right_ends_and_loses_nothing(filled, monkeypatch, fault):
    monkeypatch.setattr(listing, "MOST_EMPTY_PAGES", 5)
    filled.crawl()
    filled.bucket.client.put_object(Bucket=filled.bucket.name, Key="beside/other.bin", Body=b"1")
    filled.bucket.remove("d1/m05.safetensors")
    fault(filled.bucket.storage)
    with suppress(SourceError):  # where the first page shows it
        assert filled.crawl().run.state is RunState.PARTIAL
    assert list(filled.statuses().values()) == ["ok"] * MODELS
    filled.bucket.storage.calm()
    assert filled.crawl().run.state is RunState.COMPLETE
    assert list(filled.statuses().values()).count("missing") == 1


def test_keys_of_which_no_xml_can_speak_are_listed_and_read(filled):
    """Without `encoding-type` a storage writes references that XML does not have."""
    bucket = filled.bucket
    bucket.model("control-@.safetensors", values=99)

    def spoil(request, content):
        return content.replace(b"control-@", b"control-&#x1;") if request.kind == "list" else content

    bucket.storage.reroute = without("encoding-type")
    bucket.storage.spoil_body = spoil
    keys = {meta.key for step in bucket.source().list() for meta in step.objects}
    assert "control-\x01.safetensors" in keys
    assert len(keys) == MODELS + 1


def test_a_range_other_than_the_one_asked_for_is_not_taken_for_it(bucket):
    bucket.put("a.bin", bytes(range(100)))
    source = bucket.source()
    (meta,) = [meta for step in source.list() for meta in step.objects]
    bucket.storage.spoil_headers = lambda _request, name, value: (
        value.replace("bytes 50-", "bytes 40-") if name.lower() == "content-range" else value
    )
    assert source.read(meta, 0, 3) == b"\x00\x01\x02"
    with pytest.raises(SourceError, match="another range"):
        source.read(meta, 50, 60)
    assert unquote(source.uri_of(meta.key)).endswith("/a.bin")


def test_other_etags_in_listings_than_in_answers_cost_no_model(filled, monkeypatch):
    """Objects that are encrypted, or were written in parts, on some storages. What was written just now is not trusted."""

    def lists_others(request, content):
        return (
            re.sub(rb"<ETag>[^<]*</ETag>", b"<ETag>other</ETag>", content)
            if request.kind == "list"
            else content
        )

    filled.bucket.storage.spoil_body = lists_others
    first = filled.crawl()
    assert (first.run.state, len(first.unread)) == (RunState.PARTIAL, MODELS)
    monkeypatch.setattr("crawler.sources.s3.SAME_SECOND", timedelta(days=-1))
    report = filled.crawl()
    assert (report.run.state, set(filled.statuses().values())) == (RunState.COMPLETE, {"ok"})
    assert filled.crawl().counts["opened"] == 0


ENDPOINTS = {
    "cos": ("https://cos.ap-guangzhou.myqcloud.com", "virtual", "ap-guangzhou"),
    "cos-with-its-bucket": ("https://models-1250.cos.ap-guangzhou.myqcloud.com", "virtual", "ap-guangzhou"),
    "oss": ("https://oss-cn-hangzhou.aliyuncs.com", "virtual", "cn-hangzhou"),
    "minio": ("http://127.0.0.1:9000", "auto", None),
    "none": ("", "auto", None),
}


@pytest.mark.parametrize(("endpoint", "style", "region"), ENDPOINTS.values(), ids=ENDPOINTS)
def test_what_an_endpoint_says_of_itself_need_not_be_said_again(tmp_path, endpoint, style, region):
    access = access_of(Settings(home=tmp_path), S3Options(endpoint_url=endpoint)).of_bucket("models-1250")
    assert (access.style, access.region_of_host) == (style, region)
    assert "models-1250" not in access.endpoint_url
    assert not endpoint or access.endpoint_url.startswith("http")


def test_a_bucket_of_cos_is_asked_for_in_the_name_of_the_host(tmp_path):
    access = access_of(
        Settings(home=tmp_path),
        S3Options(endpoint_url="https://cos.ap-guangzhou.myqcloud.com", access_key="k", secret_key="s"),
    )
    address = connect(access, Spending(access.limits)).generate_presigned_url(
        "get_object", Params={"Bucket": "models-1250", "Key": "a/b.bin"}
    )
    assert address.startswith("https://models-1250.cos.ap-guangzhou.myqcloud.com/a/b.bin?")


def test_a_style_that_a_person_chose_is_kept(tmp_path):
    chosen = S3Options(endpoint_url="https://cos.ap-guangzhou.myqcloud.com", addressing_style="path")
    assert access_of(Settings(home=tmp_path), chosen).style == "path"
