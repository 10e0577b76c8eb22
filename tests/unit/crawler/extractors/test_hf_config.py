"""config.json of transformers, timm and libraries that write alike: architecture, sizes, declared precision, risks."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest
from fixtures.extraction import extract, file_sample, values_of

from catalog.testing.extractors import ExtractorSuite
from crawler.extractors.hf_config import HfConfigExtractor

DATA = Path(__file__).parents[3] / "corpus" / "data" / "hub"


class TestHfConfig(ExtractorSuite):
    extractor = HfConfigExtractor
    expected: ClassVar = {
        "architecture": "LlamaForCausalLM",
        "model_type": "llama",
        "task": "text-generation",
        "context_length": 16384,
        "quantization.method": "gptq",
        "quantization.bits": 4,
        "quantization.group_size": 128,
        "precision": "bfloat16",
    }

    def sample(self):
        return file_sample(DATA, "llama-gptq-config.json", "llama/config.json")


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"lr": 0.1, "epochs": 5, "seed": 42}, {"training.learning_rate": 0.1, "training.epochs": 5}),
        ({"model_type": "bert", "lr": 0.1, "epochs": 5}, {"extra.lr": 0.1, "extra.epochs": 5}),
        ({"steps": 20, "sampler": "euler"}, {"extra.steps": 20}),
    ],
    ids=["settings of a run", "a model's configuration", "one word alone"],
)
def test_settings_of_a_run_are_settings_and_those_of_a_model_are_not(config, told):
    """Sacred, and many a script, keep what they trained with as config.json: nothing of it was a setting."""
    values = values_of(extract(HfConfigExtractor, "run/config.json", config))
    assert told.items() <= values.items()
