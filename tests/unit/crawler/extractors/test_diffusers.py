"""diffusers: model_index.json of a pipeline, and the configuration of each of its components."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.diffusers import DiffusersComponentExtractor, DiffusersPipelineExtractor

DATA = Path(__file__).parents[3] / "corpus" / "data" / "hub"


def sample_of(name, key):
    return Sample(key=key, data=(DATA / name).read_bytes())


class TestDiffusersPipeline(ExtractorSuite):
    extractor = DiffusersPipelineExtractor
    expected: ClassVar = {
        "architecture": "DDPMPipeline",
        "framework": "diffusers",
        "task": "unconditional-image-generation",
    }

    def sample(self):
        return sample_of("model_index.json", "ddpm/model_index.json")


class TestDiffusersComponent(ExtractorSuite):
    extractor = DiffusersComponentExtractor
    expected: ClassVar = {"architecture": "UNet2DModel", "framework_version": "0.42.1"}

    def sample(self):
        return sample_of("unet-config.json", "ddpm/unet/config.json")
