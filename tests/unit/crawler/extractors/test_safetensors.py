"""safetensors: exact counts of tensors from the header alone, and what writers leave in `__metadata__`."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import ClassVar

import pytest
from fixtures.crawling import safetensors
from fixtures.extraction import extract, values_of

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


SAID_IN_OBJECTS = {
    "ai-toolkit": (
        {"training_info": json.dumps({"step": 2000, "epoch": 12})},
        {"training.steps": 2000, "training.epochs": 12},
    ),
    "OneTrainer": (
        {
            "ot_config": json.dumps(
                {"learning_rate": 3e-4, "base_model_name": "acme/xl", "training_method": "LORA"}
            )
        },
        {"training.learning_rate": 3e-4, "base_model.id": "acme/xl", "base_model.relation": "adapter"},
    ),
    "web UI": (
        {"sd_merge_models": json.dumps({"a" * 64: {"name": "ink_8.safetensors", "sd_merge_recipe": None}})},
        {"base_model.id": "ink_8.safetensors", "base_model.relation": "merge"},
    ),
    "none of them": ({"training_info": "[1", "sd_merge_models": "{}", "ot_config": '{"epochs": true}'}, {}),
}


@pytest.mark.parametrize("writer", SAID_IN_OBJECTS)
def test_what_trainers_and_mergers_write_as_one_text_is_read(writer):
    """Steps, rates and merged models stood there unread."""
    metadata, expected = SAID_IN_OBJECTS[writer]
    values = values_of(extract(SafetensorsExtractor, "x.safetensors", safetensors(metadata=metadata)))
    assert {field: value for field, value in values.items() if not field.startswith("extra.")} == expected
