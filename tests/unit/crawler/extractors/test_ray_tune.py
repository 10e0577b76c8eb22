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


TABLE = (
    b"val_acc,note,checkpoint_dir_name,done,training_iteration,pid\r\n"
    b"0.5,,checkpoint_000000,False,1,7\r\n0.75,a b,checkpoint_000001,True,2,7\r\n"
)


def test_a_table_of_reports_says_the_same_where_it_is_alone():
    assert RayTuneExtractor().claims("exp/trial/progress.csv", TABLE[:4096]) is not None
    assert RayTuneExtractor().claims("exp/trial/progress.csv", b"epoch,loss\n1,0.5\n") is None
    extraction = extract(RayTuneExtractor, "exp/trial/progress.csv", TABLE)
    values = {(o.subject, o.raw) for o in extraction.observations if o.field == "metrics.val_acc"}
    assert values == {("exp/trial/progress.csv@2", 0.5), ("exp/trial/progress.csv@3", 0.75)}


def test_a_report_whose_first_bytes_are_numbers_alone_is_read():
    """A trial with a hundred numbers before the names that Ray fills in was taken for no trial, its settings for a model."""
    numbers = {f"grad/layer_{number}": number * 0.5 for number in range(300)}
    data = json.dumps({**numbers, **REPORT}).encode() + b"\n"
    assert RayTuneExtractor().claims("exp/trial/result.json", data[:4096]) is not None
    extraction = extract(RayTuneExtractor, "exp/trial/result.json", data)
    assert next(subject.join_keys for subject in extraction.subjects) == ("dir:exp/trial/checkpoint_000000",)
    other = extract(RayTuneExtractor, "out/result.json", json.dumps(numbers).encode())
    assert (other.observations, other.subjects, other.format) == ((), (), None)


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
