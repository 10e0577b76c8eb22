"""Configurations of Coqui TTS: a voice was a `config.json` of nobody's."""

from __future__ import annotations

import json
from typing import ClassVar

import pytest
from fixtures.crawling import safetensors
from fixtures.extraction import extract, values_of

from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.coqui import CoquiExtractor
from crawler.registry import Registry

CONFIG = {
    "output_path": "/home/jane/runs",
    "logger_uri": None,
    "run_name": "vits_ljspeech",
    "project_name": None,
    "run_description": "\N{FROG FACE}Coqui trainer run.",
    "dashboard_logger": "tensorboard",
    "epochs": 1000,
    "batch_size": 32,
    "lr": 0.001,
    "optimizer": "AdamW",
    "audio": {"sample_rate": 22050, "hop_length": 256},
    "use_phonemes": True,
    "model": "vits",
    "datasets": [
        {"formatter": "ljspeech", "dataset_name": "LJSpeech-1.1", "path": "/d", "language": "en"},
        7,
    ],
}


class TestCoqui(ExtractorSuite):
    extractor = CoquiExtractor
    expected: ClassVar = {
        "library": "coqui-tts",
        "model_type": "vits",
        "task": "text-to-speech",
        "title": "vits_ljspeech",
        "datasets": "LJSpeech-1.1",
        "hyperparameters.epochs": 1000,
        "extra.coqui.sample_rate": 22050,
    }

    def sample(self):
        return Sample(key="vits/config.json", data=json.dumps(CONFIG).encode())


def test_what_the_trainer_gives_a_run_without_words_says_nothing():
    observed = values_of(
        extract(CoquiExtractor, "vits/config.json", json.dumps(CONFIG | {"run_name": "run"}).encode())
    )
    assert "title" not in observed
    assert "description" not in observed


def test_vocoder_has_no_task_of_a_voice():
    vocoder = {key: value for key, value in CONFIG.items() if key != "use_phonemes"} | {"model": "gan"}
    observed = values_of(extract(CoquiExtractor, "gan/config.json", json.dumps(vocoder).encode()))
    assert "task" not in observed


@pytest.mark.parametrize(
    "config", [{"model_type": "vits"}, {"run_name": "a", "output_path": "b"}], ids=["transformers", "hydra"]
)
def test_other_configurations_are_left_to_their_readers(config):
    assert CoquiExtractor().claims("net/config.json", json.dumps(config).encode()) is None


def test_voice_is_found_by_its_task_and_training(shop):
    shop.registry = Registry.installed()
    shop.put("voice/model.safetensors", safetensors())
    shop.put("voice/config.json", CONFIG)
    shop.crawl()
    [document] = shop.documents().values()
    assert (document["task"], document["library"], document["training"]["epochs"]) == (
        "text-to-speech",
        "coqui-tts",
        1000,
    )
    assert (document["training"]["learning_rate"], document["training"]["batch_size"]) == (0.001, 32)
