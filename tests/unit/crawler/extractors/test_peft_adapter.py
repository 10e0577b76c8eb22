"""adapter_config.json of PEFT and mlx-lm: kind and rank of an adapter, and the model it sits on."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest
from fixtures.extraction import extract, file_sample, values_of

from catalog.testing.extractors import ExtractorSuite
from crawler.extractors.peft_adapter import PeftAdapterExtractor

DATA = Path(__file__).parents[3] / "corpus" / "data" / "hub"


class TestPeftAdapter(ExtractorSuite):
    extractor = PeftAdapterExtractor
    expected: ClassVar = {
        "adapter.type": "LORA",
        "adapter.rank": 8,
        "adapter.alpha": 16,
        "base_model.id": "meta-llama/Llama-3.1-8B",
        "task": "text-generation",
    }

    def sample(self):
        return file_sample(DATA, "adapter_config.json", "lora/adapter_config.json")


MLX = {
    "model": "mlx-community/Tiny-4bit",
    "iters": 600,
    "learning_rate": 1e-5,
    "batch_size": 4,
    "seed": 0,
    "train": True,
}


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (
            {**MLX, "fine_tune_type": "dora", "lora_parameters": {"rank": 8, "scale": 20.0, "dropout": 0.0}},
            {"adapter.type": "DORA", "adapter.rank": 8, "training.steps": 600, "extra.adapter.scale": 20.0},
        ),
        (
            {**MLX, "fine_tune_type": "full", "optimizer": "adamw", "max_seq_length": 2048},
            {"adapter.type": None, "base_model.relation": "finetune", "training.max_seq_length": 2048},
        ),
        (
            {**MLX, "lora_layers": 16, "model": "/Users/anna/models/Tiny-4bit"},
            {"adapter.type": "LORA", "base_model.id": "Tiny-4bit", "extra.adapter.lora_layers": 16},
        ),
        (
            {"rank": 10, "alpha": 0.1, "dropout": 0.1},
            {"adapter.rank": 10, "adapter.alpha": 0.1, "base_model.id": None},
        ),
    ],
    ids=["dora", "full", "an older one of a folder", "mlx-vlm"],
)
def test_arguments_of_mlx_lm_say_how_an_adapter_came_to_be(config, expected):
    values = values_of(extract(PeftAdapterExtractor, "run/adapter_config.json", config))
    assert {field: values.get(field) for field in expected} == expected


def test_an_adapter_of_adapterhub_names_its_base():
    """Its base, its kind and its own name were kept as they are, and found by nobody."""
    config = {
        "config": {"architecture": "seq_bn", "reduction_factor": 16},
        "model_name": "bert-base-uncased",
        "name": "sst-2",
        "version": "adapters.1.0.0",
    }
    values = values_of(extract(PeftAdapterExtractor, "sst/adapter_config.json", config))
    assert values["base_model.id"] == "bert-base-uncased"
    assert values["base_model.relation"] == "adapter"
    assert (values["adapter.type"], values["name"], values["library"]) == ("SEQ_BN", "sst-2", "adapters")
