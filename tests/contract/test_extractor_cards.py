from pathlib import Path
from typing import ClassVar

from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.eval_results import EvalResultsExtractor
from crawler.extractors.model_card import ModelCardExtractor
from crawler.extractors.modeldex_sidecar import ModeldexSidecarExtractor

DATA = Path(__file__).parents[1] / "corpus" / "data" / "hub"


class TestModelCard(ExtractorSuite):
    extractor = ModelCardExtractor
    expected: ClassVar = {
        "license": "other",
        "license_name": "example-1.0",
        "language": "no",
        "task": "text-classification",
        "name": "sentiment-nordic",
        "metrics.accuracy": 0.9312,
        "metrics.F1 Macro": "92.7 ± 0.4",
        "metrics.acc_norm": 8.73,
        "description": "Tells whether a review is positive, in English or Norwegian.",
    }

    def sample(self):
        return Sample(key="sentiment/README.md", data=(DATA / "README.md").read_bytes())


class TestEvalResults(ExtractorSuite):
    extractor = EvalResultsExtractor
    expected: ClassVar = {"metrics.Idavidrein/gpqa score": 0.412, "metrics.accuracy": 91.5}

    def sample(self):
        return Sample(key="model/.eval_results/gpqa.yaml", data=EVAL_RESULTS)


class TestModeldexSidecar(ExtractorSuite):
    extractor = ModeldexSidecarExtractor
    expected: ClassVar = {
        "name": "line-4",
        "version": "1.10",
        "language": "no",
        "training.learning_rate": 5e-05,
        "base_model.relation": "finetune",
        "metrics.accuracy": "93.4%",
        "extra.team": "risk",
    }

    def sample(self):
        return Sample(key="model/modeldex.yaml", data=SIDECAR)


class TestModeldexJsonSidecar(ExtractorSuite):
    extractor = ModeldexSidecarExtractor
    expected: ClassVar = {"name": "wine", "metrics.rmse": 0.3}

    def sample(self):
        return Sample(
            key="wine.modeldex.json", data=b'{"name": "wine", "metrics": [{"metric": "rmse", "value": 0.3}]}'
        )


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
SIDECAR = b"""name: line-4
version: 1.10
language: no
training: {learning_rate: 5e-5, epochs: 3}
base_model: [{id: org/base, relation: finetune}]
metrics:
  accuracy: 93.4%
  imdb: {test: {f1: 0.9}}
hyperparameters: {dropout: 0.1}
team: risk
"""
