"""Dates of 1980 are none, a local date has no hour, epochs are read by their size."""

from __future__ import annotations

import pytest
from fixtures.normalise import document, file, record, said


def test_the_year_of_a_zip_without_dates_is_no_date() -> None:
    assert "created_at" not in document(file("model/m.keras", said("created_at", "1980-01-01")))


def test_a_saved_date_without_zone_is_assumed_utc_and_known_to_the_day() -> None:
    made = record(
        file("model/m.keras", said("created_at", "2024-05-06@07:08:09", pointer="json:/date_saved"))
    )
    assert made.document["created_at"] == "2024-05-06T07:08:09.000Z"
    assert made.document["created_at_precision"] == "day"
    assert made.provenance["created_at"].winners[0].changes == ("date-assumed-utc",)


@pytest.mark.parametrize("raw", [1_700_000_000, 1_700_000_000_000, 1_700_000_000_000_000_000, "1700000000"])
def test_an_epoch_is_read_by_its_magnitude(raw: int | str) -> None:
    made = document(file("model/m.safetensors", said("trained_at", raw)))
    assert made["trained_at"] == "2023-11-14T22:13:20.000Z"
