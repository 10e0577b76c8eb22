"""diffusers: model_index.json of a pipeline, and the configuration of each of its components."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from fixtures.extraction import file_sample

from catalog.testing.extractors import ExtractorSuite
from crawler.extractors.diffusers import DiffusersComponentExtractor, DiffusersPipelineExtractor

DATA = Path(__file__).parents[3] / "corpus" / "data" / "hub"


class TestDiffusersPipeline(ExtractorSuite):
    extractor = DiffusersPipelineExtractor
    expected: ClassVar = {
        "architecture": "DDPMPipeline",
        "framework": "diffusers",
        "task": "unconditional-image-generation",
    }

    def sample(self):
        return file_sample(DATA, "model_index.json", "ddpm/model_index.json")


class TestDiffusersComponent(ExtractorSuite):
    extractor = DiffusersComponentExtractor
    expected: ClassVar = {"architecture": "UNet2DModel", "framework_version": "0.42.1"}

    def sample(self):
        return file_sample(DATA, "unet-config.json", "ddpm/unet/config.json")
