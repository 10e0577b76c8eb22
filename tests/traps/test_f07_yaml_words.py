"""Scalars of YAML stay text until a field says what they are."""

from __future__ import annotations

from fixtures.normalise import document, file, said


def test_a_field_decides_what_a_scalar_is() -> None:
    made = document(
        file(
            "model/README.md",
            said("language", "no"),
            said("training.learning_rate", "5e-5"),
            said("version", "1.10"),
            said("code_version", "123e4567"),
        )
    )
    assert made["language"] == ["no"]
    assert made["training"]["learning_rate"] == 0.00005
    assert made["version"] == "1.10"
    assert made["code_version"] == "123e4567"
