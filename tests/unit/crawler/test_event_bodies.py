"""Bodies as storages really send them, and what is no event."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import ExtractError
from crawler.event_bodies import Hint, hints_of

KEY = "b/m +é.gguf"
S3 = {
    "eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": "us-east-1", "eventTime": "2026-11-28T10:00:00.000Z",
    "eventName": "ObjectCreated:Put", "userIdentity": {"principalId": "AIDA"}, "requestParameters": {"sourceIPAddress": "127.0.0.1"},
    "responseElements": {"x-amz-request-id": "C3D1"},
    "s3": {
        "s3SchemaVersion": "1.0", "configurationId": "t",
        "bucket": {"name": "models", "ownerIdentity": {"principalId": "A3NL"}, "arn": "arn:aws:s3:::models"},
        "object": {"key": "b/m+%2B%C3%A9.gguf", "size": 1024, "eTag": "d41d8cd98f00b204e9800998ecf8427e", "sequencer": "0055AED6DCD90281E5"},
    },
}  # fmt: skip
REMOVED = {**S3, "eventName": "ObjectRemoved:DeleteMarkerCreated"}
MINIO = {**S3, "eventSource": "minio:s3", "s3": {**S3["s3"], "object": {"key": "b%2Fm+%2B%C3%A9.gguf"}}}
CEPH = {
    "eventVersion": "2.2", "eventSource": "ceph:s3", "awsRegion": "", "eventName": "ObjectCreated:Put",
    "s3": {"bucket": {"name": "models", "arn": "arn:aws:s3:::models", "id": "1"},
           "object": {"key": KEY, "size": 3, "versionId": "", "sequencer": "F7E6D75DC742D108", "metadata": [], "tags": []}},
    "eventId": "", "opaqueData": "me@example.com",
}  # fmt: skip
BRIDGE = {
    "version": "0", "id": "17793124-05d4-b198-2fde-7ededc63b103", "detail-type": "Object Created", "source": "aws.s3",
    "account": "111122223333", "time": "2026-11-12T00:00:00Z", "region": "ca-central-1", "resources": ["arn:aws:s3:::models"],
    "detail": {"version": "0", "bucket": {"name": "models"}, "object": {"key": KEY, "size": 5, "etag": "b1", "sequencer": "617f08"},
               "request-id": "N4", "requester": "123456789012", "reason": "PutObject"},
}  # fmt: skip
COS = {
    "cos": {
        "cosSchemaVersion": "1.0",
        "cosObject": {"url": "http://testpic-1253970026.cos.ap-chengdu.myqcloud.com/testfile", "meta": {"x-cos-request-id": "N"},
                      "vid": "", "key": "/1253970026/testpic/testfile", "size": 1029},
        "cosBucket": {"region": "cd", "name": "testpic", "appid": "1253970026"},
        "cosNotificationId": "unkown",
    },
    "event": {"eventName": "cos:ObjectRemove:Delete", "eventVersion": "1.0", "eventTime": 1501560410, "eventSource": "qcs::cos",
              "requestParameters": {"requestSourceIP": "1.1.1.1"}, "eventQueue": "qcs:0:lambda:cd:appid/1:default.p.$LATEST", "reservedInfo": ""},
}  # fmt: skip


def topic(message, kind="Notification"):
    return {"Type": kind, "MessageId": "1", "TopicArn": "arn:aws:sns:us-east-1:1:t", "Message": json.dumps(message), "SignatureVersion": "1"}  # fmt: skip


def cloud(data=None, **attributes):
    event = {
        "specversion": "1.0",
        "id": "1",
        "type": "x",
        "source": "x",
        "time": "2026-11-28T10:00:00Z",
        **attributes,
    }
    return event if data is None else {**event, "data": data}


HINT = Hint("models", KEY)
TESTPIC = Hint("testpic-1253970026", "testfile")
BODIES = {
    "S3 to a queue": ({"Records": [S3]}, [HINT]),
    "a deletion": ({"Records": [REMOVED]}, [HINT]),
    "twice in one": ({"Records": [S3, REMOVED]}, [HINT]),
    "through a topic": (topic({"Records": [S3]}), [HINT]),
    "through a topic to a function": ({"Records": [{"EventSource": "aws:sns", "Sns": {"Message": json.dumps({"Records": [S3]})}}]}, [HINT]),
    "through a queue to a function": ({"Records": [{"eventSource": "aws:sqs", "body": json.dumps(topic({"Records": [S3]}))}]}, [HINT]),
    "EventBridge": (BRIDGE, [HINT]),
    "EventBridge, deleted": ({**BRIDGE, "detail-type": "Object Deleted"}, [HINT]),
    "MinIO": ({"EventName": "s3:ObjectCreated:Put", "Key": "models/b/m", "Records": [MINIO]}, [HINT]),
    "Ceph RGW": ({"Records": [CEPH]}, [HINT]),
    "Tencent COS": ({"Records": [COS]}, [TESTPIC]),
    "Tencent COS as a CloudEvent": (cloud(COS, type="cos:created:object", source="cos.cloud.tencent"), [TESTPIC]),
    "a CloudEvent of S3": (cloud({"s3": S3["s3"]}, type="com.amazonaws.s3.ObjectCreated:Put", source="aws:s3.us-east-1.models"), [HINT]),
    "a CloudEvent of Ceph": (cloud({"s3": CEPH["s3"]}, source="ceph:s3.default.models", subject=KEY), [HINT]),
    "a CloudEvent without data": (cloud(source="aws:s3.us-east-1.models", subject=KEY), [HINT]),
    "a CloudEvent of Google's storage": (cloud({"bucket": "models", "name": KEY, "size": "1"}, type="google.cloud.storage.object.v1.finalized"), [HINT]),
    "CloudEvents in a batch": ([cloud({"s3": S3["s3"]}, source="aws:s3.x.models"), cloud({"s3": CEPH["s3"]}, source="ceph:s3.x.models")], [HINT]),
    "a script's own": ({"source": "lab", "keys": ["a/b.gguf"]}, [Hint("", "a/b.gguf", "lab")]),
    "S3's test event": ({"Service": "Amazon S3", "Event": "s3:TestEvent", "Time": "2026", "Bucket": "models", "RequestId": "5", "HostId": "8"}, []),
    "S3's test event through a topic": (topic({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "models"}), []),
    "a topic's greeting": ({**topic({}, "SubscriptionConfirmation"), "Message": "You have chosen", "SubscribeURL": "https://evil.example"}, []),
    "no records": ({"Records": []}, []),
}  # fmt: skip


@pytest.mark.parametrize(("body", "hints"), BODIES.values(), ids=BODIES)
def test_a_body_names_its_objects(body, hints):
    assert list(hints_of(json.dumps(body))) == hints
    assert list(hints_of(json.dumps(body).encode())) == hints


def test_where_it_is_unknown_how_a_key_is_written_both_readings_are_looked_at():
    record = {**COS, "cos": {**COS["cos"], "cosObject": {"key": "/1253970026/testpic/a%20b+c"}}}
    assert [hint.key for hint in hints_of(json.dumps({"Records": [record]}))] == ["a%20b+c", "a b+c"]


POISON = {
    "not JSON": b"\xff\xfe{", "a number": b"7", "text": b'"x"', "nothing": b"", "null": b"null", "an empty object": b"{}",
    "too deep": b'{"Records":' * 50_000, "a list of numbers": b"[1]", "a record that is none": b'{"Records":[7]}',
    "a record of something else": b'{"Records":[{"dynamodb":{}}]}', "no key": b'{"Records":[{"s3":{"bucket":{"name":"b"}}}]}',
    "a key that is a number": b'{"Records":[{"s3":{"bucket":{"name":"b"},"object":{"key":7}}}]}',
    "wrapped in itself": json.dumps(topic(topic(topic(topic(topic(topic({})))))) ).encode(),
    "a key that no bucket has": json.dumps({"source": "x", "keys": ["k" * 2000]}).encode(),
    "too many": json.dumps({"source": "x", "keys": list(map(str, range(20_000)))}).encode(),
    "a CloudEvent about something else": json.dumps(cloud(source="github.com/x")).encode(),
    "a message of an unknown kind": json.dumps(topic({}, "Other")).encode(),
}  # fmt: skip


@pytest.mark.parametrize("body", POISON.values(), ids=POISON)
def test_poison_is_refused_and_takes_nothing_with_it(body):
    with pytest.raises(ExtractError):
        hints_of(body)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["Records", "s3", "cos", "bucket", "object", "key", "name", "detail", "Message", "Type", "data", "specversion", "source",
             "keys", "cosBucket", "cosObject", "appid", "Sns", "body", "subject"]
        ),
        inner,
        max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip


@given(VALUES)
def test_whatever_comes_is_hints_or_a_refusal(value):
    try:
        hints = hints_of(json.dumps(value))
    except ExtractError:
        return
    assert all(isinstance(hint, Hint) for hint in hints)
