"""Thousands of metric names with odd characters stay searchable by name and never make thousands of columns."""

from __future__ import annotations

import re

from fixtures.normalise import codes, document, file, reported


def test_headline_metrics_are_bounded_and_known_ones_are_kept() -> None:
    many = {f"AP/class.{number}@0.5 (x)": 0.5 for number in range(5_000)} | {"accuracy": 0.9}
    made = document(file("model/metrics.json", *reported(many)))
    assert len(made["metrics"]) == 200
    assert made["metrics"]["accuracy"] == 0.9
    assert len(made["evaluations"]) == 5_000
    assert "limit-exceeded" in codes(made)
    assert all(re.fullmatch(r"[a-z0-9_]+", name) for name in [*made["metrics"], *made["metric_names"]])
    assert made["evaluations"][0]["metric"] == "accuracy"


def test_one_name_as_number_and_as_object_has_one_type() -> None:
    made = document(
        file("model/a.json", *reported({"acc": 0.9}, dataset="a")),
        file("model/b.json", *reported({"acc": {"mean": 0.8, "std": 0.1}}, dataset="b")),
    )
    assert isinstance(made["metrics"]["accuracy"], float)
    assert [type(entry["value"]) for entry in made["evaluations"]] == [float, float]


def test_names_that_share_a_slug_are_both_kept_as_evaluations() -> None:
    made = document(file("model/a.json", *reported({"my score": 0.1, "my.score": 0.7})))
    assert set(made["metrics"]) == {"my_score"}
    assert [entry["raw_name"] for entry in made["evaluations"]] == ["my score", "my.score"]
