"""Modeldex's own sidecar: what people say of a model, field by field, beside the model or beside one file."""

from __future__ import annotations

import json
from typing import ClassVar

from fixtures.extraction import extract

from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.modeldex_sidecar import ModeldexSidecarExtractor


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


def test_a_value_at_a_time_in_nanoseconds_is_of_no_step():
    """It was of a step that no model was found for, and was lost."""
    notes = {"metrics": [{"metric": "rmse", "value": 0.3, "step": 1_769_644_800_123_456_789}]}
    said = extract(ModeldexSidecarExtractor, "run/modeldex.json", json.dumps(notes).encode())
    assert [(seen.raw, seen.subject) for seen in said.observations] == [(0.3, None)]
    assert said.subjects == ()


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
