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


def said(*reports):
    """What is said of each checkpoint, by its line."""
    extraction = extract(RayTuneExtractor, "exp/trial/result.json", lines(*reports))
    seen = [(s.subject, s.field, s.raw) for s in extraction.observations if s.subject is not None]
    return {(subject.rpartition("@")[2], field): value for subject, field, value in seen if "@" in subject}


def test_settings_that_change_on_the_way_are_those_of_each_report():
    """A schedule of populations changed the learning rate, and the last one was said of every checkpoint."""
    told = said(
        {}, {"checkpoint_dir_name": "checkpoint_000001", "training_iteration": 2, "config": {"lr": 0.003}}
    )
    assert (told["1", "hyperparameters.lr"], told["2", "hyperparameters.lr"]) == (0.1, 0.003)


def test_a_checkpoint_that_was_written_again_is_what_its_last_report_says():
    assert {line for line, _ in said({"val_acc": 0.9}, {"val_acc": 0.2})} == {"2"}
