"""Events that nobody sent are made good by the next crawl; what is no event holds up none that is one."""

import json

import pytest
from fixtures.buckets import KEYS

from catalog.errors import ExtractError
from catalog.store.event_hints import EventHints
from crawler.addresses import open_source
from crawler.crawl import crawl
from crawler.event_bodies import hints_of
from crawler.event_inbox import note_hints, take_waiting
from crawler.queue import take_batch
from crawler.queues.sqs import SqsQueue
from crawler.settings import EventSettings


@pytest.fixture
def queue(bucket, storage_url, bucket_store, monkeypatch):
    """A queue of a real server, and what sends to it. A message that is not acknowledged comes again at once."""
    import boto3

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    client = boto3.client("sqs", endpoint_url=storage_url, **KEYS)
    attributes = {"VisibilityTimeout": "0"}
    url = client.create_queue(QueueName=f"{bucket.name}-events", Attributes=attributes)["QueueUrl"]
    settings = EventSettings(queue_url=url, queue_endpoint_url=storage_url, queue_region="us-east-1")
    return SqsQueue(settings, wait_seconds=0), lambda body: client.send_message(
        QueueUrl=url, MessageBody=body
    )


def record(bucket, key):
    return {
        "eventSource": "aws:s3",
        "s3": {"bucket": {"name": bucket.name}, "object": {"key": f"models/{key}"}},
    }


def shown(store):
    models = [row.document for row in store.records.iterate()]
    return {model["path"]: model["status"] for model in models}


def test_what_no_event_told_is_found_by_the_next_crawl(bucket, bucket_store):
    bucket.model("new.safetensors", values=7)
    bucket.model("net.safetensors", values=9)
    (row,) = bucket_store.sources.all()
    crawl(bucket_store, open_source(row.address, bucket.settings, row.definition), bucket.settings)
    assert shown(bucket_store) == {"net.safetensors": "ok", "new.safetensors": "ok"}
    bucket.remove("new.safetensors")
    crawl(bucket_store, open_source(row.address, bucket.settings, row.definition), bucket.settings)
    assert shown(bucket_store)["new.safetensors"] == "missing"


def test_messages_of_every_kind_leave_the_queue_and_the_one_that_is_an_event_counts(
    bucket, bucket_store, queue, caplog
):
    followed, send = queue
    test_event = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": bucket.name}
    bucket.model("a b.safetensors", values=7)
    bridge = {"source": "aws.s3", "detail-type": "Object Created", "detail": {"bucket": {"name": bucket.name}, "object": {"key": "models/a b.safetensors"}}}  # fmt: skip
    for body in (
        "{ not JSON",
        json.dumps({"Records": [{"s3": {"bucket": {"name": 7}}}]}),
        json.dumps(test_event),
        json.dumps({"Type": "Notification", "Message": json.dumps(test_event)}),
        json.dumps({"Records": [record(bucket, "never+was.safetensors")]}),
        json.dumps(bridge),
    ):
        send(body)
    report = take_batch(followed, bucket_store)
    assert (report.received, report.kept, report.refused) == (6, 2, 2)
    assert take_batch(followed, bucket_store).received == 0
    take_waiting(bucket_store, bucket.settings)
    assert shown(bucket_store) == {"net.safetensors": "ok", "a b.safetensors": "ok"}
    assert bucket_store.event_hints.waiting() == {}
    assert caplog.text.count("message refused") == 2


def test_a_message_taken_by_a_process_that_dies_before_its_commit_comes_again(
    bucket, bucket_store, queue, monkeypatch
):
    followed, send = queue
    bucket.model("a.safetensors", values=7)
    send(json.dumps({"Records": [record(bucket, "a.safetensors")]}))

    class Killed(BaseException):
        pass

    def die(*_):
        raise Killed

    with monkeypatch.context() as dying:
        dying.setattr(EventHints, "note", die)
        with pytest.raises(Killed):
            take_batch(followed, bucket_store)
    assert take_batch(followed, bucket_store).kept == 1
    take_waiting(bucket_store, bucket.settings)
    assert shown(bucket_store)["a.safetensors"] == "ok"


@pytest.mark.parametrize(
    "text",
    ["[" * 100_000, '{"Records": ' + "[" * 50_000, "\x00", "9" * 100_000],
    ids=["deep", "deep inside", "control", "long number"],
)
def test_what_would_take_a_reader_down_is_refused(text):
    with pytest.raises(ExtractError):
        hints_of(text)


def test_a_batch_that_holds_an_event_of_another_bucket_takes_its_own(bucket, bucket_store):
    bucket.model("a.safetensors", values=7)
    other = {"eventSource": "aws:s3", "s3": {"bucket": {"name": "another"}, "object": {"key": "x"}}}
    body = json.dumps({"Records": [other, record(bucket, "a.safetensors")]})
    assert note_hints(bucket_store, hints_of(body)) == 1
    take_waiting(bucket_store, bucket.settings)
    assert shown(bucket_store)["a.safetensors"] == "ok"
