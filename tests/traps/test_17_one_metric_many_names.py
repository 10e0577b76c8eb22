"""accuracy has many spellings; top-5 and training accuracy are not among them."""

from __future__ import annotations

import pytest
from fixtures.normalise import document, file, record, reported


@pytest.mark.parametrize(
    "name", ["acc", "Accuracy", "top1", "acc@1", "eval_accuracy", "test/acc", "val_acc", "Top-1 Accuracy"]
)
def test_every_spelling_is_found_as_accuracy(name: str) -> None:
    made = record(file("model/README.md", *reported({name: 0.95})))
    assert made.document["metrics"] == {"accuracy": 0.95}
    assert made.document["metric_names"] == ["accuracy"]
    assert made.document["evaluations"][0]["raw_name"] == name
    changes = made.provenance["metrics.accuracy"].winners[0].changes
    assert (f"alias {name}→accuracy" in changes) == (name != "accuracy")


def test_top_5_and_training_accuracy_are_not_the_accuracy() -> None:
    made = document(
        file("model/README.md", *reported({"top-5": 0.99, "train_accuracy": 0.98, "test_accuracy": 0.9}))
    )
    assert made["metrics"] == {"accuracy": 0.9, "accuracy_top5": 0.99, "train_accuracy": 0.98}


def test_a_training_value_alone_is_not_the_headline() -> None:
    made = document(file("model/README.md", *reported({"train_accuracy": 0.98, "train_loss": 0.1})))
    assert made["metrics"] == {"train_accuracy": 0.98, "train_loss": 0.1}


def test_test_beats_validation() -> None:
    made = document(file("model/README.md", *reported({"val_acc": 0.99, "test_acc": 0.9})))
    assert made["metrics"] == {"accuracy": 0.9}
    assert len(made["evaluations"]) == 2
