"""Whatever lies in a source, its neighbourhoods grouped apart are its groups."""

import dataclasses
import os
from pathlib import Path

import pytest
from fixtures.neighbourhoods import grouped_apart, grouped_whole
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.records import Extraction, Member, ObjectKey, ObjectMeta, Reference, Role, SourceId, Subject
from crawler.reader import Budget
from crawler.reading import ObjectReader, Registry
from crawler.sources.local import LocalSource

SOURCE = SourceId("file:///srv/models")
ROOT = Path(__file__).parents[2]
HASHES = ("a" * 64, "b" * 64)
MD5 = "ab" + "c" * 30
DIRECTORIES = [
    "a",
    "b",
    "c",
    "foo",
    "foo.mlpackage",
    "foo.mlmodelc",
    "onnx",
    "checkpoint-10",
    "checkpoint-20",
    "blobs",
    "snapshots",
    "models--org--name",
    "context",
    "weights",
    "logs",
    ".eval_results",
    "ab",
    "files",
]
WEIGHTS = [
    "model.safetensors",
    "foo.safetensors",
    "foo.onnx",
    "best.pt",
    "last.pt",
    "optimizer.pt",
    "mmproj-foo.gguf",
    "model-00001-of-00002.safetensors",
    "c" * 30,
    HASHES[0],
    f"sha256-{HASHES[1]}",
]
CONTEXT = {
    "config.json": Role.CONFIG,
    "README.md": Role.CARD,
    "model_index.json": Role.CONFIG,
    "modules.json": Role.CONFIG,
    "MLmodel": Role.CONFIG,
    "meta.json": Role.CONFIG,
    "config.cfg": Role.CONFIG,
    "eval_results.json": Role.RUN,
    "LICENSE": Role.AUXILIARY,
    "foo.modeldex.yaml": Role.SIDECAR,
    "a.modeldex.yaml": Role.SIDECAR,
    "model.safetensors.index.json": Role.INDEX,
    "foo.dvc": Role.POINTER,
    "run.yaml": Role.RUN,
    "SHA256SUMS": Role.AUXILIARY,
    "x.bin": Role.DATA,
    ".metadata": Role.WEIGHTS,
    "part.distcp": Role.DATA,
}

folder = st.lists(st.sampled_from(DIRECTORIES), max_size=4).map("/".join)
name = st.sampled_from([*WEIGHTS, *CONTEXT])
key = st.builds(lambda where, what: f"{where}/{what}" if where else what, folder, name)
join_key = st.one_of(
    key.map(lambda text: f"path:{text}"),
    folder.map(lambda text: f"dir:{text}"),
    st.sampled_from([*(f"sha256:{digest}" for digest in HASHES), "mlflow:1", f"md5:{MD5}"]),
)
identity = st.sampled_from(["run-1", "run-2", "experiment"]) | key.map(lambda text: f"path:{text}")
subject = st.builds(
    Subject,
    id=identity,
    join_keys=st.lists(join_key, max_size=2).map(tuple),
    standalone=st.booleans(),
    part_of=st.lists(identity, max_size=1).map(tuple),
)
reference = st.builds(
    Reference,
    name=st.sampled_from(["foo.safetensors", "x.bin", "a/x.bin", "a/b/model.safetensors", "onnx/foo.onnx"]),
    relation=st.sampled_from(["shard", "data", "component"]),
)


def seldom(strategy, **options):
    return st.just(()) | st.just(()) | st.lists(strategy, **options).map(tuple)


@st.composite
def member(draw, keys=key):
    own = draw(keys)
    role = CONTEXT.get(own.rpartition("/")[2], Role.WEIGHTS)
    meta = ObjectMeta(
        source=SOURCE,
        key=ObjectKey(own),
        size_bytes=10,
        change_token="1",
        file_identity=draw(st.none() | st.sampled_from(["1:1", "1:2"])),
        sha256=draw(st.none() | st.none() | st.sampled_from(HASHES)) if role is Role.WEIGHTS else None,
    )
    if role is Role.DATA and draw(st.booleans()):
        return Member(object=meta, extraction=None)
    told = role in {Role.RUN, Role.POINTER, Role.AUXILIARY}
    extraction = Extraction(
        key=meta.key,
        extractor="x",
        extractor_version=1,
        format="dvc" if role is Role.POINTER else None,
        role=role,
        references=draw(seldom(reference, max_size=2))
        if role in {Role.WEIGHTS, Role.INDEX, Role.CONFIG}
        else (),
        subjects=draw(st.lists(subject, max_size=2).map(tuple)) if told else (),
        join_keys=draw(seldom(join_key, max_size=1)),
    )
    return Member(object=meta, extraction=extraction)


trees = st.lists(member(), max_size=14, unique_by=lambda one: one.object.key)
plain = st.lists(
    member().map(
        lambda one: dataclasses.replace(
            one,
            extraction=one.extraction
            and dataclasses.replace(one.extraction, references=(), subjects=(), join_keys=()),
        )
    ),
    max_size=20,
    unique_by=lambda one: one.object.key,
)


@settings(max_examples=300, deadline=None)
@given(trees | plain)
def test_neighbourhoods_grouped_apart_are_the_groups_of_the_source(members):
    assert grouped_apart(SOURCE, members) == grouped_whole(SOURCE, members)


def folders(*roots):
    found = [Path(folder) for root in roots for folder, _, _ in os.walk(ROOT / root)]
    return [folder for folder in found if len(folder.relative_to(ROOT).parts) <= 4]


@pytest.mark.parametrize(
    "folder", folders("examples", "tests/corpus/data"), ids=lambda folder: str(folder.relative_to(ROOT))
)
def test_real_trees_grouped_apart_are_their_groups(folder):
    source = LocalSource(folder)
    reader = ObjectReader(source, Registry.installed(), Budget())
    members = []
    for step in source.list():
        for meta in step.objects:
            entry = reader.read(meta, None).entry
            if entry.outline is not None:
                members.append(Member(object=entry.object, extraction=entry.outline))
    assert grouped_apart(source.id, members) == grouped_whole(source.id, members)
