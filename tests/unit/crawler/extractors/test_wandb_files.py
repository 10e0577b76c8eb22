"""Files of a Weights & Biases run: summary, configuration and metadata."""

from __future__ import annotations

import json
from typing import ClassVar

from fixtures.extraction import all_values_of, extract

from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.wandb_files import WandbFilesExtractor

# The layout of wandb 0.18: files/wandb-summary.json, files/config.yaml, files/wandb-metadata.json of a run.
WANDB_SUMMARY = {
    "val/accuracy": 0.9, "train/loss": 0.33, "epoch": 2, "_step": 2, "_runtime": 61.5, "_timestamp": 1717200000.25,
    "_wandb": {"runtime": 61}, "best": "NaN", "hist": {"_type": "histogram", "values": [1], "bins": [0, 1]},
    "test": {"f1": {"max": 0.8}}, "status": "done",
}  # fmt: skip


WANDB_CONFIG = b"""wandb_version: 1
_wandb: {desc: null, value: {cli_version: 0.18.0, python_version: 3.11.7}}
learning_rate: {desc: null, value: 0.01}
batch_size: {desc: null, value: 32}
model: {desc: null, value: {depth: 3, heads: [1, 2]}}
"""


WANDB_METADATA = {
    "startedAt": "2024-06-01T00:00:00.000000Z", "program": "train.py", "host": "secret-host", "email": "a@example.org",
    "git": {"remote": "https://example.org/x.git", "commit": "0123456789abcdef0123456789abcdef01234567"},
}  # fmt: skip


class TestWandbSummary(ExtractorSuite):
    extractor = WandbFilesExtractor
    expected: ClassVar = {
        "metrics.val/accuracy": 0.9,
        "metrics.best": "NaN",
        "metrics.test/f1/max": 0.8,
        "training.epochs": 2,
        "trained_at": 1717200000.25,
        "training.duration_seconds": 61.5,
        "run_id": "a1b2c3d4",
    }

    def sample(self):
        key = "wandb/run-20240601_000000-a1b2c3d4/files/wandb-summary.json"
        return Sample(key=key, data=json.dumps(WANDB_SUMMARY).encode())


class TestWandbConfig(ExtractorSuite):
    extractor = WandbFilesExtractor
    expected: ClassVar = {
        "training.learning_rate": 0.01,
        "training.batch_size": 32,
        "hyperparameters.model.depth": 3,
    }

    def sample(self):
        return Sample(key="wandb/run-20240601_000000-a1b2c3d4/files/config.yaml", data=WANDB_CONFIG)


def test_metadata_of_a_run_leaves_out_where_and_who_its_machine_is():
    found = all_values_of(
        extract(
            WandbFilesExtractor,
            "wandb/run-20240601_000000-a1b2c3d4/files/wandb-metadata.json",
            WANDB_METADATA,
        )
    )
    assert found["code_version"] == ["0123456789abcdef0123456789abcdef01234567"]
    assert found["training_started_at"] == ["2024-06-01T00:00:00.000000Z"]
    assert not any(
        "secret-host" in str(raw) or "example.org'" in str(raw) for raws in found.values() for raw in raws
    )


def test_odd_types_in_a_summary_cost_only_themselves():
    summary = {"a": {"_type": ["x"]}, "b": {"_type": {"x": 1}, "c": 0.5}, "accuracy": 0.9, "list": [1, 2]}
    found = all_values_of(extract(WandbFilesExtractor, "wandb-summary.json", summary))
    assert found["metrics.accuracy"] == [0.9]
    assert found["metrics.b/c"] == [0.5]
