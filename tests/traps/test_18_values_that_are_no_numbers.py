"""A value that is no number harms neither the document nor the other metrics."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from fixtures.normalise import codes, document, file, reported, said

from catalog.records import Origin


@pytest.mark.parametrize(
    "raw",
    [
        float("nan"),
        float("inf"),
        "NaN",
        "Infinity",
        "n/a",
        True,
        "1e400",
        10**400,
        [0.9, 0.92],
        {"note": "good"},
    ],
)
def test_a_value_that_is_no_number_leaves_the_others_alone(raw: Any) -> None:
    made = document(file("model/README.md", *reported({"accuracy": raw, "f1": "0.93"})))
    assert made["metrics"] == {"f1": 0.93}
    assert made["metric_names"] == ["f1"]
    assert {entry["metric"] for entry in made["evaluations"]} == {"accuracy", "f1"}
    assert any(code.startswith("metric-") for code in codes(made))
    json.dumps(made, allow_nan=False)


def test_the_last_value_of_a_history_counts() -> None:
    made = document(
        file("model/trainer_state.json", *reported({"eval_accuracy": [0.8, 0.92]}, origin=Origin.RUN))
    )
    assert made["metrics"] == {"accuracy": 0.92}


def test_a_mean_comes_with_its_spread() -> None:
    made = document(file("model/r.json", *reported({"accuracy": {"mean": 90.0, "std": 1.5}})))
    (entry,) = made["evaluations"]
    assert (entry["value"], entry["uncertainty"]) == (0.9, 0.015)


def test_a_standard_error_belongs_to_its_metric() -> None:
    made = document(
        file("model/results.json", *reported({"acc,none": 0.62, "acc_stderr,none": 0.01}, dataset="arc"))
    )
    assert made["metric_names"] == ["accuracy"]
    assert made["evaluations"][0]["uncertainty"] == 0.01


@pytest.mark.parametrize(
    "field", ["extra.x", "hyperparameters.x", "training.learning_rate", "parameters", "context_length"]
)
@pytest.mark.parametrize("raw", [float("nan"), float("inf"), "1e999", 10**500])
def test_no_field_ever_holds_an_infinite_number(field: str, raw: Any) -> None:
    made = document(file("model/a.json", said(field, raw)))
    text = json.dumps(made, allow_nan=False)
    assert math.inf not in json.loads(text).values()
