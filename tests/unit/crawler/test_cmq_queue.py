"""The consumer of CMQ against a stub of its HTTP interface on this machine, made from the documents: no Tencent Cloud was at hand.

The stub checks signatures by itself, hides what was received for a while and sends it again unless it is deleted.
"""

import base64
import hashlib
import hmac
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl

import pytest

from catalog.errors import SourceError, UserError
from catalog.records import SourceId
from catalog.records.sources import SourceDefinition, SourceRow
from catalog.settings import Settings
from catalog.store import open_store
from crawler.queue import take_batch
from crawler.queues.cmq import CmqQueue, signature
from crawler.queues.opening import open_queue
from crawler.settings import EventSettings

SECRET_KEY = "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE"
VISIBILITY_SECONDS = 30.0
COS = {
    "Records": [
        {
            "cos": {
                "cosBucket": {"appid": "1250000000", "name": "models", "region": "gz"},
                "cosObject": {"key": "/1250000000/models/a b/m.gguf", "size": 1},
                "cosNotificationId": "unkown",
                "cosSchemaVersion": "1.0",
            },
            "event": {"eventName": "cos:ObjectCreated:Put", "eventTime": 1501125963, "eventVersion": "1.0"},
        }
    ]
}


class StubQueue:
    """A queue named `events` whose messages are receipt -> [body, visible from]. Its time passes as a test says."""

    def __init__(self):
        self.now = 0.0
        self.messages = {}
        self.answer = None
        self.actions = []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.host = f"127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def send(self, value):
        body = value if isinstance(value, str) else json.dumps(value)
        self.messages[f"r{len(self.messages)}"] = [body, 0.0]

    def respond(self, given):
        signed = given.pop("Signature", "")
        text = "&".join(f"{name}={given[name]}" for name in sorted(given))
        source = f"POST{self.host}/v2/index.php?{text}"
        digest = hmac.new(SECRET_KEY.encode(), source.encode(), hashlib.sha256).digest()
        if signed != base64.b64encode(digest).decode() or given["SecretId"] != "AKIDEXAMPLE":
            return {"code": 4100, "message": "authentication failed"}
        if given["queueName"] != "events":
            return {"code": 4440, "message": "(10100)queue is not existed"}
        return {"BatchReceiveMessage": self.receive, "BatchDeleteMessage": self.delete}[given["Action"]](
            given
        )

    def receive(self, given):
        due = [receipt for receipt, (_, since) in self.messages.items() if since <= self.now]
        rows = []
        for receipt in due[: int(given["numOfMsg"])]:
            self.messages[receipt][1] = self.now + VISIBILITY_SECONDS
            rows.append({"msgBody": self.messages[receipt][0], "msgId": receipt, "receiptHandle": receipt})
        if not rows:
            return {"code": 7000, "message": "(10200)no message", "requestId": "1"}
        return {"code": 0, "message": "", "requestId": "1", "msgInfoList": rows}

    def delete(self, given):
        receipts = [value for name, value in given.items() if name.startswith("receiptHandle.")]
        for receipt in receipts:
            self.messages.pop(receipt, None)
        return {"code": 0, "message": "", "requestId": "1"}

    def _handler(self):
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                given = dict(parse_qsl(self.rfile.read(int(self.headers["content-length"])).decode()))
                stub.actions.append(given["Action"])
                status, body = stub.answer or (200, json.dumps(stub.respond(given)).encode())
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        return Handler


@pytest.fixture(scope="module")
def running():
    stub = StubQueue()
    yield stub
    stub.server.shutdown()
    stub.server.server_close()


@pytest.fixture
def stub(running):
    running.messages.clear()
    running.actions.clear()
    running.answer = None
    return running


