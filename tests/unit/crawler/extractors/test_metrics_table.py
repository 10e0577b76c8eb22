"""Tables of a training run: each checkpoint has the values of its own row."""

from __future__ import annotations

import io
import zipfile
from typing import ClassVar

import pytest
from fixtures.extraction import extract

from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.metrics_table import MetricsTableExtractor
from crawler.registry import Registry

YOLO = b"""                  epoch,   train/box_loss,   metrics/mAP50(B),  metrics/mAP50-95(B),   val/box_loss,   lr/pg0
                      1,              2.0,                0.6,                  0.4,            1.5,     0.01
                      2,              1.5,                0.7,                 0.55,            1.2,     0.01
                      3,              1.4,                0.7,                  0.5,            1.3,     0.01
"""
LIGHTNING = b"""epoch,step,train_loss,val_acc,val_loss
5,599,3.1,,
5,599,,0.71,3.25
9,999,2.8,,
9,999,,0.74,3.5
"""


class TestMetricsTable(ExtractorSuite):
    extractor = MetricsTableExtractor
    expected: ClassVar = {"metrics.val_acc": 0.74, "metrics.train_loss": 3.1}

    def sample(self):
        return Sample(key="lightning_logs/version_0/metrics.csv", data=LIGHTNING)


def checkpoint():
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02}q\x00X\x05\x00\x00\x00stateq\x01K\x01s.")
        archive.writestr("archive/version", "3\n")
    return written.getvalue()


@pytest.fixture
def all_readers(shop):
    shop.registry = Registry.installed()
    return shop


def losses(shop, metric):
    return {
        path.rpartition("/")[2]: document.get("metrics", {}).get(metric)
        for path, document in shop.documents().items()
    }


def test_best_and_last_of_a_run_have_the_values_of_their_own_rows(all_readers):
    for name in ("best", "last", "epoch0", "epoch1", "other"):
        all_readers.put(f"runs/detect/train/weights/{name}.pt", checkpoint())
    all_readers.put("runs/detect/train/results.csv", YOLO)
    all_readers.crawl()
    # names of files count epochs from 0 (`epoch{self.epoch}.pt`), rows of the table from 1 (`self.epoch + 1`)
    assert losses(all_readers, "map") == {
        "best.pt": 0.55,
        "last.pt": 0.5,
        "epoch0.pt": 0.4,
        "epoch1.pt": 0.55,
        "other.pt": None,
    }


def test_rows_of_yolov5_count_from_0_as_its_files_do(all_readers):
    for name in ("epoch0", "epoch1"):
        all_readers.put(f"exp/weights/{name}.pt", checkpoint())
    all_readers.put(
        "exp/results.csv", YOLO.replace(b" 1, ", b" 0, ").replace(b" 2, ", b" 1, ").replace(b" 3, ", b" 2, ")
    )
    all_readers.crawl()
    assert losses(all_readers, "map") == {"epoch0.pt": 0.4, "epoch1.pt": 0.55}


def test_checkpoints_of_lightning_are_bound_by_the_names_that_it_gives(all_readers):
    names = (
        "epoch=5-step=600",
        "epoch=9-val_loss=3.50",
        "epoch=05-val_acc=0.710",
        "last",
        "epoch=7-step=800",
    )
    for name in names:
        all_readers.put(f"logs/version_1/checkpoints/{name}.ckpt", checkpoint())
    all_readers.put("logs/version_1/metrics.csv", LIGHTNING)
    all_readers.crawl()
    assert list(map(losses(all_readers, "accuracy").get, [f"{name}.ckpt" for name in names])) == [
        0.71,
        0.74,
        0.71,
        0.74,
        None,
    ]


def test_table_of_something_else_says_nothing(all_readers):
    all_readers.put("data/results.csv", b"customer,total\n1,2\n")
    all_readers.put("data/weights/best.pt", checkpoint())
    report = all_readers.crawl()
    assert report.unread == ()
    assert losses(all_readers, "total") == {"best.pt": None}


def told(name, table):
    """(keys of the files, values) of every row that the table tells of."""
    extraction = extract(MetricsTableExtractor, f"run/{name}", table)
    return [
        (
            subject.join_keys,
            {seen.field: seen.raw for seen in extraction.observations if seen.subject == subject.id},
        )
        for subject in extraction.subjects
    ]


KERAS = b"epoch,accuracy,loss,lr,val_accuracy,val_loss\n0,0.8,0.5,0.001,0.81,0.45\n1,0.9,0.3,0.001,%s,0.4\n"


def test_a_log_of_keras_counts_from_0_and_names_of_checkpoints_from_1():
    rows = told("training.log", KERAS % b"0.85")
    assert [keys[0] for keys, _ in rows] == ["epoch:run:1", "epoch:run:2"]
    assert "metrics.lr" not in rows[0][1]


@pytest.mark.parametrize(
    ("accuracy", "is_best"), [(b"0.85", True), (b"0.79", False)], ids=["agree", "disagree"]
)
def test_the_best_of_keras_is_said_only_where_loss_and_accuracy_agree(accuracy, is_best):
    *_, (keys, _) = told("training.log", KERAS % accuracy)
    assert ("path:run/best_model.h5" in keys) == is_best
    assert "path:run/final_model.keras" in keys


def test_of_an_evaluator_only_what_was_measured_after_training_is_told():
    table = b"epoch,steps,cosine_spearman\n0,100,0.7\n1,200,0.75\n-1,-1,0.8\n"
    assert told("similarity_evaluation_sts-test_results.csv", table) == [
        (("dir:run",), {"metrics.cosine_spearman": 0.8})
    ]


def test_logs_of_words_are_no_tables():
    head = b"2024-05-01 10:11:12,123 epoch 1 - iter 10\n"
    assert MetricsTableExtractor().claims("run/training.log", head) is None


HISTORY = b'{"accuracy": [0.7, 0.9, 0.8], "val_accuracy": [0.6, 0.8, 0.7], "val_loss": [1.0, 0.5, 0.6], "lr": [0.1, 0.1, 0.01]}'


def test_what_fit_returned_is_about_the_last_and_the_best_state_and_about_no_other(all_readers):
    """Scripts write it as JSON, a list for each measure; nobody read it."""
    for name in ("best_model", "final_model", "other"):
        all_readers.put(f"churn/{name}.keras", checkpoint())
    all_readers.put("churn/history.json", HISTORY)
    all_readers.crawl()
    assert losses(all_readers, "accuracy") == {
        "best_model.keras": 0.8,
        "final_model.keras": 0.7,
        "other.keras": None,
    }


@pytest.mark.parametrize(
    "history",
    [
        b'{"accuracy": 0.9}',
        b'{"messages": [{"role": "user"}]}',
        b'{"accuracy": [0.7, 0.9], "val_accuracy": [0.6]}',
        b'{"accuracy": [0.7, "x", null, true]}',
    ],
    ids=["no list", "a conversation", "lists of several lengths", "words"],
)
def test_a_history_of_anything_else_says_no_metric_that_it_has_not(history):
    extractor = MetricsTableExtractor()
    if extractor.claims("m/history.json", history) is not None:
        seen = extract(MetricsTableExtractor, "m/history.json", history).observations
        assert {item.raw for item in seen} <= {0.7}
