from __future__ import annotations

import subprocess
import sys

import pytest
from fixtures.normalise import codes, document, file, record, said, tally, tensors, weights

from catalog.records import Evidence, Origin, Reference, Role
from catalog.records.objects import SAME_BYTES


@pytest.mark.parametrize(("key", "above"), [("m", "m/"), (".", "")])
def test_a_saved_model_is_one_set_of_files(key: str, above: str) -> None:
    """One that was crawled by itself was two: `variables/` has nothing before it there."""
    made = document(
        weights(
            f"{above}saved_model.pb", format="tensorflow_saved_model", summary=tensors(counts=False), size=900
        ),
        weights(
            f"{above}variables/variables.index",
            tally(123),
            format="tensorflow_saved_model",
            size=100,
            references=(Reference(name="variables.data-00000-of-00001", relation="data"),),
        ),
        file(f"{above}variables/variables.data-00000-of-00001", role=Role.DATA, size=500),
        key=key,
    )
    assert (made["parameters"], made["size_bytes"]) == (123, 1_500)
    assert "alternatives" not in made


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("net-fp16.engine", "F16"),
        ("net.Q4_K_M.bin", "Q4_K_M"),
        ("net_int8.plan", "I8"),
        ("profile16.bin", None),
    ],
)
def test_a_file_name_is_the_last_word_on_precision(name: str, expected: str | None) -> None:
    made = document(file(f"m/{name}", role=Role.WEIGHTS, format="tensorrt"), key="m")
    assert made.get("precision") == expected


def test_the_tensors_say_the_precision_and_not_the_file_name() -> None:
    assert (
        document(weights("m/silero_vad_half.onnx", tally(10), format="onnx"), key="m")["precision"] == "F32"
    )


def test_a_configured_dtype_is_a_wish_that_the_tensors_overrule() -> None:
    made = record(
        file(
            "m/config.json",
            said("precision", "torch.bfloat16", origin=Origin.CONFIG, evidence=Evidence.DECLARED),
        ),
        weights("m/model.safetensors", tally(10, dtype="F16")),
        key="m",
    )
    provenance = made.provenance["precision"]
    assert made.document["precision"] == "F16"
    assert [(loser.value, loser.lost_because) for loser in provenance.losers] == [
        ("BF16", "counted-beats-declared")
    ]


@pytest.mark.parametrize(
    ("written", "counted", "conflict"),
    [
        ("7B", 7_240_000_000, False),
        ("8B", 8_030_000_000, False),
        ("7B", 9_000_000_000, True),
        ("0.5B", 494_000_000, False),
    ],
)
def test_a_rounded_size_label_is_no_conflict(written: str, counted: int, conflict: bool) -> None:
    made = document(
        weights("m/model.safetensors", tally(counted, dtype="BF16"), size=2 * counted),
        file("m/config.json", said("parameters", written, evidence=Evidence.DECLARED)),
        key="m",
    )
    assert ("parameters-conflict" in codes(made)) == conflict


def test_graph_shapes_are_no_weights() -> None:
    made = document(
        weights(
            "m/a.onnx",
            tally(283),
            tally(7, dtype="I64"),
            tally(3, dtype="I64", part="constant"),
            tally(2, part="constant"),
            format="onnx",
        ),
        key="m",
    )
    assert made["parameters"] == 285


def test_a_network_whose_weights_are_made_elsewhere_has_no_count() -> None:
    made = document(weights("m/light.onnx", format="onnx", summary=tensors(tally(3), counts=False)), key="m")
    assert "parameters" not in made


def test_queries_pay_for_no_licence_parser_and_no_database() -> None:
    code = (
        "import sys, catalog.normalise.metrics, catalog.normalise.values.units, catalog.normalise.values.dates, mappings.metrics;"
        "print(sorted({'sqlalchemy', 'license_expression', 'yaml', 'flask'} & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert out.stdout.strip() == "[]"


def test_the_packaging_is_a_format_beside_that_of_the_weights() -> None:
    made = document(
        weights("m/model.skops", format="skops"),
        file("m/MLmodel", format="mlflow"),
        file("m/README.md", format="model-card", role=Role.CARD),
        key="m",
    )
    assert made["format"] == ["skops", "mlflow"]


def test_weights_of_unknown_type_are_counted_and_have_no_precision() -> None:
    made = document(weights("m/_METADATA", tally(40, dtype="UNKNOWN"), format="orbax"), key="m")
    assert made["parameters"] == 40
    assert "precision" not in made


@pytest.mark.parametrize(
    ("identity", "size"),
    [("1:7", 500), (f"{SAME_BYTES}d41d8cd98f00b204e9800998ecf8427e:500", 1000)],
    ids=["hard links are one file", "objects of equal bytes are two"],
)
def test_size_is_what_the_files_take(identity: str, size: int) -> None:
    """Two ranks of equal bytes in a bucket were counted once: storage shows them by one digest."""
    made = document(
        weights("m/rank-0.safetensors", tally(10), size=500, identity=identity),
        weights("m/rank-1.safetensors", tally(10), size=500, identity=identity),
        key="m",
        kind="container",
    )
    assert made["total_bytes"] == size
