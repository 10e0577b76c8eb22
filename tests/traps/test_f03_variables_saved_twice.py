"""Keras 3 exports every variable twice and checkpoints hold optimizer slots: the model's own variables count once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from crawler.extractors.tensorflow_checkpoint import TensorflowCheckpointExtractor
from crawler.reader import bytes_reader

DATA = Path(__file__).parents[1] / "corpus" / "data" / "tensorflow"
COUNTS = json.loads((DATA / "counts.json").read_text())


@pytest.mark.parametrize(
    ("path", "model"),
    [
        ("exported/variables/variables.index", "tensorflow/exported"),
        ("checkpoint/ckpt-1.index", "tensorflow/checkpoint"),
    ],
)
def test_variables_count_once(path, model):
    tensors = TensorflowCheckpointExtractor().extract(bytes_reader(path, (DATA / path).read_bytes())).tensors
    assert sum(tally.elements for tally in tensors.tallies if tally.part == "model") == COUNTS[model]
    assert sum(tally.elements for tally in tensors.tallies) > 1.9 * COUNTS[model]
