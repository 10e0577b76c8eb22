"""Results of lm-eval: a metric per task and filter, and of which model."""

from __future__ import annotations

import json
from typing import ClassVar

import pytest
from fixtures.extraction import extract

from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.hydra_config import HydraConfigExtractor
from crawler.extractors.lm_eval import LmEvalExtractor
from crawler.extractors.spacy import SpacyExtractor
from crawler.extractors.wandb_files import WandbFilesExtractor
from crawler.reader import bytes_reader

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


def test_lighteval_names_tasks_behind_a_suite_and_its_means_are_of_no_task():
    """`leaderboard|mmlu:anatomy|5` was a data set, `all` another, and the tool lm-evaluation-harness."""
    content = {
        "config_general": {"lighteval_sha": "?", "model_name": "acme/tiny"},
        "results": {
            "leaderboard|mmlu:anatomy|5": {"acc": 0.3, "acc_stderr": 0.04},
            "gsm8k|0": {"qem": 0.2},
            "leaderboard|mmlu:_average|5": {"acc": 0.29},
            "all": {"acc": 0.29, "qem": 0.2},
        },
    }
    extraction = extract(LmEvalExtractor, "m/results/acme/tiny/results_2025-01-02T03-04-05.json", content)
    assert [
        (item.context["dataset"], item.context["shots"], item.context["source"], item.raw)
        for item in extraction.observations
        if item.field.startswith("metrics.")
    ] == [("mmlu:anatomy", 5, "lighteval", 0.3), ("gsm8k", 0, "lighteval", 0.2)]
