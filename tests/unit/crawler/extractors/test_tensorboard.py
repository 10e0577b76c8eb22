"""Event files of TensorBoard: what a run logged last is about its model, what it logged at a step about the checkpoint of it."""

from __future__ import annotations

import struct
from typing import ClassVar

import pytest
from fixtures.crawling import safetensors
from fixtures.extraction import extract

from catalog.errors import Malformed
from catalog.records import FileStatus
from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors import tensorboard
from crawler.extractors.tensorboard import TensorboardExtractor
from crawler.formats.tfrecords import masked_checksum
from crawler.registry import Registry

WRITTEN = bytes.fromhex("1800000000000000a37f4b22 0972df769278c3da411a0d627261696e2e4576656e743a32 4c11af66")
"""The first record as tensorboardX 2.6 writes it, with the checksums of its own library."""
DAY = 1_700_000_000.0


def sized(number, content):
    length, prefix = len(content), b""
    while length > 0x7F:
        prefix, length = prefix + bytes([length & 0x7F | 0x80]), length >> 7
    return bytes([number << 3 | 2]) + prefix + bytes([length]) + content


def record(content):
    length = struct.pack("<Q", len(content))
    checksums = (struct.pack("<I", masked_checksum(part)) for part in (length, content))
    return length + next(checksums) + content + next(checksums)


def event(step, *values):
    summary = b"".join(sized(1, value) for value in values)
    position = bytes([0x10, step & 0x7F | 0x80, step >> 7]) if step else b""
    return record(b"\x09" + struct.pack("<d", DAY + step) + position + sized(5, summary))


def simple(tag, value):
    return sized(1, tag.encode()) + b"\x15" + struct.pack("<f", value)


def tensor(tag, value, shape=b""):
    content = b"\x08\x01" + sized(2, shape) + sized(4, struct.pack("<f", value))
    return sized(1, tag.encode()) + sized(8, content) + sized(9, sized(1, sized(1, b"scalars")))


def settings(**values):
    entries = b"".join(sized(1, sized(1, name.encode()) + sized(2, value)) for name, value in values.items())
    content = b"\x08\x00" + sized(3, entries)
    metadata = sized(1, sized(1, b"hparams") + sized(2, content))
    return sized(1, b"_hparams_/session_start_info") + sized(9, metadata)


LOG = (
    WRITTEN
    + event(0, settings(lr=b"\x11" + struct.pack("<d", 0.01), optimiser=sized(3, b"adam"), amp=b"\x20\x01"))
    + event(100, simple("train/loss", 0.5), tensor("eval/accuracy", 0.75), simple("lr-Adam", 0.1))
    + event(200, simple("train/loss", 0.25), tensor("eval/accuracy", 0.85), simple("hp_metric", -1))
)


@pytest.fixture
def all_readers(shop):
    shop.registry = Registry.installed()
    return shop


def metrics_of(data, key="logs/events.out.tfevents.1700000000.host"):
    extraction = extract(TensorboardExtractor, key, data)
    return {
        seen.field: (seen.raw, seen.context.get("step"))
        for seen in extraction.observations
        if seen.subject == "last-lines"
    }


class TestTensorboard(ExtractorSuite):
    extractor = TensorboardExtractor
    expected: ClassVar = {"metrics.eval/accuracy": 0.85, "hyperparameters.lr": 0.01}

    def sample(self):
        return Sample(key="runs/Nov14_22-13-20_host/events.out.tfevents.1700000000.host.1.0", data=LOG)


def test_last_values_have_their_step_and_what_is_no_measure_is_left_out():
    assert metrics_of(LOG) == {
        "metrics.train/loss": (0.25, 200),
        "metrics.eval/accuracy": (0.85, 200),
        "hyperparameters.lr": (0.01, None),
        "hyperparameters.optimiser": ("adam", None),
        "hyperparameters.amp": (True, None),
    }


@pytest.mark.parametrize("cut", [1, 5, 40], ids=["checksum", "content", "middle"])
def test_record_that_is_still_written_is_left_out(cut):
    assert metrics_of(LOG[:-cut])["metrics.eval/accuracy"] == (0.75, 100)


def test_curves_of_many_points_in_one_value_are_no_scalars():
    assert metrics_of(WRITTEN + event(100, tensor("pr_curve", 0.5, shape=sized(2, b"\x08\x01")))) == {}


