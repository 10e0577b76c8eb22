"""safetensors: exact counts of tensors from the header alone, and what writers leave in `__metadata__`."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import ClassVar

import pytest

from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.safetensors import SafetensorsExtractor
from crawler.formats.safetensors_format import REMEMBERED_BYTES
from crawler.reader import bytes_reader

DATA = Path(__file__).parents[3] / "corpus" / "data" / "hub"


class TestSafetensors(ExtractorSuite):
    extractor = SafetensorsExtractor
    expected: ClassVar = {
        "title": "Watercolour",
        "license": "CreativeML Open RAIL++-M",
        "training.learning_rate": "0.0001",
        "training.steps": "1200",
        "adapter.rank": 4,
        "trained_at": "1709287200.25",
        "base_model.id": "sd_xl_base_1.0.safetensors",
        "framework": "pytorch",
    }

    def sample(self):
        return Sample(
            key="loras/watercolour.safetensors", data=(DATA / "watercolour-lora.safetensors").read_bytes()
        )


class TestSafetensorsWithManyDtypes(ExtractorSuite):
    extractor = SafetensorsExtractor
    expected: ClassVar = {"parameters": "12M", "metrics.accuracy": "94.5%", "extra.team": "vision"}

    def sample(self):
        return Sample(key="model.safetensors", data=(DATA / "mixed.safetensors").read_bytes())


def checkpoint(value: int, *, note: str) -> bytes:
    header = {
        "__metadata__": {"note": note},
        "a.weight": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]},
        "b.lora_A.weight": {"dtype": "U8", "shape": [2, 1], "data_offsets": [1, 3]},
    }
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes([value] * 3)


@pytest.mark.parametrize(
    ("characters", "is_shared"), [(10, True), (REMEMBERED_BYTES, False)], ids=["usual", "large"]
)
def test_checkpoints_of_one_run_share_what_is_made_of_their_equal_headers(characters, is_shared):
    """And no more than that is kept: what a large header says is as large."""
    first, second = (
        SafetensorsExtractor().extract(
            bytes_reader(f"{value}/model.safetensors", checkpoint(value, note="x" * characters))
        )
        for value in range(2)
    )
    assert (first.tensors is second.tensors) == is_shared
    assert first.tensors == second.tensors
    assert [seen.raw for seen in first.observations if seen.field == "adapter.rank"] == [2]
