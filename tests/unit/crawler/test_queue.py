"""The queue over a real server (moto's): acknowledged only after commit, and poison holds up nobody."""

import json

import pytest
from fixtures.buckets import KEYS, UnrulyStorage

from catalog.errors import SourceError
from catalog.records import SourceId
from catalog.records.sources import SourceDefinition, SourceRow
from catalog.settings import Settings
from catalog.store import open_store
from crawler.queue import take_batch
from crawler.queues.sqs import SqsQueue
from crawler.settings import EventSettings

RECORD = {"eventSource": "aws:s3", "s3": {"bucket": {"name": "models"}, "object": {"key": "a+b.gguf"}}}


@pytest.fixture
def store(tmp_path):
    with open_store(Settings(home=tmp_path), write=True) as store:
        address = "s3://models"
        store.sources.put(
            [SourceRow(id=SourceId(address), uri=address, address=address, definition=SourceDefinition())]
        )
        yield store


@pytest.fixture
def client(storage_url, monkeypatch):
    import boto3

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    return boto3.client("sqs", endpoint_url=storage_url, **KEYS)


@pytest.fixture
def queue(client, storage_url, request):
    url = client.create_queue(
        QueueName=f"q{abs(hash(request.node.name))}", Attributes={"VisibilityTimeout": "0"}
    )["QueueUrl"]
    settings = EventSettings(queue_url=url, queue_endpoint_url=storage_url, queue_region="us-east-1")
    queue = SqsQueue(settings, wait_seconds=0)
    queue.send = lambda body: client.send_message(QueueUrl=url, MessageBody=body)
    return queue


def waiting(store):
    return [key for keys in store.event_hints.due().values() for key in keys]


def test_messages_are_kept_once_and_do_not_come_again(store, queue):
    for body in ({"Records": [RECORD]}, {"Records": [RECORD]}, {"Event": "s3:TestEvent"}):
        queue.send(json.dumps(body))
    report = take_batch(queue, store)
    assert (report.received, report.kept, report.refused) == (3, 2, 0)
    assert waiting(store) == ["a b.gguf"]
    assert take_batch(queue, store).received == 0


def test_poison_is_told_and_holds_up_nobody(store, queue, caplog):
    queue.send("{ not an event")
    queue.send(json.dumps({"Records": [RECORD]}))
    report = take_batch(queue, store)
    assert (report.kept, report.refused) == (1, 1)
    assert "not an event" in caplog.text
    assert take_batch(queue, store).received == 0


def test_a_message_whose_hint_was_not_committed_comes_again(store, queue, tmp_path):
    queue.send(json.dumps({"Records": [RECORD]}))

    class BrokenDisk(Exception):
        pass

    def fail(_hints):
        raise BrokenDisk

    note, store.event_hints.note = store.event_hints.note, fail
    with pytest.raises(BrokenDisk):
        take_batch(queue, store)
    store.event_hints.note = note
    assert take_batch(queue, store).kept == 1


def test_a_queue_that_is_not_there_is_one_sentence(client, storage_url):
    settings = EventSettings(
        queue_url=f"{storage_url}/123456789012/nowhere",
        queue_endpoint_url=storage_url,
        queue_region="us-east-1",
    )
    with pytest.raises(SourceError, match="does not answer"):
        SqsQueue(settings, wait_seconds=0).receive()


NO_ANSWERS = {
    "a page": (b"<html>Sign in</html>", "text/html"),
    "a list": (b"[]", ""),
    "nothing": (b"null", ""),
    "a number of messages": (b'{"Messages": 5}', ""),
    "a message without a body": (b'{"Messages": [{}]}', ""),
    "no text": (b'{"Messages": [{"Body": "\xff"}]}', ""),
}


@pytest.mark.parametrize(("body", "kind"), NO_ANSWERS.values(), ids=NO_ANSWERS)
def test_an_answer_that_is_none_of_a_queue_is_one_sentence_and_no_empty_queue(queue, storage_url, body, kind):
    """It ended the thread that follows the queue, and nobody was told; a page was taken for an empty queue."""
    queue.send("{}")
    proxy = UnrulyStorage(storage_url)
    proxy.spoil_body = lambda _request, _content: body
    proxy.spoil_headers = lambda _request, name, value: (
        kind or value if name.lower() == "content-type" else value
    )
    settings = EventSettings(queue_url=queue._url, queue_endpoint_url=proxy.url, queue_region="us-east-1")
    through = SqsQueue(settings, wait_seconds=0)
    try:
        with pytest.raises(SourceError, match="does not answer: "):
            through.receive()
    finally:
        proxy.server.shutdown()
        proxy.server.server_close()