def test_damaged_length_ends_the_reading_with_a_sentence_and_what_was_read_stays():
    damaged = bytearray(LOG + event(300, simple("train/loss", 0.1)))
    damaged[len(LOG)] ^= 1
    extraction = extract(TensorboardExtractor, "logs/events.out.tfevents.1.host", bytes(damaged))
    assert extraction.status is FileStatus.PARTIAL
    assert "length of a record" in extraction.problems[0].message
    assert metrics_of(bytes(damaged))["metrics.train/loss"] == (0.25, 200)


def test_of_a_large_file_the_end_is_read_and_what_lies_between_is_said_to_be_left_out(monkeypatch):
    monkeypatch.setattr(tensorboard, "MAX_BYTES", 3_000)
    monkeypatch.setattr(tensorboard, "BEGINNING_BYTES", 1_000)
    picture = record(b"\x09" + struct.pack("<d", DAY) + sized(4, b"\x09" * 5_000))
    large = LOG + picture + event(300, simple("train/loss", 0.1))
    extraction = extract(TensorboardExtractor, "logs/events.out.tfevents.1.host", large)
    assert extraction.status is FileStatus.PARTIAL
    assert "is left out" in extraction.problems[0].message
    assert metrics_of(large)["metrics.train/loss"] == (0.1, 300)


def test_file_of_other_records_is_no_event_file():
    other = record(b"\x0a\x03abc")
    assert TensorboardExtractor().claims("logs/events.out.tfevents.1.host", other) is None
    with pytest.raises(Malformed, match="brain"):
        extract(TensorboardExtractor, "logs/events.out.tfevents.1.host", other)


@pytest.mark.parametrize(
    ("logs", "accuracy"),
    [
        (["runs/Nov14_22-13-20_host"], 0.85),
        (["logs"], 0.85),
        (["tensorboard/fit"], 0.85),
        (["."], 0.85),
        (["runs/Nov14_22-13-20_host", "runs/Nov15_22-13-20_host"], None),
        (["runs/Nov14_22-13-20_host/weights/deeper"], None),
    ],
    ids=["runs", "logs", "tensorboard", "beside", "two-runs", "too-deep"],
)
def test_log_beside_a_model_is_about_it_where_it_is_of_one_run(all_readers, logs, accuracy):
    all_readers.put("net/model.safetensors", safetensors())
    all_readers.put(f"net/{logs[0]}/events.out.tfevents.1.host", LOG)
    all_readers.put(f"net/{logs[-1]}/events.out.tfevents.1.host", LOG)
    all_readers.crawl()
    [document] = all_readers.documents().values()
    assert document.get("metrics", {}).get("accuracy") == accuracy


def test_each_checkpoint_of_lightning_has_the_values_of_its_epoch(all_readers):
    log = WRITTEN
    log += event(599, simple("epoch", 0), simple("val_acc", 0.7))
    log += event(1199, simple("epoch", 1), simple("val_acc", 0.8))
    all_readers.put("lightning_logs/version_0/events.out.tfevents.1.host.1.0", log)
    for name in ("epoch=0-step=600", "epoch=1-step=1200", "last", "other"):
        all_readers.put(f"lightning_logs/version_0/checkpoints/{name}.ckpt", safetensors(name=name))
    all_readers.crawl()
    assert {
        path.rpartition("/")[2]: document.get("metrics", {}).get("accuracy")
        for path, document in all_readers.documents().items()
    } == {"epoch=0-step=600.ckpt": 0.7, "epoch=1-step=1200.ckpt": 0.8, "last.ckpt": 0.8, "other.ckpt": None}


def test_checkpoints_beside_a_log_have_the_values_of_their_steps(all_readers):
    all_readers.put("run/events.out.tfevents.1.host", LOG)
    for name in ("ckpt-step-100", "ckpt-step-200"):
        all_readers.put(f"run/{name}.safetensors", safetensors(name=name))
    all_readers.crawl()
    assert sorted(
        document.get("metrics", {}).get("accuracy") for document in all_readers.documents().values()
    ) == [0.75, 0.85]


def test_splits_that_keras_writes_into_directories_are_splits():
    extraction = extract(TensorboardExtractor, "logs/validation/events.out.tfevents.1.host", LOG)
    assert {
        seen.context.get("split") for seen in extraction.observations if seen.field.startswith("metrics.")
    } == {"validation"}
