"""Modeldex's own sidecar: what people say of a model, field by field, beside the model or beside one file."""

from __future__ import annotations

import json
from typing import ClassVar

from fixtures.extraction import extract

from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.modeldex_sidecar import MAX_ADVISED, ModeldexSidecarExtractor
from crawler.formats import field_tree


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


def test_what_was_meant_by_unknown_names_is_looked_for_of_the_first_alone(monkeypatch):
    """Each took milliseconds: a sidecar of 300 kB took minutes."""
    looked_up = []
    plain = field_tree.nearest_field
    monkeypatch.setattr(field_tree, "nearest_field", lambda name: (looked_up.append(name), plain(name))[1])
    content = {f"ownr{number}": "x" for number in range(MAX_ADVISED + 20)}
    extraction = extract(ModeldexSidecarExtractor, "m/modeldex.json", content)
    assert len(looked_up) == MAX_ADVISED
    assert len(extraction.observations) == len(content)
    assert len(extraction.problems) == len(content)
