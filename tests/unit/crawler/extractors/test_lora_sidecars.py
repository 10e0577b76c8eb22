"""Notes that image tools keep beside one model file, under its stem."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from fixtures.extraction import file_sample

from catalog.testing.extractors import ExtractorSuite
from crawler.extractors.lora_sidecars import LoraSidecarsExtractor
from crawler.extractors.safetensors import SafetensorsExtractor
from crawler.registry import Registry

LORAS = Path(__file__).parents[3] / "cases/formats/lora-sidecars/input/ComfyUI/models/loras"


class TestLoraManager(ExtractorSuite):
    extractor = LoraSidecarsExtractor
    expected: ClassVar = {
        "title": "Ink Style",
        "version": "v2.0",
        "owner": "painter",
        "description": "Ink drawings.",
        "base_model.id": "Illustrious",
        "extra.trigger_words": "inkstyle, brush lines",
        "extra.notes": "works best at 0.7",
    }

    def sample(self):
        return file_sample(LORAS / "style", "ink_style_v2.metadata.json", "style/ink_style_v2.metadata.json")


class TestCivitai(ExtractorSuite):
    extractor = LoraSidecarsExtractor
    expected: ClassVar = {
        "title": "Sample Character",
        "base_model.id": "Pony",
        "extra.trigger_words": "samplechar",
    }

    def sample(self):
        return file_sample(LORAS / "char", "sample.civitai.info", "char/sample.civitai.info")


class TestWebui(ExtractorSuite):
    extractor = LoraSidecarsExtractor
    expected: ClassVar = {"description": "arms up", "base_model.id": "SD1", "extra.preferred weight": 0.8}

    def sample(self):
        return file_sample(LORAS / "pose", "sample.json", "pose/sample.json")


def test_notes_are_about_the_file_of_their_stem_and_measure_nothing(shop):
    weights = (LORAS / "pose" / "sample.safetensors").read_bytes()
    for name in ("a", "b"):
        shop.put(f"loras/{name}.safetensors", weights)
    shop.put("loras/a.json", (LORAS / "pose" / "sample.json").read_text())
    shop.put("loras/gone.civitai.info", (LORAS / "char" / "sample.civitai.info").read_text())
    shop.registry = Registry([SafetensorsExtractor(), LoraSidecarsExtractor()])
    shop.crawl()
    documents = {
        item["path"].rpartition("/")[2].partition(".")[0]: item for item in shop.documents().values()
    }
    assert documents["a"]["description"] == "arms up"
    assert "metrics" not in documents["a"]
    assert "description" not in documents["b"]
    assert "title" not in documents["b"], "notes of a file that is not there are nobody's"
