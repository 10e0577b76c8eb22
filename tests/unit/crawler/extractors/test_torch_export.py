"""Exported programs of PyTorch: inputs, outputs and opset."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.torch_export import TorchExportExtractor

DATA = Path(__file__).parents[3] / "corpus" / "data" / "torch"


class TestExportedProgram(ExtractorSuite):
    extractor = TorchExportExtractor
    expected: ClassVar = {
        "framework": "pytorch",
        "extra.opset_version": {"aten": 10},
        "inputs": [{"name": "input", "shape": ["s31", 3, 4, 4], "dtype": "F32"}],
        "outputs": [{"name": "linear", "shape": ["s31", 5], "dtype": "F32"}],
    }

    def sample(self):
        return Sample(key="exported.pt2", data=(DATA / "exported.pt2").read_bytes())
