"""Hydra: the configuration of a run and its overrides."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.hydra_config import HydraConfigExtractor

DATA = Path(__file__).parents[3] / "corpus" / "data" / "hub-runs"


class TestHydraConfig(ExtractorSuite):
    extractor = HydraConfigExtractor
    expected: ClassVar = {
        "training.learning_rate": 5e-05,
        "training.seed": 42,
        "hyperparameters.data.path": "${oc.env:HOME}/data",
        "hyperparameters.data.seed": 1,
    }

    def sample(self):
        return Sample(key="out/.hydra/config.yaml", data=(DATA / "hydra-config.yaml").read_bytes())
