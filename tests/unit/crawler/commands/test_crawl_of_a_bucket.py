"""`modeldex crawl s3://…` on the command line: what it keeps, and what it says of a bucket that cannot be crawled."""

import json
from functools import partial

import pytest
from fixtures.buckets import Refusal
from fixtures.crawling import safetensors
from fixtures.shell import run

from catalog.settings import Settings
from catalog.store import open_store


@pytest.fixture
def modeldex(tmp_path, monkeypatch):
    """The command, with credentials in the environment and nothing else of AWS's own settings."""
    for name in ("AWS_PROFILE", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("MODELDEX_S3_ATTEMPTS", "1")

    return partial(run, "--home", str(tmp_path / "home"))


def test_a_bucket_is_crawled_and_found_by_its_address(modeldex, bucket):
    bucket.model("net/model.safetensors")
    done = modeldex("crawl", bucket.address, "--endpoint-url", bucket.storage.url)
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith("1 model: 1 new")
    uri = f"s3://{bucket.name}/models/net/model.safetensors"
    (document,) = json.loads(modeldex("search", uri, "--json").stdout)
    assert (document["uri"], document["source"]) == (uri, bucket.address)


def test_what_was_given_is_kept_for_later_crawls(modeldex, bucket):
    bucket.model("a.safetensors")
    given = ["--endpoint-url", bucket.storage.url, "--option", "concurrency=3"]
    assert modeldex("crawl", bucket.address, *given, "--credential", "access_key=env:AWS_ACCESS_KEY_ID",
                    "--credential", "secret_key=env:AWS_SECRET_ACCESS_KEY").exit_code == 0  # fmt: skip
    again = modeldex("crawl", bucket.address, "--json")
    assert (again.exit_code, json.loads(again.stdout)["unchanged"]) == (0, 1)
    shown = json.loads(modeldex("sources", "show", bucket.address, "--json").stdout)
    assert shown["options"] == {"concurrency": 3, "endpoint_url": bucket.storage.url}
    assert shown["credentials"] == {
        "access_key": "env:AWS_ACCESS_KEY_ID",
        "secret_key": "env:AWS_SECRET_ACCESS_KEY",
    }


def test_a_bucket_of_the_same_name_elsewhere_does_not_take_its_place(modeldex, bucket, storage_url):
    bucket.model("a.safetensors")
    assert modeldex("crawl", bucket.address, "--endpoint-url", bucket.storage.url).exit_code == 0
    other = modeldex("crawl", bucket.address, "--endpoint-url", storage_url)
    assert (other.exit_code, other.stderr.count("\n")) == (2, 1)
    assert "is a source already, and its storage answers at" in other.stderr
    named = bucket.address.replace("s3://", "s3://other@")
    assert modeldex("crawl", named, "--endpoint-url", storage_url).exit_code == 0
    assert len(json.loads(modeldex("sources", "list", "--json").stdout)) == 2


WRONG = {
    "no-such-bucket": (Refusal(404, "NoSuchBucket"), 2, "there is no such bucket. Check its name"),
    "denied": (Refusal(403, "AccessDenied"), 2, "access denied. Its credentials need s3:ListBucket"),
    "expired": (Refusal(400, "ExpiredToken"), 1, "the credentials have expired. Sign in again"),
    "unknown-key": (
        Refusal(403, "InvalidAccessKeyId"),
        2,
        "does not know this access key. Check the credentials",
    ),
    "wrong-secret": (
        Refusal(403, "SignatureDoesNotMatch"),
        2,
        "the secret key does not belong to the access key",
    ),
    "region": (
        Refusal(400, "AuthorizationHeaderMalformed"),
        2,
        "in another region. Give it with --option region",
    ),
    "redirect": (Refusal(301, "PermanentRedirect"), 2, "only redirects. Check --endpoint-url"),
    "down": (Refusal(503, "SlowDown"), 1, "the storage asks to slow down"),
    "broken": (Refusal(500, "InternalError"), 1, "the storage answered 500 InternalError"),
    "clock": (Refusal(403, "RequestTimeTooSkewed"), 1, "the clock of this machine is wrong"),
    "a-page": (Refusal(200, body=b"<html><body>Hello"), 1, "does not speak S3. Check --endpoint-url"),
    "no-page": (Refusal(404, body=b"<html><body>Hello"), 2, "does not speak S3. Check --endpoint-url"),
}


@pytest.mark.parametrize(("refusal", "code", "sentence"), WRONG.values(), ids=WRONG)
def test_a_bucket_that_cannot_be_listed_is_one_sentence_and_leaves_nothing_behind(
    modeldex, bucket, tmp_path, refusal, code, sentence
):
    bucket.storage.fault = lambda _request: refusal
    done = modeldex("crawl", bucket.address, "--endpoint-url", bucket.storage.url)
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (code, "", 1), done.stderr
    assert sentence in done.stderr
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["s3://"], 2, "The address names no bucket. Write it as s3://BUCKET"),
        (["s3://a b/c"], 2, "cannot be the name of a bucket"),
        (
            ["s3://models", "--endpoint-url", "http://127.0.0.1:1"],
            1,
            "nothing answers there. Check --endpoint-url",
        ),
        (["s3://models", "--endpoint-url", "127.0.0.1:9000"], 2, "Write it as https://HOST:PORT"),
        (["s3://models", "--endpoint-url", "http://"], 2, "Check --endpoint-url"),
        (["s3://models", "--option", "profile=nobody"], 2, "Check --option profile"),
        (["s3://models", "--option", "endpoint=x"], 2, "Did you mean 'endpoint_url'?"),
        (["s3://models", "--option", "addressing_style=odd"], 2, "Known are: auto, path, virtual"),
        (["s3://models", "--credential", "secret_key=hunter2"], 2, "must not be written out"),
        (["s3://models", "--option", "secret_key=hunter2"], 2, "is a credential of s3:// sources"),
        (
            ["s3://models", "--credential", "access_key=env:AWS_ACCESS_KEY_ID"],
            2,
            "given together or not at all",
        ),
        (["s3://key:hunter2@models"], 2, "no name of a storage"),
    ],
)
def test_wrong_use_is_one_sentence_and_leaves_nothing_behind(modeldex, tmp_path, arguments, code, sentence):
    done = modeldex("crawl", *arguments)
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (code, "", 1), done.stderr
    assert sentence in done.stderr
    assert "hunter2" not in done.stderr
    assert not (tmp_path / "home").exists()


