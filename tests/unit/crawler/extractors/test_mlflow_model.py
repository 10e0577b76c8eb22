"""MLmodel files: flavours, signature and the run that made the model."""

from __future__ import annotations

from pathlib import Path

from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.mlflow_model import MlflowModelExtractor

DATA = Path(__file__).parents[3] / "corpus" / "data"


class TestMlflowModel(ExtractorSuite):
    extractor = MlflowModelExtractor
    expected = {"framework": "sklearn", "framework_version": "1.9.1", "metrics.accuracy": 0.96}

    def sample(self):
        return Sample(key="models/iris/MLmodel", data=(DATA / "mlflow" / "MLmodel").read_bytes())
