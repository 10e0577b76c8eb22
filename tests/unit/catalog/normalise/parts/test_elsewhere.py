"""What a file in another directory says of a model takes nothing from what stands at the model's own place."""

from __future__ import annotations

import pytest
from fixtures.normalise import document, file, record, reported, said, tally, weights

from catalog.layouts.trackers import tracker_around
from catalog.records import Evidence, Member, Origin, Role

RUN = "a" * 32
OWN = "teama/good"


def named(key: str, *statements: tuple[str, object], origin: Origin = Origin.REGISTRY) -> Member:
    """A file that names the model by its bytes, path or run."""
    return file(key, *(said(field, raw, origin=origin) for field, raw in statements), role=Role.RUN)


def own_card(*statements: tuple[str, object]) -> Member:
    return file(f"{OWN}/README.md", *(said(field, raw) for field, raw in statements), role=Role.CARD)


@pytest.mark.parametrize("origin", [Origin.REGISTRY, Origin.SIDECAR, Origin.CARD, Origin.RUN])
@pytest.mark.parametrize(
    ("field", "own", "foreign"),
    [
        ("name", "acme/good", "evil"),
        ("license", "mit", "gpl-3.0"),
        ("version", "1", "9"),
        ("task", "text-classification", "object-detection"),
        ("owner", "ada", "eve"),
        ("training.epochs", 3, 9),
    ],
)
def test_what_a_card_says_wins_over_a_file_elsewhere(
    field: str, own: object, foreign: object, origin: Origin
) -> None:
    """A manifest in another team's directory, with the hash of this one's weights, changed its licence and its name."""
    made = record(
        own_card((field, own)),
        weights(f"{OWN}/model.safetensors", tally(10)),
        named("teamb/oci/index.json", (field, foreign), origin=origin),
        key=OWN,
    )
    (winner,) = made.provenance[field].winners
    assert (winner.observation.raw, winner.observation.key) == (own, f"{OWN}/README.md")
    assert foreign in [item.observation.raw for item in made.provenance[field].losers]


def test_what_only_a_file_elsewhere_says_is_kept_with_that_file() -> None:
    made = record(
        own_card(("license", "mit")),
        weights(f"{OWN}/model.safetensors", tally(10)),
        named("teamb/bom.json", ("version", "9"), ("name", "good")),
        key=OWN,
    )
    assert (made.document["version"], made.document["name"]) == ("9", "good")
    assert made.provenance["version"].winners[0].observation.key == "teamb/bom.json"


def test_a_guess_at_the_model_s_own_place_wins_over_nobody() -> None:
    made = document(
        file(f"{OWN}/x.json", said("task", "object-detection", evidence=Evidence.INFERRED)),
        weights(f"{OWN}/model.safetensors", tally(10)),
        named("teamb/bom.json", ("task", "text-classification")),
        key=OWN,
    )
    assert made["task"] == "text-classification"


def test_a_score_from_elsewhere_is_shown_and_is_not_the_headline_of_one_s_own() -> None:
    made = document(
        file(f"{OWN}/README.md", *reported({"accuracy": 0.5}, dataset="glue", split="test"), role=Role.CARD),
        weights(f"{OWN}/model.safetensors", tally(10)),
        file(
            "teamb/results.json",
            *reported({"accuracy": 0.999}, dataset="glue", split="test", origin=Origin.RUN),
            role=Role.RUN,
        ),
        key=OWN,
    )
    assert made["metrics"] == {"accuracy": 0.5}
    assert {entry["value"] for entry in made["evaluations"]} == {0.5, 0.999}


@pytest.mark.parametrize(
    ("weights_at", "key", "told_at"),
    [
        ("net/weights/m.safetensors", "net", "net/meta/x.json"),  # both in the model's own directory
        ("net/m.safetensors", "net", "x.json"),  # above it, as a bill of materials or a dvc.lock
        ("m.safetensors", ".", "a/x.json"),
        (f"layout/blobs/sha256/{'c' * 64}", f"layout/blobs/sha256/{'c' * 64}", "layout/manifests/x.json"),
        (f"t/mlruns/0/{RUN}/artifacts/m/m.pkl", f"t/mlruns/0/{RUN}/artifacts/m", "t/mlruns/models/n/x.yaml"),
        (
            f"t/mlartifacts/0/{RUN}/artifacts/m/m.pkl",
            f"t/mlartifacts/0/{RUN}/artifacts/m",
            "t/mlruns/0/x.yaml",
        ),
        (
            f"mlruns/0/models/m-{RUN}/artifacts/m.pkl",
            f"mlruns/0/models/m-{RUN}/artifacts",
            "mlruns/0/x/y.yaml",
        ),
    ],
)
def test_stores_and_files_above_speak_for_their_models(weights_at: str, key: str, told_at: str) -> None:
    made = document(
        file(
            f"{weights_at.rpartition('/')[0]}/config.json".lstrip("/"),
            said("name", "own", origin=Origin.CONFIG),
        ),
        weights(weights_at, tally(10)),
        named(told_at, ("name", "registered")),
        key=key,
    )
    assert made["name"] == "registered"


@pytest.mark.parametrize(
    ("key", "root"),
    [
        (f"mlruns/0/{RUN}/artifacts/m.pkl", ""),
        (f"a/b/mlruns/0/{RUN}/artifacts/m/m.pkl", "a/b"),
        (f"a/tracking/0/{RUN}/artifacts/m.pkl", "a/tracking"),
        (f"a/mlruns/0/{RUN}/metrics/m", None),
        ("a/b/artifacts/m.pkl", None),
    ],
)
def test_a_tracker_is_known_by_its_runs_artifacts(key: str, root: str | None) -> None:
    assert tracker_around(key) == root
