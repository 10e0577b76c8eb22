"""Files of a Hugging Face Trainer run: trainer_state.json and the *_results.json beside it."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest
from fixtures.extraction import extract, file_sample

from catalog.records import Evidence
from catalog.testing.extractors import ExtractorSuite
from crawler.extractors import hf_trainer
from crawler.extractors.hf_trainer import HfTrainerExtractor

DATA = Path(__file__).parents[3] / "corpus" / "data" / "hub"


class TestHfTrainer(ExtractorSuite):
    extractor = HfTrainerExtractor
    expected: ClassVar = {
        "metrics.eval_accuracy": 0.75,
        "training.epochs": 2.0,
        "training.steps": 4,
        "training.learning_rate": 5e-05,
    }

    def sample(self):
        return file_sample(DATA, "trainer_state.json", "run/trainer_state.json")


class TestHfResults(ExtractorSuite):
    extractor = HfTrainerExtractor
    expected: ClassVar = {"metrics.eval_accuracy": 0.75}

    def sample(self):
        return file_sample(DATA, "all_results.json", "run/all_results.json")


def entry(step, accuracy):
    return {"step": step, "epoch": step / 100, "eval_accuracy": accuracy, "eval_loss": 1 - accuracy}


@pytest.mark.parametrize(
    ("key", "expected"),
    [("out/checkpoint-200/trainer_state.json", 0.8), ("out/trainer_state.json", 0.85)],
    ids=["a checkpoint has what was measured at its own step", "the final directory has the run's best"],
)
def test_the_best_of_a_run_belongs_to_what_it_names(key, expected):
    state = {
        "best_global_step": 150,
        "best_metric": 0.85,
        "best_model_checkpoint": "/scratch/out/checkpoint-150",
        "global_step": 200,
        "log_history": [entry(150, 0.85), entry(200, 0.8)],
    }
    extraction = extract(HfTrainerExtractor, key, state)
    assert [seen.raw for seen in extraction.observations if seen.field == "metrics.eval_accuracy"] == [
        expected
    ]


def test_the_rate_of_the_log_is_inferred_and_the_mean_loss_of_a_run_is_not_that_of_a_step():
    state = {
        "global_step": 4,
        "log_history": [
            {"step": 2, "loss": 0.9, "learning_rate": 0.0002962},
            {"step": 4, "loss": 0.7, "learning_rate": 0.0001},
            {"step": 4, "train_loss": 0.8, "train_runtime": 3.0},
        ],
    }
    seen = extract(HfTrainerExtractor, "out/trainer_state.json", state).observations
    assert [(item.raw, item.evidence) for item in seen if item.field == "training.learning_rate"] == [
        (0.0002962, Evidence.INFERRED)
    ]
    assert [item.raw for item in seen if item.field in {"metrics.loss", "metrics.train_loss"}] == [0.8]


def metrics_of(extraction):
    return [
        (
            item.field.removeprefix("metrics."),
            item.context.get("dataset"),
            item.context.get("split"),
            item.raw,
        )
        for item in extraction.observations
        if item.field.startswith("metrics.")
    ]


def test_metrics_of_several_data_sets_are_those_of_each():
    """`mnli_accuracy` was a metric that nobody knows."""
    entry = {
        f"eval_{name}_{metric}": 0.5
        for name in ("mnli", "mnli-mm")
        for metric in ("loss", "runtime", "accuracy")
    }
    content = {"global_step": 9, "log_history": [{"step": 9, **entry, "eval_f1_macro": 0.7}]}
    told = metrics_of(extract(HfTrainerExtractor, "run/trainer_state.json", content))
    assert {item for item in told if "runtime" not in item[0]} == {
        ("eval_loss", "mnli", "validation", 0.5),
        ("eval_accuracy", "mnli", "validation", 0.5),
        ("eval_loss", "mnli-mm", "validation", 0.5),
        ("eval_accuracy", "mnli-mm", "validation", 0.5),
        ("eval_f1_macro", None, "validation", 0.7),
    }


def test_results_of_a_line_each_are_read():
    """Scripts of transformers wrote no JSON before 2020, and people copied them."""
    content = b"***** Eval results *****\nepoch = 3.0\nacc = 0.91\n  eval_loss = 0.3\nmodel = bert\n"
    assert HfTrainerExtractor().claims("run/eval_results.txt", content) is not None
    told = metrics_of(extract(HfTrainerExtractor, "run/eval_results.txt", content))
    assert told == [("acc", None, "validation", "0.91"), ("eval_loss", None, "validation", "0.3")]


def test_a_text_without_values_is_no_result():
    assert HfTrainerExtractor().claims("run/test_results.txt", b"all good\nsee the wiki\n") is None


def test_results_of_a_line_each_are_those_of_their_data_set():
    """Both accuracies of an evaluation on MNLI contradicted each other."""
    seen = [
        extract(HfTrainerExtractor, f"run/eval_results_{name}.txt", b"eval_acc = 0.8\n").observations[0]
        for name in ("mnli", "mnli-mm")
    ]
    assert [item.context.get("config") for item in seen] == ["mnli", "mnli-mm"]


def test_what_a_test_suite_counted_is_no_metric_of_the_model():
    """`passed` and `failed` were metrics of the model beside."""
    assert not metrics_of(extract(HfTrainerExtractor, "run/test_results.txt", b"Passed: 43\nFailed: 2\n"))


def test_the_data_sets_of_results_are_looked_for_once(monkeypatch):
    """They were for each value: 300 kB of results took minutes."""
    asked = []
    plain = hf_trainer._datasets
    monkeypatch.setattr(hf_trainer, "_datasets", lambda log: (asked.append(log), plain(log))[1])
    results = {f"eval_runtime{number}": 1.0 for number in range(50)} | {
        "eval_a_loss": 1.0,
        "eval_a_runtime": 1.0,
        "eval_a_f1": 0.5,
    }
    extraction = extract(HfTrainerExtractor, "m/all_results.json", results)
    assert len(asked) == 1
    assert any((seen.context or {}).get("dataset") == "a" for seen in extraction.observations)
