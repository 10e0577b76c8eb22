"""TI-ONE through Tencent Cloud's own SDK against a stub on this machine, made from the documents: no Tencent Cloud was at hand.

The stub checks the signature of every call by itself.
"""

import hashlib
import hmac
import json
import threading
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from fixtures.crawling import safetensors

from catalog.errors import AccessDenied, ObjectChanged, SourceError, UserError
from catalog.settings import Settings
from catalog.store import open_store
from crawler.crawl import crawl
from crawler.sources.tione import TioneSource
from crawler.tione.options import TioneOptions

SECRET_ID, SECRET_KEY = "AKIDEXAMPLE", "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE"
TASK = {
    "Id": "train-1",
    "Name": "churn",
    "SubUinName": "kim",
    "FrameworkName": "PYTORCH",
    "FrameworkVersion": "2.1",
    "Status": "SUCCEED",
    "TuningParameters": json.dumps({"learning_rate": "5e-5", "epochs": 3, "nested": {"a": 1}}),
    "DataConfigs": [
        {
            "DataSourceUsage": "USER_DATA",
            "COSSource": {"Bucket": "data-1250000000", "Paths": ["/churn/2024/"]},
        },
        {"DataSourceUsage": "USER_CODE", "COSSource": {"Bucket": "code-1250000000", "Paths": ["/x"]}},
    ],
    "Output": {"Bucket": "models-1250000000", "Region": "ap-guangzhou", "Paths": ["out/churn/"]},
    "ResourceConfigInfos": [{"GpuType": "V100", "Gpu": 200}],
    "Envs": [{"Name": "API_TOKEN", "Value": "hf_abcdefghijklmnopqrstuvwxyz012345"}],
    "Tags": [{"TagKey": "team", "TagValue": "crm"}],
    "CreateTime": "2024-03-12T09:00:00+08:00",
    "EndTime": "2024-03-12T11:00:00+08:00",
    "RuntimeInSeconds": 7200,
}
VERSION = {
    "TrainingModelId": "m-1",
    "TrainingModelName": "churn-prod",
    "TrainingModelVersionId": "mv-7",
    "TrainingModelVersion": "v7",
    "TrainingModelCosPath": TASK["Output"],
    "TrainingModelIndex": json.dumps({"accuracy": "0.93"}),
    "TrainingJobId": "train-1",
    "AlgorithmFramework": "PYTORCH",
}


class Stub:
    """Tasks and versions of one workspace; `spoil` answers a call in another way."""

    def __init__(self):
        self.tasks = {"train-1": dict(TASK)}
        self.versions = [dict(VERSION)]
        self.spoil = lambda _action: None
        self.actions = []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def respond(self, action, question, headers, body):
        if not is_signed(headers, body):
            return {"Error": {"Code": "AuthFailure.SignatureFailure", "Message": "The signature is wrong."}}
        if headers["X-TC-Region"] != "ap-guangzhou" or headers["X-TC-Version"] != "2021-11-11":
            return {"Error": {"Code": "UnsupportedRegion", "Message": "no"}}
        if action == "DescribeTrainingTasks":
            assert question["Limit"] <= 50
            start = question["Offset"]
            rows = [{"Id": key, "Name": task["Name"]} for key, task in self.tasks.items()]
            return {"TrainingTaskSet": rows[start : start + question["Limit"]], "TotalCount": len(rows)}
        if action == "DescribeTrainingTask":
            task = self.tasks.get(question["Id"])
            missing = {"Error": {"Code": "ResourceNotFound", "Message": "no such task"}}
            return missing if task is None else {"TrainingTaskDetail": task}
        if action == "DescribeTrainingModelVersions":
            return {"TrainingModelVersions": self.versions}
        return {"Error": {"Code": "InvalidAction", "Message": action}}

    def _handler(self):
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                action = self.headers["X-TC-Action"]
                stub.actions.append(action)
                status, content = stub.spoil(action) or (
                    200,
                    json.dumps(
                        {
                            "Response": {
                                **stub.respond(action, json.loads(body), self.headers, body),
                                "RequestId": "1",
                            }
                        }
                    ).encode(),
                )
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_): ...

        return Handler


def is_signed(headers, body):
    """Source: https://cloud.tencent.com/document/api/851/75188 (signature TC3-HMAC-SHA256)."""
    scheme, _, rest = headers["Authorization"].partition(" ")
    parts = dict(part.strip().split("=", 1) for part in rest.split(","))
    identity, date, service, end = parts["Credential"].split("/")
    names = parts["SignedHeaders"].split(";")
    lines = "".join(
        f"{name}:{headers[name].strip().lower() if name != 'content-type' else headers[name]}\n"
        for name in names
    )
    canonical = f"POST\n/\n\n{lines}\n{';'.join(names)}\n{hashlib.sha256(body).hexdigest()}"
    text = f"{scheme}\n{headers['X-TC-Timestamp']}\n{date}/{service}/{end}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"TC3{SECRET_KEY}".encode()
    for part in (date, service, end):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    return identity == SECRET_ID and signature == parts["Signature"]


@pytest.fixture
def stub():
    with closing(Stub()) as stub:
        yield stub


