"""Files of a Hugging Face Trainer run: trainer_state.json and the *_results.json beside it."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from fixtures.extraction import file_sample

from catalog.testing.extractors import ExtractorSuite
from crawler.extractors.hf_trainer import HfTrainerExtractor

DATA = Path(__file__).parents[3] / "corpus" / "data" / "hub"


class TestHfTrainer(ExtractorSuite):
    extractor = HfTrainerExtractor
    expected: ClassVar = {
        "metrics.eval_accuracy": 0.75,
        "training.epochs": 2.0,
        "training.steps": 4,
        "training.learning_rate": 5e-05,
    }

    def sample(self):
        return file_sample(DATA, "trainer_state.json", "run/trainer_state.json")


class TestHfResults(ExtractorSuite):
    extractor = HfTrainerExtractor
    expected: ClassVar = {"metrics.eval_accuracy": 0.75}

    def sample(self):
        return file_sample(DATA, "all_results.json", "run/all_results.json")
