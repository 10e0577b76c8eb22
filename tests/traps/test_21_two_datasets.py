"""A value belongs to its data set; the headline says which one it is of."""

from __future__ import annotations

from fixtures.normalise import document, file, record, reported

from catalog.records import Origin


def test_each_value_keeps_its_own_data_set() -> None:
    made = document(
        file(
            "model/README.md",
            *reported({"accuracy": 0.5}, dataset="ILSVRC/ImageNet", primary=True),
            *reported({"accuracy": 0.95}, dataset="mnist"),
        )
    )
    assert {(entry["dataset"], entry["value"]) for entry in made["evaluations"]} == {
        ("imagenet", 0.5),
        ("mnist", 0.95),
    }
    assert made["metrics"]["accuracy"] == 0.5
    assert {entry["dataset_id"] for entry in made["evaluations"]} == {"ILSVRC/ImageNet", "mnist"}


def test_the_same_value_from_several_sources_is_one_evaluation() -> None:
    made = document(
        file("model/README.md", *reported({"accuracy": 0.9312}, dataset="imdb", split="test")),
        file(
            "model/.eval_results/imdb.yaml",
            *reported({"accuracy": 93.1}, dataset="stanfordnlp/imdb", split="test", source="eval-results"),
        ),
    )
    (entry,) = made["evaluations"]
    assert entry["sources"] == ["eval-results", "card"]
    assert "flags" not in made


def test_two_values_of_one_fact_are_both_shown_as_a_conflict() -> None:
    made = record(
        file("model/README.md", *reported({"accuracy": 0.93}, dataset="imdb", split="test")),
        file(
            "model/metrics.json",
            *reported({"accuracy": 0.81}, origin=Origin.RUN, dataset="imdb", split="test", source="run"),
        ),
    )
    assert made.document["metrics"]["accuracy"] == 0.93
    assert made.provenance["metrics.accuracy"].conflict
    assert made.provenance["metrics.accuracy"].losers[0].value == 0.81
    assert "conflict" in made.document["flags"]
