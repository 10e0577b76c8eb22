"""0.004000000189989805 is a float32 of 0.004: the short number is the value, the raw one is kept."""

from __future__ import annotations

from fixtures.normalise import file, record, said


def test_the_short_decimal_is_the_value_and_the_raw_is_kept() -> None:
    made = record(file("model/config.json", said("training.learning_rate", 0.004000000189989805)))
    assert made.document["training"]["learning_rate"] == 0.004
    winner = made.provenance["training.learning_rate"].winners[0]
    assert winner.observation.raw == 0.004000000189989805
    assert winner.changes == ("float32-shortest",)
