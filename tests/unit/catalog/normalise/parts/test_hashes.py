"""Which hashes a record gets, and from whom: bytes prove, names and shapes do not."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

import pytest
from fixtures.normalise import document, file, said, tally, tensors, weights

from catalog.records import Evidence, FileStatus, Member, Origin, Role, TensorInfo
from catalog.records.hashes import tensor_digest, tensor_label, tensors_digest

A, B = "a" * 64, "b" * 64


def digest(*names: str) -> str:
    return tensors_digest(
        tensor_digest(tensor_label(name, "F32", (1,)), sha256(name.encode()).digest()) for name in names
    )


def with_digest(member: Member, tensors_digest: str) -> Member:
    assert member.extraction is not None
    return replace(member, extraction=replace(member.extraction, tensors_digest=tensors_digest))


def declared(value: str, about: str | None = None):
    context = {} if about is None else {"file": about}
    return said("content_hash", value, origin=Origin.LISTING, evidence=Evidence.DECLARED, **context)


def test_shards_and_a_single_file_of_the_same_bytes_have_one_tensors_hash() -> None:
    single = document(with_digest(weights("m/model.safetensors", tally(2)), digest("a", "b")), key="m")
    sharded = document(
        with_digest(weights("m/model-00001-of-00002.safetensors", tally(1)), digest("b")),
        with_digest(weights("m/model-00002-of-00002.safetensors", tally(1)), digest("a")),
        key="m",
    )
    assert len(single["tensors_hash"]) == 64
    assert single["tensors_hash"] == sharded["tensors_hash"]


def test_names_and_shapes_are_no_hash_of_tensors() -> None:
    made = document(weights("m/model.safetensors", summary=tensors(tally(2), names=["a"])), key="m")
    assert "tensors_hash" not in made


def test_one_shard_without_its_bytes_leaves_the_whole_unknown() -> None:
    made = document(
        with_digest(weights("m/model-00001-of-00002.safetensors", tally(1), sha256=A), digest("a")),
        weights("m/model-00002-of-00002.safetensors", tally(1)),
        key="m",
    )
    assert not {"tensors_hash", "content_hash"} & set(made)


def test_the_hash_of_several_files_is_that_of_their_sorted_hashes() -> None:
    made = document(
        weights("m/model-00001-of-00002.safetensors", tally(1), sha256=B),
        weights("m/model-00002-of-00002.safetensors", tally(1), sha256=A),
        key="m",
    )
    assert made["content_hash"] == sha256(f"{A}\n{B}\n".encode()).hexdigest()


def test_a_checksum_file_for_one_shard_is_not_about_the_model() -> None:
    shards = [weights(f"m/model-0000{number}-of-00002.safetensors", tally(1)) for number in (1, 2)]
    sums = [declared(A, shards[0].object.key), declared(B, shards[1].object.key)]
    one = document(*shards, file("m/SHA256SUMS", sums[0], role=Role.AUXILIARY), key="m")
    both = document(*shards, file("m/SHA256SUMS", *sums, role=Role.AUXILIARY), key="m")
    assert "content_hash" not in one
    assert both["content_hash"] == sha256(f"{A}\n{B}\n".encode()).hexdigest()


@pytest.mark.parametrize(("named", "problems"), [(A, []), (B, ["checksum-mismatch"])])
def test_a_blob_with_other_bytes_than_its_name_says_is_a_problem(named, problems) -> None:
    """A blob that was damaged while it was copied to another machine looked whole."""
    made = document(weights(f"models/blobs/sha256-{named}", tally(1), sha256=A), key="m")
    assert [problem["code"] for problem in made.get("problems", [])] == problems


def test_a_checksum_that_the_bytes_contradict_is_a_problem_and_not_the_hash() -> None:
    made = document(
        weights("m/model.safetensors", tally(1), sha256=A),
        file("m/model.safetensors.sha256", declared(B, "m/model.safetensors"), role=Role.AUXILIARY),
        key="m",
    )
    assert made["content_hash"] == A
    assert "checksum-mismatch" in [problem["code"] for problem in made["problems"]]
    assert "conflict" in made["flags"]


def test_pointers_of_all_shards_together_are_the_hash() -> None:
    pointers = [
        file(
            f"m/model-0000{number}-of-00002.safetensors",
            declared(value),
            role=Role.WEIGHTS,
            format="safetensors",
            status=FileStatus.POINTER,
        )
        for number, value in ((1, A), (2, B))
    ]
    assert document(*pointers, key="m")["content_hash"] == sha256(f"{A}\n{B}\n".encode()).hexdigest()


def test_every_part_of_a_tensor_counts() -> None:
    info = TensorInfo(name="a", dtype="F32", shape=(2, 3), elements=6)
    data = sha256(b"x").digest()
    whole = tensor_digest(tensor_label(info.name, info.dtype, info.shape), data)
    others = {
        tensor_digest(tensor_label("b", "F32", (2, 3)), data),
        tensor_digest(tensor_label("a", "F16", (2, 3)), data),
        tensor_digest(tensor_label("a", "F32", (3, 2)), data),
        tensor_digest(tensor_label("a", "F32", (2, 3)), sha256(b"y").digest()),
    }
    assert len(others | {whole}) == 5


def test_of_several_registered_versions_of_the_same_files_the_newest_is_the_version() -> None:
    versions = [
        said("version", number, origin=Origin.REGISTRY, pointer=f"sql:/{number}")
        for number in ("9", "10", "2")
    ]
    made = document(weights("m/model.safetensors", tally(1)), file("mlflow.db", *versions), key="m")
    assert made["version"] == "10"
    assert "conflict" not in made.get("flags", ())


def test_structure_is_the_same_whatever_the_values_and_unknown_for_a_few_tensors():
    from fixtures.normalise import document, tally, tensors, weights

    names = [f"layer.{number}.weight" for number in range(9)]

    def structure(**options):
        return document(weights("m/model.safetensors", summary=tensors(tally(9), **options))).get(
            "structure_hash"
        )

    assert structure(names=names) == structure(names=names) is not None
    assert structure(names=names) != structure(names=[*names, "head.weight"])
    assert structure(names=names[:3]) is None
    assert structure(names=names, complete=False) is None
