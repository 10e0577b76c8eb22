"""An index that declares 333,312 parameters over headers that hold 7.6 billion: counted wins."""

from __future__ import annotations

from fixtures.normalise import codes, document, file, said, tally, tensors, weights

from catalog.records import Evidence, Origin, Reference, Role


def index(*names: str, total: int | None = None):
    claims = (
        ()
        if total is None
        else (said("parameters", total, origin=Origin.CONFIG, evidence=Evidence.DECLARED),)
    )
    return file(
        "model/model.safetensors.index.json",
        *claims,
        role=Role.INDEX,
        references=tuple(
            Reference(name=name, relation="shard", tensors=(f"t{name[6:11]}",)) for name in names
        ),
    )


def shard(number: int, total: int, elements: int = 3_800_000_000):
    name = f"model-{number:05d}-of-{total:05d}.safetensors"
    summary = tensors(tally(elements, dtype="BF16"), names=[f"t{number:05d}"])
    return weights(f"model/{name}", summary=summary, size=2 * elements)


NAMES = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")


def test_the_headers_win_over_the_index() -> None:
    made = document(index(*NAMES, total=333_312), shard(1, 2), shard(2, 2))
    assert (made["parameters"], made["parameters_source"]) == (7_600_000_000, "counted")
    assert made["shards"] == {"expected": 2, "found": 2}
    assert made["complete"] is True


def test_a_missing_shard_is_named_and_no_half_count_is_shown() -> None:
    made = document(index(*NAMES), shard(1, 2))
    assert "parameters" not in made
    assert made["complete"] is False
    assert made["shards"] == {"expected": 2, "found": 1}
    assert "incomplete" in made["flags"]
    assert any("model-00002-of-00002.safetensors" in problem["message"] for problem in made["problems"])


def test_a_missing_shard_is_known_by_its_number_alone() -> None:
    made = document(shard(1, 3), shard(3, 3))
    assert made["shards"] == {"expected": 3, "found": 2}
    assert any(
        "model-00002-of-00003.safetensors is missing" in problem["message"] for problem in made["problems"]
    )


def test_a_shard_of_an_older_run_is_stray_and_not_counted() -> None:
    made = document(index(*NAMES), shard(1, 2), shard(2, 2), shard(3, 3))
    assert made["parameters"] == 7_600_000_000
    assert made["complete"] is True
    assert "stray-shard" in codes(made)


def test_tensors_that_no_header_holds_make_it_incomplete() -> None:
    other = weights("model/model-00002-of-00002.safetensors", summary=tensors(tally(5), names=["other"]))
    made = document(index(*NAMES), shard(1, 2, 10), other)
    assert made["complete"] is False
    assert {"missing-tensors", "unnamed-tensors"} <= set(codes(made))
