"""metrics.json and its like: flat numbers that a training script left."""

from __future__ import annotations

from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.metrics_file import MetricsFileExtractor


class TestMetricsFile(ExtractorSuite):
    extractor = MetricsFileExtractor
    expected = {"metrics.accuracy": 0.953, "metrics.test/f1": 0.9}

    def sample(self):
        return Sample(
            key="repo/metrics.json", data=b'{"accuracy": 0.953, "test": {"f1": 0.9}, "dataset": "iris"}'
        )