@pytest.fixture
def settings(stub, monkeypatch):
    monkeypatch.setenv("CMQ_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("CMQ_KEY", SECRET_KEY)
    return {
        "queue_url": f"cmq+http://{stub.host}/events",
        "queue_secret_id": "env:CMQ_ID",
        "queue_secret_key": "env:CMQ_KEY",
    }


@pytest.fixture
def queue(settings):
    return CmqQueue(EventSettings(**settings), wait_seconds=0)


@pytest.fixture
def store(tmp_path):
    with open_store(Settings(home=tmp_path), write=True) as store:
        address = "s3://models-1250000000"
        store.sources.put(
            [SourceRow(id=SourceId(address), uri=address, address=address, definition=SourceDefinition())]
        )
        yield store


def waiting(store):
    return [key for keys in store.event_hints.due().values() for key in keys]


def test_events_of_cos_are_kept_and_deleted_only_then(store, queue, stub):
    stub.send(COS)
    assert take_batch(queue, store).kept == 1
    assert (waiting(store), stub.messages) == (["a b/m.gguf"], {})
    assert stub.actions == ["BatchReceiveMessage", "BatchDeleteMessage"]
    assert take_batch(queue, store).received == 0
    assert stub.actions[2:] == ["BatchReceiveMessage"]


def test_what_was_not_acknowledged_comes_again(queue, stub):
    stub.send(COS)
    (first,) = queue.receive()
    assert queue.receive() == []
    stub.now += VISIBILITY_SECONDS
    assert queue.receive() == [first]


def test_poison_holds_up_nobody(store, queue, stub):
    for body in ("not json", "[1", COS, {"event": "of somebody else"}):
        stub.send(body)
    report = take_batch(queue, store)
    assert (report.received, report.kept, report.refused) == (4, 1, 3)
    assert stub.messages == {}


def test_more_than_one_batch_is_had_in_several(store, queue, stub):
    for number in range(20):
        stub.send(json.dumps({"source": "s3://models-1250000000", "keys": [f"m{number}.gguf"]}))
    assert [take_batch(queue, store).received for _ in range(3)] == [16, 4, 0]
    assert len(waiting(store)) == 20


ANSWERS = {
    "a status": ((503, b""), "answers 503"),
    "a page": ((200, b"<html>"), "not JSON"),
    "half an answer": ((200, b'{"code": 0, "msgInfo'), "not JSON"),
    "an answer that does not end": ((200, b" " * (20 * 1024 * 1024 + 1)), "more than 20,971,520 bytes"),
    "no answer of CMQ": ((200, b'{"Response": {}}'), "no answer of CMQ"),
    "nesting": ((200, b"[" * 100_000), "not JSON"),
    "a message without a receipt": (
        (200, b'{"code": 0, "msgInfoList": [{"msgBody": "x"}]}'),
        "without a body",
    ),
    "messages that are none": ((200, b'{"code": 0, "msgInfoList": [3]}'), "without a body"),
}


@pytest.mark.parametrize(("answer", "words"), ANSWERS.values(), ids=ANSWERS)
def test_what_is_no_answer_is_one_sentence_and_costs_no_message(store, queue, stub, answer, words):
    stub.send(COS)
    stub.answer = answer
    with pytest.raises(SourceError, match=words):
        take_batch(queue, store)
    assert len(stub.messages) == 1
    assert waiting(store) == []


def test_a_message_that_is_kept_is_told(queue, stub):
    stub.send(COS)
    messages = queue.receive()
    stub.answer = (
        200,
        json.dumps({"code": 0, "errorList": [{"code": 4420, "receiptHandle": "r0"}]}).encode(),
    )
    with pytest.raises(SourceError, match="keeps 1 of 1"):
        queue.ack(messages)


REFUSED = {
    "another key": ({"queue_secret_key": "env:CMQ_ID"}, "code 4100"),
    "no such queue": ({"queue_url": "cmq+http://{host}/other"}, "code 4440"),
    "nobody there": ({"queue_url": "cmq+http://127.0.0.1:9/events"}, "127.0.0.1:9"),
}


@pytest.mark.parametrize(("change", "words"), REFUSED.values(), ids=REFUSED)
def test_a_queue_that_refuses_is_named_with_its_reason_and_without_the_secret(settings, stub, change, words):
    given = {**settings, **{name: value.format(host=stub.host) for name, value in change.items()}}
    with pytest.raises(SourceError, match=words) as raised:
        open_queue(EventSettings(**given)).receive()
    assert SECRET_KEY not in str(raised.value)


WRONG = {
    "no queue": ({"queue_url": "cmq+https://cmq-gz.public.tencenttdmq.com/"}, "no address of a queue"),
    "no host": ({"queue_url": "cmq+events"}, "no address of a queue"),
    "no key": ({"queue_secret_key": ""}, "SecretId and a SecretKey"),
    "a variable that is not there": ({"queue_secret_id": "env:CMQ_NOTHING"}, "no such variable"),
}


@pytest.mark.parametrize(("change", "words"), WRONG.values(), ids=WRONG)
def test_wrong_settings_are_one_sentence(settings, change, words):
    with pytest.raises(UserError, match=words):
        open_queue(EventSettings(**{**settings, **change}))


def test_a_signature_is_as_the_vendors_own_library_makes_it():
    """`Sign.make` of qcloud_cmq 0.1 with these values and sha256."""
    given = {"Action": "ReceiveMessage", "Nonce": 11886, "queueName": "test", "Timestamp": 1465185768}
    assert (
        signature(SECRET_KEY, "cmq-queue-gz.api.qcloud.com", given)
        == "8smxin9lkrQLr6bcnimW+NQBFU65vkO15q1hLjjQpYg="
    )