def source_of(stub, **options):
    chosen = {
        "secret_id": SECRET_ID,
        "secret_key": SECRET_KEY,
        "endpoint": stub.url,
        "models": ("m-1",),
        "attempts": 2,
        "requests_per_second": 0.0,
        **options,
    }
    return TioneSource("tione://ap-guangzhou", Settings(home="home"), TioneOptions(**chosen))


def documents(store):
    return {stored.document["uri"]: stored.document for stored in store.records.iterate()}


def test_a_task_and_a_version_tell_of_the_model_in_their_bucket(stub, tmp_path, bucket):
    settings = Settings(home=tmp_path / "home")
    bucket.prefix = ""
    bucket.put("out/churn/model.safetensors", safetensors())
    bucket.put("out/churn/config.json", json.dumps({"model_type": "bert"}))
    for entry in (stub.tasks["train-1"], *stub.versions):
        for place in ("Output", "TrainingModelCosPath"):
            if place in entry:
                entry[place] = {"Bucket": bucket.name, "Paths": ["out/churn/"]}
    with open_store(settings, write=True) as store:
        assert crawl(store, source_of(stub), settings).counts["new"] == 1
        (alone,) = documents(store).values()
        assert (alone["name"], alone["version"], alone["owner"], alone["framework"]) == (
            *("churn-prod", "v7"),
            *("kim", "pytorch"),
        )
        crawl(store, bucket.source(), settings)
        (model,) = [row for uri, row in documents(store).items() if uri.startswith("s3://")]
        assert "owner" not in model  # an address alone gives none
        assert model["metrics"]["accuracy"] == pytest.approx(0.93)
        assert model["hyperparameters"] == {"learning_rate": 5e-05, "epochs": 3}
        assert model["data_sources"] == ["s3://data-1250000000/churn/2024"]
        assert model["trained_at"].startswith("2024-03-12T03:00:00")
        assert "hf_abcdef" not in json.dumps([stored.document for stored in store.records.iterate()])


def test_what_changes_is_read_again_and_what_is_deleted_is_missing(stub, tmp_path):
    settings = Settings(home=tmp_path / "home")
    with open_store(settings, write=True) as store:
        stub.versions = []
        for number in range(2, 61):
            stub.tasks[f"train-{number}"] = {
                **TASK,
                "Id": f"train-{number}",
                "Name": f"churn-{number}",
                "Output": None,
            }
        assert crawl(store, source_of(stub), settings).counts["new"] == 60
        assert stub.actions.count("DescribeTrainingTasks") == 2
        stub.tasks["train-2"]["TuningParameters"] = json.dumps({"learning_rate": 1})
        stub.tasks["train-3"]["RuntimeInSeconds"] = 9
        del stub.tasks["train-60"]
        counts = crawl(store, source_of(stub), settings).counts
        assert (counts["changed"], counts["missing"]) == (1, 1)


CUT = b'{"Response": {"TrainingTaskSet": ['
FAULTS = {
    "a wrong key": (None, {"secret_key": "wrong"}, "AuthFailure.SignatureFailure"),
    "too many requests": (
        (200, b'{"Response":{"Error":{"Code":"RequestLimitExceeded","Message":"slow"},"RequestId":"1"}}'),
        {},
        "RequestLimitExceeded",
    ),
    "an answer that is cut": ((200, CUT), {}, "TI-ONE"),
    "no TI-ONE": ((200, b"<html>hello</html>"), {}, "TI-ONE"),
    "an error of a proxy": ((502, b"bad gateway"), {}, "TI-ONE"),
    "another shape": ((200, b'{"Response":{"TrainingTaskSet":7}}'), {}, "TI-ONE"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_an_answer_that_is_wrong_leaves_the_listing_incomplete_and_nothing_missing(stub, tmp_path, name):
    spoilt, options, sentence = FAULTS[name]
    settings = Settings(home=tmp_path / "home")
    with open_store(settings, write=True) as store:
        crawl(store, source_of(stub), settings)
        before = documents(store)
        stub.spoil = lambda _action: spoilt
        with pytest.raises(SourceError, match=sentence):
            source_of(stub, **options).check(is_new=False)
        scopes = [step.error for step in source_of(stub, **options).list() if step.error]
        assert scopes
        assert all("\n" not in str(error) for error in scopes)
        report = crawl(store, source_of(stub, **options), settings)
        assert report.counts.get("missing", 0) == 0
        assert {uri: row["status"] for uri, row in documents(store).items()} == {
            uri: row["status"] for uri, row in before.items()
        }


def test_addresses_and_keys_that_are_wrong_are_told(stub):
    with pytest.raises(UserError, match="no address of TI-ONE"):
        TioneSource.check_address("tione://")
    with pytest.raises(UserError, match="needs a key"):
        source_of(stub, secret_key="").check(is_new=True)
    with pytest.raises(AccessDenied):
        source_of(stub, secret_key="x").check(is_new=True)
    source = source_of(stub)
    (task, *_) = [meta for step in source.list() for meta in step.objects]
    assert source_of(stub).head(task.key) == task
    stub.tasks["train-1"]["Name"] = "other"
    with pytest.raises(ObjectChanged):
        source_of(stub).read(task, 0, 10)
    del stub.tasks["train-1"]
    assert source_of(stub).head(task.key) is None
