"""Dates are UTC with their precision; what cannot be known is not guessed, and a file's mtime is no training date."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from fixtures.normalise import codes, document, file, record, said, weights

from catalog.records import Origin


@pytest.mark.parametrize(
    ("raw", "text", "precision"),
    [
        ("2024-01-01T00:30", "2024-01-01T00:30:00.000Z", "instant"),
        ("2023", "2023-01-01T00:00:00.000Z", "year"),
        (1_700_000_000, "2023-11-14T22:13:20.000Z", "instant"),
        (1_700_000_000_000, "2023-11-14T22:13:20.000Z", "instant"),
        ("20230115", "2023-01-15T00:00:00.000Z", "day"),
    ],
)
def test_the_date_keeps_its_precision(raw: Any, text: str, precision: str) -> None:
    made = document(file("model/a.json", said("trained_at", raw)))
    assert (made["trained_at"], made["trained_at_precision"]) == (text, precision)
    assert (made["best_date"], made["best_date_precision"], made["date_source"]) == (
        text,
        precision,
        "trained_at",
    )


@pytest.mark.parametrize(
    ("raw", "code"),
    [("03/04/2023", "date-ambiguous"), ("2099-01-01", "date-implausible"), ("soon", "date-unreadable")],
)
def test_a_date_that_cannot_be_known_is_a_problem_and_no_date(raw: str, code: str) -> None:
    made = record(file("model/a.json", said("trained_at", raw)))
    assert "trained_at" not in made.document
    assert "best_date" not in made.document
    assert code in codes(made.document)
    (loser,) = made.provenance["trained_at"].losers
    assert loser.observation.raw == raw


def test_a_date_that_was_never_set_is_silently_none() -> None:
    made = document(file("model/a.json", said("created_at", "1980-01-01T00:00:00")))
    assert "created_at" not in made
    assert codes(made) == []


def test_modification_is_never_training() -> None:
    made = document(weights("model/model.safetensors", modified=datetime(2024, 5, 1, tzinfo=UTC)))
    assert made["modified_at"] == "2024-05-01T00:00:00.000Z"
    assert not {"trained_at", "created_at", "best_date", "date_source"} & set(made)


def test_trained_comes_before_created_and_evaluated_after_both() -> None:
    evaluated = said("metrics.accuracy", 0.9, evaluated_at="2024-03-01")
    assert document(file("model/a.json", evaluated))["date_source"] == "evaluated_at"
    made = document(
        file("model/a.json", evaluated, said("created_at", "2024-02-01"), said("trained_at", "2024-01-31"))
    )
    assert (made["best_date"], made["date_source"]) == ("2024-01-31T00:00:00.000Z", "trained_at")
    assert "conflict" not in made.get("flags", ())


def test_dates_far_apart_are_a_conflict_that_is_shown() -> None:
    made = record(
        file("model/m.bin", said("trained_at", "2024-01-01", origin=Origin.EMBEDDED)),
        file("model/README.md", said("trained_at", "2023-06-01", origin=Origin.CARD)),
    )
    assert made.document["trained_at"] == "2024-01-01T00:00:00.000Z"
    assert "conflict" in made.document["flags"]
    assert made.provenance["trained_at"].conflict


def test_a_year_does_not_contradict_a_day_in_it() -> None:
    made = document(
        file("model/m.bin", said("trained_at", "2024-05-01", origin=Origin.EMBEDDED)),
        file("model/README.md", said("trained_at", "2024", origin=Origin.CARD)),
    )
    assert "flags" not in made
