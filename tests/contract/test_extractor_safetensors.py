from pathlib import Path
from typing import ClassVar

from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.safetensors import SafetensorsExtractor
from crawler.extractors.weights_index import WeightsIndexExtractor

DATA = Path(__file__).parents[1] / "corpus" / "data" / "hub"


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


class TestWeightsIndex(ExtractorSuite):
    extractor = WeightsIndexExtractor
    expected: ClassVar = {"parameters": 32}

    def sample(self):
        name = "model.safetensors.index.json"
        return Sample(key=f"sharded/{name}", data=(DATA / name).read_bytes())
