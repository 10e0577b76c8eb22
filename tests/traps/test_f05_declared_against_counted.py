"""A header that declares `12M` and `94.5%` over 273,664 values: counted wins, and the disagreement is shown."""

import json
import struct
from datetime import UTC, datetime

from catalog.normalise.record import normalise
from catalog.records import Group, Member, ObjectKey, ObjectMeta, SourceId
from crawler.extractors.safetensors import SafetensorsExtractor
from crawler.reader import RangedReader

SHAPE = [32, 8552]  # 273,664 values


def record():
    metadata = {"format": "pt", "parameters": "12M", "accuracy": "94.5%", "note": "by hand"}
    entry = {"dtype": "F16", "shape": SHAPE, "data_offsets": [0, 2 * 273_664]}
    header = json.dumps({"__metadata__": metadata, "weight": entry}).encode()
    data = struct.pack("<Q", len(header)) + header + b"\0" * 2 * 273_664
    extraction = SafetensorsExtractor().extract(
        RangedReader("m.safetensors", len(data), lambda start, end: data[start:end])
    )
    meta = ObjectMeta(
        source=SourceId("test"), key=ObjectKey("m.safetensors"), size_bytes=len(data), change_token="1"
    )
    group = Group(
        source=SourceId("test"),
        key="m.safetensors",
        kind="file",
        members=(Member(object=meta, extraction=extraction),),
    )
    return normalise(group, now=datetime(2025, 1, 1, tzinfo=UTC))


def test_counted_parameters_win_over_declared_ones():
    document = record().document
    assert document["parameters"] == 273_664
    assert document["parameters_source"] == "counted"


def test_percentage_becomes_a_fraction():
    assert record().document["metrics"]["accuracy"] == 0.945


def test_disagreement_is_shown():
    made = record()
    losers = [contender.observation.raw for contender in made.provenance["parameters"].losers]
    assert "12M" in losers
    assert any(
        "declared" in problem["code"] or "parameters" in problem["code"]
        for problem in made.document["problems"]
    )


def test_words_without_a_field_are_kept():
    assert record().document["extra"]["note"] == "by hand"