def test_a_prefix_with_nothing_below_it_is_told_and_a_whole_bucket_may_be_empty(modeldex, bucket, tmp_path):
    bucket.model("a.safetensors")
    for address in (f"{bucket.address}/a.safetensors", f"{bucket.address}-old"):
        done = modeldex("crawl", address, "--endpoint-url", bucket.storage.url)
        assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
        assert f"There is nothing below {address}. Check the prefix" in done.stderr
        assert not (tmp_path / "home").exists()
    bucket.remove("a.safetensors")
    done = modeldex("crawl", f"s3://{bucket.name}", "--endpoint-url", bucket.storage.url)
    assert (done.exit_code, done.stdout[:8]) == (0, "0 models")


def test_without_credentials_it_says_how_to_give_them(modeldex, bucket, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    done = modeldex("crawl", bucket.address, "--endpoint-url", bucket.storage.url)
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
    assert "AWS_ACCESS_KEY_ID" in done.stderr
    bucket.put("a.safetensors", safetensors(), ACL="public-read")
    anonymous = ["--endpoint-url", bucket.storage.url, "--option", "anonymous=true"]
    assert modeldex("crawl", bucket.address, *anonymous).exit_code == 0
    assert all(
        "authorization" not in map(str.lower, request.headers) for request in bucket.storage.requests[-2:]
    )


def test_a_crawl_stops_at_its_budget_and_the_next_one_goes_on(modeldex, bucket, tmp_path):
    for number in range(12):
        bucket.model(f"m{number:02}.safetensors", values=number + 1)
    given = [
        "--endpoint-url",
        bucket.storage.url,
        "--option",
        "requests_per_run=8",
        "--option",
        "concurrency=1",
    ]
    first = modeldex("crawl", bucket.address, *given, "--json")
    assert (first.exit_code, json.loads(first.stdout)["requests"]) == (1, 8)
    assert "budget of this crawl is used up: 8 requests" in first.stdout
    second = modeldex("crawl", bucket.address, "--json")
    assert (second.exit_code, json.loads(second.stdout)["models"]) == (0, 12)
    with open_store(Settings(home=tmp_path / "home"), write=False) as store:
        assert store.records.count() == 12
