"""0.53 beside 47.7 on a leaderboard is 0.53 %; 0.53 beside 0.91 is a fraction."""

from __future__ import annotations

from fixtures.normalise import document, file, reported


def test_a_leaderboard_writes_percent() -> None:
    made = document(
        file(
            "model/README.md",
            *reported({"acc_norm": 47.7, "exact_match": 0.53}, source="Open LLM Leaderboard"),
        )
    )
    assert made["metrics"] == {"accuracy_norm": 0.477, "exact_match": 0.0053}


def test_fractions_stay_fractions() -> None:
    made = document(
        file(
            "model/README.md",
            *reported({"acc_norm": 0.91, "exact_match": 0.53}, source="Open LLM Leaderboard"),
        )
    )
    assert made["metrics"] == {"accuracy_norm": 0.91, "exact_match": 0.53}


def test_blocks_of_one_file_do_not_infect_each_other() -> None:
    made = document(
        file(
            "model/README.md",
            *reported({"accuracy": 93.4}, block="paper"),
            *reported({"f1": 0.8}, block="trainer"),
        )
    )
    assert made["metrics"] == {"accuracy": 0.934, "f1": 0.8}
    assert "problems" not in made
