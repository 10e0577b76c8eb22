"""A pickled dictionary around an estimator, training checkpoints' settings, odd suffixes: what stands beside counts too."""

import pickle

import pytest
from fixtures.crawling import safetensors
from fixtures.hostile_pickles import SYSTEM

from catalog import plugins
from catalog.records import Role
from crawler import sniffing
from crawler.extractor import Findings
from crawler.formats import properties
from crawler.reader import bytes_reader
from crawler.registry import Registry

ESTIMATOR = b"csklearn.linear_model._logistic\nLogisticRegression\n)\x81}(X\x01\x00\x00\x00CG?\xe0\x00\x00\x00\x00\x00\x00ub"


def bundle(beside: dict) -> bytes:
    """A pickle of {"model": <estimator>, **beside} made without the estimator's library."""
    rest = pickle.dumps(beside, protocol=2)
    assert (rest[:3], rest[-2:]) == (b"\x80\x02}", b"u.")
    return rest[:-2] + b"X\x05\x00\x00\x00model" + ESTIMATOR + b"u."


def said(data: bytes) -> dict:
    extraction = plugins.load("extractor", "pickle")().extract(bytes_reader("m.pkl", data))
    return {seen.field: seen.raw for seen in extraction.observations}


def test_scores_and_settings_beside_an_estimator_are_its_own():
    found = said(
        bundle(
            {
                "metrics": {"accuracy": 0.94, "f1": 0.93},
                "params": {"learning_rate": 0.1, "depth": 3},
                "features": ["a", "b"],
                "version": "1.4",
                "roc_auc": 0.97,
            }
        )
    )
    assert found["architecture"] == "LogisticRegression"
    assert (found["metrics.accuracy"], found["metrics.f1"], found["metrics.roc_auc"]) == (0.94, 0.93, 0.97)
    assert (found["training.learning_rate"], found["hyperparameters.depth"]) == (0.1, 3)
    assert (found["extra.features"], found["version"]) == (["a", "b"], "1.4")


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ("2024-03-01", "trained_at"),
        ("2024-03", "trained_at"),
        ("imagenet", "datasets"),
        ("2024 crawl", "datasets"),
    ],
)
def test_trained_on_is_a_date_or_a_data_set(value, field):
    class Probe:
        name, version = "probe", 1

    findings = Findings(bytes_reader("m", b""), Probe(), format=None, role=Role.WEIGHTS, origin="embedded")
    properties.tell_property(findings, "trained_on", value, "meta:trained_on")
    assert [seen.field for seen in findings.extraction().observations] == [field]


def test_a_torchscript_file_may_be_called_ts():
    assert not sniffing.never_opened("a/traced.ts")


LOCK = """schema: '2.0'
stages:
  train:
    cmd: python train.py
    params:
      params.yaml:
        lr: 0.02
    outs:
    - path: models/net
      md5: 11111111111111111111111111111111.dir
    - path: data/clean.csv
      md5: 22222222222222222222222222222222
"""


def test_an_output_directory_of_any_name_is_about_the_model_in_it(shop):
    names = ("safetensors", "dvc")
    shop.registry = Registry([plugins.load("extractor", name)() for name in names])
    shop.put("dvc.lock", LOCK)
    shop.put("models/net/net.safetensors", safetensors())
    shop.crawl()
    (made,) = shop.documents().values()
    assert made["training"]["learning_rate"] == 0.02
    assert made["extra"]["pipeline_stage"] == "train"


def lz4_frame(data: bytes, *, size: bool) -> bytes:
    """A frame of one block that is one literal."""
    length = len(data) - 15
    block = b"\xf0" + b"\xff" * (length // 255) + bytes([length % 255]) + data
    header = (
        bytes([0x48 if size else 0x40, 0x40]) + (len(data).to_bytes(8, "little") if size else b"") + b"\xc0"
    )
    return b"\x04\x22\x4d\x18" + header + len(block).to_bytes(4, "little") + block + bytes(4)


@pytest.mark.parametrize("size", [True, False])
def test_a_pickle_packed_with_lz4_is_read_and_other_lz4_no_model(size):
    joblib = plugins.load("extractor", "joblib")()
    packed = lz4_frame(pickle.dumps({"weights": list(range(200))}), size=size)
    assert joblib.claims("net.lz4", packed[:4096]) is not None
    extraction = joblib.extract(bytes_reader("net.lz4", packed))
    assert extraction.risks == ()
    hostile = joblib.extract(bytes_reader("net.lz4", lz4_frame(SYSTEM, size=size)))
    assert [risk.kind for risk in hostile.risks] == ["code-execution"]
    assert joblib.claims("log.lz4", lz4_frame(b"2024-01-01 a line of a log\n" * 9, size=size)) is None


@pytest.mark.parametrize(
    "start",
    ["04224d184040c0e0690000528004 95db000100f1335d9428", "04224d184040c000000180800495db00000000000000"],
    ids=["packed", "stored"],
)
def test_a_frame_that_stores_only_the_first_bytes_plainly_is_recognised(start):
    head = bytes.fromhex(start) + bytes(40)
    assert plugins.load("extractor", "joblib")().claims("assets/pnet.lz4", head) is not None


@pytest.mark.parametrize(
    ("metadata", "risky"),
    [
        ({"callback_url": "http://example.org/x"}, True),
        ({"source": "https://example.org/model"}, False),
        ({"downloads": "12"}, False),
    ],
)
def test_addresses_for_programs_in_safetensors_metadata_are_remarked(metadata, risky):
    data = safetensors(metadata=metadata)
    extraction = plugins.load("extractor", "safetensors")().extract(bytes_reader("m.safetensors", data))
    assert bool(extraction.risks) == risky
