"""`training_args.bin` gives learning rate, batch size and seed with no transformers installed and nothing unpickled."""

from __future__ import annotations

import sys
from importlib.util import find_spec

import pytest

from crawler.extractors.training_args import TrainingArgsExtractor
from crawler.reader import bytes_reader


@pytest.fixture(scope="module")
def said(corpus_root):
    data = (corpus_root / "trainer-run" / "training_args.bin").read_bytes()
    extraction = TrainingArgsExtractor().extract(bytes_reader("trainer-run/training_args.bin", data))
    assert all(risk.kind == "needs-trust" for risk in extraction.risks)
    return {observation.field: observation.raw for observation in extraction.observations}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("training.learning_rate", 5e-05),
        ("training.batch_size", 4),
        ("training.seed", 42),
        ("training.epochs", 2),
        ("training.optimizer", "adamw_torch_fused"),
        ("training.scheduler", "linear"),
        ("hyperparameters.gradient_accumulation_steps", 1),
        ("hyperparameters.per_device_eval_batch_size", 8),
    ],
)
def test_setting_is_read(said, field, value):
    assert said[field] == value


def test_transformers_is_not_there_and_nothing_was_imported():
    assert find_spec("transformers") is None
    assert not {"torch", "transformers", "accelerate"} & set(sys.modules)
