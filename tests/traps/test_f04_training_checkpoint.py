"""A training checkpoint with model, optimizer and step: only the model is counted, the step is metadata."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from catalog.normalise.record import normalise
from catalog.records import Group, Member, ObjectKey, ObjectMeta, SourceId
from crawler.extractors.torch_zip import TorchZipExtractor
from crawler.reader import bytes_reader

DATA = Path(__file__).parents[1] / "corpus" / "data" / "torch"
TRUTH = json.loads((DATA / "truth.json").read_text())


@pytest.fixture(scope="module")
def document():
    from datetime import UTC, datetime

    data = (DATA / "checkpoint.pt").read_bytes()
    source, key = SourceId("disk"), ObjectKey("run/checkpoint.pt")
    meta = ObjectMeta(source=source, key=key, size_bytes=len(data), change_token="1")
    member = Member(object=meta, extraction=TorchZipExtractor().extract(bytes_reader(key, data)))
    group = Group(source=source, key="run", kind="directory", members=(member,))
    return normalise(group, now=datetime(2026, 1, 1, tzinfo=UTC)).document


def test_only_the_model_is_counted(document):
    assert document["parameters"] == TRUTH["checkpoint.pt"]["parameters"]
    assert document["precision"] == "F32"


def test_step_and_epoch_are_metadata(document):
    assert document["training"]["steps"] == 1400
    assert document["training"]["epochs"] == 7
    assert document["training"]["learning_rate"] == 0.0002
