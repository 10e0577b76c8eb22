"""A file that declares 12M parameters and holds 273,664 values has 273,664 parameters, and the disagreement is shown."""

from __future__ import annotations

from fixtures.normalise import codes, file, record, said, tally, weights

from catalog.records import Evidence, Origin

CLAIMS = (
    said("parameters", "12M", origin=Origin.EMBEDDED, evidence=Evidence.DECLARED),
    said("metrics.accuracy", "94.5%", origin=Origin.EMBEDDED),
)


def test_counted_wins_and_the_claim_is_shown() -> None:
    made = record(
        weights("model/model.safetensors", tally(273_664), size=4_000_000), file("model/claims.json", *CLAIMS)
    )
    assert (made.document["parameters"], made.document["parameters_source"]) == (273_664, "counted")
    assert made.document["metrics"]["accuracy"] == 0.945
    assert "parameters-conflict" in codes(made.document)
    assert "conflict" in made.document["flags"]
    (loser,) = made.provenance["parameters"].losers
    assert (loser.value, loser.lost_because) == (12_000_000, "counted-beats-declared")


def test_a_claim_that_does_not_fit_the_bytes_is_refused() -> None:
    made = record(
        weights("model/m.engine", format="tensorrt", summary=None, size=1_000),
        file("model/claims.json", said("parameters", "7B", evidence=Evidence.DECLARED)),
    )
    assert made.document["parameters"] == 1_000
    assert made.provenance["parameters"].losers[0].lost_because == "implausible"


def test_a_claim_stands_where_nothing_can_be_counted() -> None:
    opaque = file("model/m.engine", format="tensorrt", role=weights("x").extraction.role, size=16_000_000)
    made = record(
        opaque, file("model/README.md", said("parameters", "7 million", evidence=Evidence.DECLARED))
    )
    assert (made.document["parameters"], made.document["parameters_source"]) == (7_000_000, "declared")
