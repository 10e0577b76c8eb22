"""A metric between 0 and 1 is a fraction, however a file writes it; other metrics keep their own scale."""

from __future__ import annotations

from typing import Any

import pytest
from fixtures.normalise import codes, document, file, record, reported


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (93.4, 0.934),
        ("93.4%", 0.934),
        ("93,4 %", 0.934),
        (0.934, 0.934),
        ("0.934", 0.934),
        (1, 1.0),
        (100, 1.0),
        (0, 0.0),
        (101, None),
        (-0.2, None),
        ("20.0 ± 1.2", 0.2),
    ],
)
def test_accuracy_alone_becomes_a_fraction(raw: Any, expected: float | None) -> None:
    made = document(file("model/README.md", *reported({"accuracy": raw})))
    assert made.get("metrics", {}).get("accuracy") == expected


def test_the_value_says_what_was_done_to_it() -> None:
    made = record(file("model/README.md", *reported({"acc": 93.4})))
    winner = made.provenance["metrics.accuracy"].winners[0]
    assert winner.changes == ("alias acc→accuracy", "percent÷100", "percent-inferred")
    assert winner.observation.raw == 93.4
    (entry,) = made.document["evaluations"]
    assert (entry["raw_name"], entry["raw_value"], entry["unit"], entry["evidence"]) == (
        "acc",
        "93.4",
        "fraction",
        "inferred",
    )


def test_exactly_one_is_kept_as_a_fraction_and_flagged() -> None:
    assert "metric-ambiguous" in codes(document(file("model/README.md", *reported({"accuracy": 1}))))


def test_a_small_value_beside_percentages_stays_a_fraction_and_is_flagged() -> None:
    made = document(file("model/README.md", *reported({"accuracy": 93.4, "f1": 0.8})))
    assert made["metrics"] == {"accuracy": 0.934, "f1": 0.8}
    assert "metric-ambiguous" in codes(made)


@pytest.mark.parametrize(
    ("name", "raw", "expected"),
    [
        ("bleu", 34.2, 34.2),
        ("wer", 1.2, 1.2),
        ("wer", "12%", 0.12),
        ("perplexity", 12.5, 12.5),
        ("mcc", 0.7, 0.7),
        ("mcc", "70%", 0.7),
        ("rougeL", 42.1, 42.1),
        ("rougeL", 0.42, 0.42),
        ("mape", "5%", 5.0),
        ("latency", 12.0, 12.0),
    ],
)
def test_other_families_keep_their_scale(name: str, raw: Any, expected: float) -> None:
    made = document(file("model/README.md", *reported({name: raw})))
    assert list(made["metrics"].values()) == [expected]


def test_the_key_or_the_unit_may_say_percent() -> None:
    made = document(
        file("model/a.json", *reported({"accuracy_pct": 0.5})),
        file("model/b.json", *reported({"recall": 0.4}, unit="%")),
    )
    assert made["metrics"] == {"accuracy": 0.005, "recall": 0.004}
