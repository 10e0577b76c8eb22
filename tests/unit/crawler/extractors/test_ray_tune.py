"""Reports of a trial: each is about the checkpoint that it names."""

from __future__ import annotations

import json

from fixtures.extraction import extract

from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.ray_tune import RayTuneExtractor

REPORT = {
    "val_acc": 0.5,
    "checkpoint_dir_name": "checkpoint_000000",
    "done": False,
    "training_iteration": 1,
    "trial_id": "ab12_00000",
    "pid": 7,
    "config": {"lr": 0.1},
    "iterations_since_restore": 1,
}


def lines(*reports):
    return b"".join(json.dumps({**REPORT, **report}).encode() + b"\n" for report in reports)


class TestRayTune(ExtractorSuite):
    extractor = RayTuneExtractor
    expected = {"metrics.val_acc": 0.5, "hyperparameters.lr": 0.1}

    def sample(self):
        return Sample(key="exp/trial/result.json", data=lines({}))


def test_reports_that_name_a_place_elsewhere_are_about_no_checkpoint():
    extraction = extract(
        RayTuneExtractor,
        "exp/trial/result.json",
        lines(*({"checkpoint_dir_name": name} for name in ("../other", "..", 5, ["a"], "checkpoint_000003"))),
    )
    keys = [key for subject in extraction.subjects for key in subject.join_keys]
    assert keys == ["dir:exp/trial/checkpoint_000003"]


def test_a_result_of_another_program_is_left_alone():
    assert RayTuneExtractor().claims("out/result.json", b'{"accuracy": 0.9}') is None
    assert RayTuneExtractor().claims("out/results.json", lines({})) is None
