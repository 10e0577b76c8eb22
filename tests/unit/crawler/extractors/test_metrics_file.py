"""metrics.json and its like: flat numbers that a training script left."""

from __future__ import annotations

from fixtures.extraction import extract

from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.metrics_file import MetricsFileExtractor


class TestMetricsFile(ExtractorSuite):
    extractor = MetricsFileExtractor
    expected = {"metrics.accuracy": 0.953, "metrics.test/f1": 0.9}

    def sample(self):
        return Sample(
            key="repo/metrics.json", data=b'{"accuracy": 0.953, "test": {"f1": 0.9}, "dataset": "iris"}'
        )


LINES = b"""{"iteration": 19, "lr": 0.001, "total_loss": 2.5}
{"bbox/AP": 31.5, "iteration": 999, "total_loss": 1.1}
{"bbox/AP": 38.25, "iteration": 1999, "total_loss": 0.8}
{"bbox/AP": 38.
"""


def test_of_json_lines_the_last_value_of_every_name_counts_and_a_line_cut_short_is_told():
    """detectron2 appends an object per logging step; such a file was `not JSON: Extra data`."""
    extraction = extract(MetricsFileExtractor, "out/metrics.json", LINES)
    seen = {item.field: (item.raw, item.context.get("step")) for item in extraction.observations}
    assert seen["metrics.bbox/AP"] == (38.25, 1999)
    assert seen["metrics.total_loss"] == (0.8, 1999)
    assert [problem.code for problem in extraction.problems] == ["line-unreadable"]
