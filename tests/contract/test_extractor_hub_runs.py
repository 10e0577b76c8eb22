"""spaCy pipelines, lm-eval results, Weights & Biases and Hydra runs."""

import json
from pathlib import Path
from typing import ClassVar

import pytest

from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.hydra_config import HydraConfigExtractor
from crawler.extractors.lm_eval import LmEvalExtractor
from crawler.extractors.spacy import SpacyExtractor
from crawler.extractors.wandb_files import WandbFilesExtractor
from crawler.reader import bytes_reader

DATA = Path(__file__).parents[1] / "corpus" / "data" / "hub-runs"

# The layout of lm-evaluation-harness 0.4 (evaluation_tracker.py), shortened to two tasks.
LM_EVAL = {
    "results": {
        "arc_easy": {"alias": "arc_easy", "acc,none": 0.71, "acc_stderr,none": 0.009, "acc_norm,none": 0.66, "acc_norm_stderr,none": "N/A"},
        "gsm8k": {"alias": "gsm8k", "exact_match,strict-match": 0.31, "exact_match_stderr,strict-match": 0.012},
    },
    "n-shot": {"arc_easy": 0, "gsm8k": 5},
    "config": {
        "model": "hf", "model_args": "pretrained=org/tiny,dtype=bfloat16", "model_num_parameters": 164288,
        "model_dtype": "torch.bfloat16", "batch_size": "8",
    },
    "git_hash": "abc1234", "date": 1717200000.5, "lm_eval_version": "0.4.5", "model_name": "org/tiny",
}  # fmt: skip

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


def said(extractor, key, value):
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    found = {}
    for observation in extractor().extract(bytes_reader(key, data)).observations:
        found.setdefault(observation.field, []).append(observation.raw)
    return found


class TestSpacyMeta(ExtractorSuite):
    extractor = SpacyExtractor
    expected: ClassVar = {
        "name": "nb_names",
        "version": "1.2.0",
        "language": "nb",
        "task": "token-classification",
        "framework_version": "3.8.18",
        "dependencies": "spacy>=3.8.18,<3.9.0",
        "metrics.ents_f": 0.884,
        "data_sources": "NorNE",
    }

    def sample(self):
        return Sample(key="nb_names/meta.json", data=(DATA / "spacy-meta.json").read_bytes())


class TestSpacyConfig(ExtractorSuite):
    extractor = SpacyExtractor
    expected: ClassVar = {
        "training.seed": 0,
        "hyperparameters.training.max_steps": 20000,
        "hyperparameters.training.dropout": 0.1,
    }

    def sample(self):
        return Sample(key="nb_names/config.cfg", data=(DATA / "spacy-config.cfg").read_bytes())


class TestLmEval(ExtractorSuite):
    extractor = LmEvalExtractor
    expected: ClassVar = {
        "metrics.acc": 0.71,
        "metrics.exact_match": 0.31,
        "parameters": 164288,
        "extra.lm_eval.model": "org/tiny",
    }

    def sample(self):
        return Sample(key="tiny/results_2024-06-01T00-00-00.json", data=json.dumps(LM_EVAL).encode())


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


class TestHydraConfig(ExtractorSuite):
    extractor = HydraConfigExtractor
    expected: ClassVar = {
        "training.learning_rate": 5e-05,
        "training.seed": 42,
        "hyperparameters.data.path": "${oc.env:HOME}/data",
        "hyperparameters.data.seed": 1,
    }

    def sample(self):
        return Sample(key="out/.hydra/config.yaml", data=(DATA / "hydra-config.yaml").read_bytes())


def test_standard_error_is_uncertainty_and_never_a_metric():
    extraction = LmEvalExtractor().extract(bytes_reader("results.json", json.dumps(LM_EVAL).encode()))
    metrics = {o.field: dict(o.context) for o in extraction.observations if o.field.startswith("metrics.")}
    assert set(metrics) == {"metrics.acc", "metrics.acc_norm", "metrics.exact_match"}
    assert metrics["metrics.acc"]["uncertainty"] == 0.009
    assert metrics["metrics.acc"]["evaluated_at"] == "2024-06-01T00:00:00.500000+00:00"
    assert metrics["metrics.exact_match"] == {
        "block": "lm-eval", "source": "lm-evaluation-harness", "evaluated_at": "2024-06-01T00:00:00.500000+00:00",
        "shots": 5, "dataset": "gsm8k", "uncertainty": 0.012, "config": "strict-match",
    }  # fmt: skip
    assert "uncertainty" not in metrics["metrics.acc_norm"]


def test_metadata_of_a_run_leaves_out_where_and_who_its_machine_is():
    found = said(
        WandbFilesExtractor, "wandb/run-20240601_000000-a1b2c3d4/files/wandb-metadata.json", WANDB_METADATA
    )
    assert found["code_version"] == ["0123456789abcdef0123456789abcdef01234567"]
    assert found["training_started_at"] == ["2024-06-01T00:00:00.000000Z"]
    assert not any(
        "secret-host" in str(raw) or "example.org'" in str(raw) for raws in found.values() for raw in raws
    )


@pytest.mark.parametrize(
    ("extractor", "key", "head", "claimed"),
    [
        (LmEvalExtractor, "results.json", b'{"results": {"acc": 0.9}}', False),
        (LmEvalExtractor, "results_x.json", b'{"results": {"a": {"acc,none": 1}}}', True),
        (SpacyExtractor, "meta.json", b'{"lang": "en"}', False),
        (SpacyExtractor, "config.cfg", b"[metadata]\nname = x", False),
        (WandbFilesExtractor, "conf/config.yaml", b"lr: 1", False),
        (HydraConfigExtractor, "config.yaml", b"lr: 1", False),
        (HydraConfigExtractor, "a/.hydra/overrides.yaml", b"- a=1", True),
    ],
)
def test_only_its_own_files_are_claimed(extractor, key, head, claimed):
    assert (extractor().claims(key, head) is not None) is claimed


def test_odd_types_in_a_summary_cost_only_themselves():
    summary = {"a": {"_type": ["x"]}, "b": {"_type": {"x": 1}, "c": 0.5}, "accuracy": 0.9, "list": [1, 2]}
    found = said(WandbFilesExtractor, "wandb-summary.json", summary)
    assert found["metrics.accuracy"] == [0.9]
    assert found["metrics.b/c"] == [0.5]
