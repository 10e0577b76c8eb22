"""Configurations of single runtimes, in the layouts that their projects document."""

from __future__ import annotations

import json
from typing import ClassVar

import pytest
from fixtures.extraction import extract, values_of

from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.hf_config import HfConfigExtractor
from crawler.extractors.model_configs import ModelConfigsExtractor
from crawler.reader import bytes_reader

LLAMA = {
    "dim": 4096,
    "n_layers": 32,
    "n_heads": 32,
    "vocab_size": 128256,
    "norm_eps": 1e-05,
    "max_seq_len": 8192,
}


OPEN_CLIP = {
    "model_cfg": {
        "embed_dim": 512,
        "vision_cfg": {"image_size": 224, "layers": 12, "patch_size": 32},
        "text_cfg": {"context_length": 77, "vocab_size": 49408},
    },
    "preprocess_cfg": {"mean": [0.48, 0.45, 0.4]},
}


GENAI = {
    "model": {
        "type": "phi3",
        "context_length": 4096,
        "decoder": {"hidden_size": 3072, "num_hidden_layers": 32, "filename": "model.onnx"},
    },
    "search": {"max_length": 4096},
}


MLC = {
    "model_type": "llama",
    "quantization": "q4f16_1",
    "context_window_size": 2048,
    "model_config": {"hidden_size": 64},
}


class TestModelConfigs(ExtractorSuite):
    extractor = ModelConfigsExtractor
    expected: ClassVar = {"embedding_dimension": 4096, "layers": 32, "context_length": 8192}

    def sample(self):
        return Sample(key="llama/original/params.json", data=json.dumps(LLAMA).encode())


@pytest.mark.parametrize(
    ("name", "config", "expected"),
    [
        (
            "open_clip_config.json",
            OPEN_CLIP,
            {"library": "open_clip", "embedding_dimension": 512, "context_length": 77},
        ),
        ("genai_config.json", GENAI, {"model_type": "phi3", "context_length": 4096, "layers": 32}),
        (
            "mlc-chat-config.json",
            MLC,
            {"quantization.scheme": "q4f16_1", "quantization.bits": 4, "context_length": 2048},
        ),
    ],
)
def test_each_runtime_s_own_keys_are_read(name, config, expected):
    extraction = ModelConfigsExtractor().extract(bytes_reader(f"m/{name}", json.dumps(config).encode()))
    said = {observation.field: observation.raw for observation in extraction.observations}
    assert expected.items() <= said.items()


def test_other_params_are_left_to_others():
    assert ModelConfigsExtractor().claims("run/params.json", b'{"lr": 0.1}') is None


def test_preset_of_keras_hub_says_its_task_and_count():
    metadata = {
        "keras_version": "3.7.0",
        "keras_hub_version": "0.19.0",
        "parameter_count": 124439808,
        "date_saved": "2024-12-20@10:11:12",
        "tasks": ["CausalLM"],
    }
    data = json.dumps(metadata).encode()
    assert ModelConfigsExtractor().claims("gpt2/metadata.json", data[:4096]) is not None
    assert ModelConfigsExtractor().claims("gpt2/metadata.json", b'{"version": 1}') is None
    values = values_of(extract(ModelConfigsExtractor, "gpt2/metadata.json", metadata))
    expected = {
        "library": "keras-hub",
        "framework": "keras",
        "framework_version": "3.7.0",
        "parameters": 124439808,
        "created_at": "2024-12-20T10:11:12",
        "task": "text-generation",
    }
    assert {field: values.get(field) for field in expected} == expected


def test_backbone_of_keras_hub_is_an_architecture():
    config = {"module": "keras_hub.src.models.gpt2.gpt2_backbone", "class_name": "GPT2Backbone", "config": {}}
    assert values_of(extract(HfConfigExtractor, "gpt2/config.json", config))["architecture"] == "GPT2Backbone"


RASA = {
    "domain": {"version": "3.1", "intents": ["greet", "bye"]},
    "trained_at": "2024-01-30T11:22:33.123456",
    "model_id": "0a1b",
    "rasa_open_source_version": "3.6.15",
    "train_schema": {"nodes": {"a": {"uses": "x"}}},
    "language": "en",
}


@pytest.mark.parametrize(
    ("name", "config", "told"),
    [
        (
            "metadata.json",
            RASA,
            {
                "library": "rasa",
                "dependencies": "rasa==3.6.15",
                "trained_at": "2024-01-30T11:22:33.123456",
                "language": "en",
                "classes": 2,
                "extra.metadata.model_id": "0a1b",
            },
        ),
        (
            "config_setfit.json",
            {"normalize_embeddings": False, "labels": ["neg", "pos"]},
            {"library": "setfit", "task": "text-classification", "classes": 2},
        ),
    ],
    ids=["rasa", "setfit"],
)
def test_what_an_assistant_or_a_classifier_says_of_itself(name, config, told):
    """A classifier above an encoder of sentences was one for their similarity."""
    assert ModelConfigsExtractor().claims(f"m/{name}", json.dumps(config).encode()) is not None
    values = values_of(extract(ModelConfigsExtractor, f"m/{name}", config))
    assert told.items() <= values.items()
    assert not any(field.startswith("extra.metadata.train_schema") for field in values)


def test_a_domain_of_another_program_is_no_assistant():
    values = values_of(extract(ModelConfigsExtractor, "m/metadata.json", {"domain": {"intents": ["a"]}}))
    assert not {"library", "framework", "classes"} & values.keys()
