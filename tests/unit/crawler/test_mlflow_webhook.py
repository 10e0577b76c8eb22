"""What MLflow's registry sends: whether it did, and which entries it is about."""

import json

import pytest

from catalog.errors import ExtractError
from crawler.mlflow_server.webhook import hints_of, is_signed

SECRET, NOW = "a-secret-that-nobody-guesses", 1_795_963_740
BODY = b'{"entity": "model_version", "action": "created", "data": {"name": "churn", "version": "2"}}'
HEADERS = {
    "X-MLflow-Delivery-Id": "6f1d6d3e-8e7c-4f5b-a7c1-2f8a1f6f7f10",
    "X-MLflow-Timestamp": str(NOW),
    # Made by mlflow 3.17.2, `_generate_hmac_signature` of mlflow/webhooks/delivery.py.
    "X-MLflow-Signature": "v1,RBR2odJRN4eiqZeohvVnNCEzHuB3n7UjlHFHLtcRfZQ=",
}
RUN, MODEL = "96dbd1f56a3446f3ac0f7f0221d81abb", "m-791fab044ffe4511a47f640b67ba89e4"


def test_a_delivery_as_mlflow_signs_it_is_taken():
    assert is_signed(BODY, HEADERS, SECRET, now=NOW + 20)


@pytest.mark.parametrize(
    ("changed", "body", "secret", "now"),
    [
        ({}, BODY + b" ", SECRET, NOW),
        ({}, BODY, "another", NOW),
        ({}, BODY, "", NOW),
        ({}, BODY, SECRET, NOW + 301),
        ({}, BODY, SECRET, NOW - 301),
        ({"X-MLflow-Timestamp": str(NOW + 1)}, BODY, SECRET, NOW),
        ({"X-MLflow-Timestamp": "soon"}, BODY, SECRET, NOW),
        ({"X-MLflow-Delivery-Id": "another"}, BODY, SECRET, NOW),
        ({"X-MLflow-Signature": ""}, BODY, SECRET, NOW),
        ({"X-MLflow-Signature": "v1,\N{ROBOT FACE}"}, BODY, SECRET, NOW),
    ],
    ids=[
        "body",
        "secret",
        "no secret",
        "old",
        "future",
        "time",
        "no time",
        "delivery",
        "unsigned",
        "not ascii",
    ],
)
def test_what_is_not_signed_just_so_and_just_now_is_not(changed, body, secret, now):
    assert not is_signed(body, {**HEADERS, **changed}, secret, now=now)


@pytest.mark.parametrize(
    ("entity", "data", "keys"),
    [
        ("registered_model", {"name": "churn"}, ["registered/churn/model.json"]),
        (
            "model_version",
            {"name": "a/b", "version": "2", "source": f"models:/{MODEL}", "run_id": RUN},
            ["registered/a%2Fb/model.json", "registered/a%2Fb/2.json", f"logged/{RUN}/run.json",
             f"logged/{RUN}/models/{MODEL}.json"],
        ),
        ("model_version_alias", {"name": "churn", "alias": "x"}, ["registered/churn/model.json"]),
        ("model_version_tag", {"name": "..", "version": "../1"}, ["registered/%2E./model.json"]),
        ("prompt", {"name": "greeting"}, []),
    ],
    ids=["name", "version", "alias", "hostile", "prompt"],
)  # fmt: skip
def test_a_delivery_says_which_entries_to_look_at(entity, data, keys):
    hints = hints_of(json.dumps({"entity": entity, "action": "created", "data": data}).encode(), "registry")
    assert [hint.key for hint in hints] == keys
    assert {hint.source for hint in hints} <= {"registry"}


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b'{"entity": "model_version"}', b'{"entity": "model_version", "data": {}}', b"[" * 99],
)
def test_what_is_no_delivery_is_refused(body):
    with pytest.raises(ExtractError):
        hints_of(body, "registry")
