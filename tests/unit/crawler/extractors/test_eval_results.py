"""`.eval_results/*.yaml`: evaluation results that others contribute to a model's repository."""

from __future__ import annotations

from typing import ClassVar

from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.eval_results import EvalResultsExtractor


class TestEvalResults(ExtractorSuite):
    extractor = EvalResultsExtractor
    expected: ClassVar = {"metrics.Idavidrein/gpqa score": 0.412, "metrics.accuracy": 91.5}

    def sample(self):
        return Sample(key="model/.eval_results/gpqa.yaml", data=EVAL_RESULTS)


EVAL_RESULTS = b"""- dataset:
    id: Idavidrein/gpqa
    revision: 0a1b2c3
  value: 0.412
  date: "2025-01-15"
  source:
    url: https://huggingface.co/spaces/x/y
    name: Our harness
  notes: no tools
- dataset: {id: imdb, task_id: accuracy}
  value: 91.5
"""
