"""An index that declares 333,312 parameters over headers that hold 7.6 billion: counted wins.

Source: huggingface/huggingface_hub issue 4221.
"""

import json
import struct
from datetime import UTC, datetime

import pytest

from catalog.normalise.record import normalise
from catalog.records import Group, Member, ObjectKey, ObjectMeta, SourceId
from crawler.extractors.safetensors import SafetensorsExtractor
from crawler.extractors.weights_index import WeightsIndexExtractor
from crawler.reader import RangedReader

SHARDS = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")
ROWS, COLUMNS = 475_000, 8_000  # 3.8 billion values a shard


def shard(number):
    size = 2 * ROWS * COLUMNS
    entry = {"dtype": "BF16", "shape": [ROWS, COLUMNS], "data_offsets": [0, size]}
    header = json.dumps({f"layer.{number}": entry}).encode()
    start = struct.pack("<Q", len(header)) + header
    return start, len(start) + size


def sparse(start):
    """Zeros behind the header: nobody may read so far."""
    return lambda first, last: start[first:last].ljust(last - first, b"\0")


def member(key, size, extraction):
    meta = ObjectMeta(source=SourceId("test"), key=ObjectKey(f"m/{key}"), size_bytes=size, change_token="1")
    return Member(object=meta, extraction=extraction)


@pytest.fixture
def document():
    members = []
    for number, name in enumerate(SHARDS):
        start, size = shard(number)
        extraction = SafetensorsExtractor().extract(RangedReader(f"m/{name}", size, sparse(start)))
        assert extraction.bytes_read <= 128 * 1024
        members.append(member(name, size, extraction))
    weight_map = {f"layer.{number}": name for number, name in enumerate(SHARDS)}
    index = json.dumps({"metadata": {"total_parameters": 333_312}, "weight_map": weight_map}).encode()
    name = "model.safetensors.index.json"
    extraction = WeightsIndexExtractor().extract(RangedReader(f"m/{name}", len(index), sparse(index)))
    members.append(member(name, len(index), extraction))
    group = Group(source=SourceId("test"), key="m", kind="directory", members=tuple(members))
    return normalise(group, now=datetime(2025, 1, 1, tzinfo=UTC)).document


def test_counted_parameters_win_over_the_index(document):
    assert document["parameters"] == 7_600_000_000
    assert document["parameters_source"] == "counted"


def test_all_shards_are_there(document):
    assert document["shards"] == {"expected": 2, "found": 2}
    assert document["complete"] is True
