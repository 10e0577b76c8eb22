"""Entries of TI-ONE, as its SDK gives them; none of them was made by Tencent Cloud itself."""

from __future__ import annotations

from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.tione_entries import MAX_PARAMETERS, TioneEntriesExtractor
from crawler.formats.tione_entries import TASK, VERSION, body_of
from crawler.reader import bytes_reader

PLACE = "tione://ap-guangzhou"


class TestTask(ExtractorSuite):
    extractor = TioneEntriesExtractor
    expected = {"framework": "PYTORCH", "hyperparameters.lr": 0.1, "run_id": "train-1"}

    def sample(self):
        task = {
            "Id": "train-1",
            "FrameworkName": "PYTORCH",
            "TuningParameters": '{"lr": 0.1}',
            "Envs": ["secret"],
        }
        body = body_of(TASK, PLACE, task)
        assert b"secret" not in body
        return Sample(key="tasks/train-1.json", data=body)


class TestVersion(ExtractorSuite):
    extractor = TioneEntriesExtractor
    expected = {"name": "churn", "version": "v1"}

    def sample(self):
        version = {
            "TrainingModelVersionId": "mv-1",
            "TrainingModelName": "churn",
            "TrainingModelVersion": "v1",
        }
        return Sample(key="models/m-1/mv-1.json", data=body_of(VERSION, PLACE, version))


def problems(**task):
    body = body_of(TASK, PLACE, {"Id": "train-1", **task})
    return [
        problem.code
        for problem in TioneEntriesExtractor().extract(bytes_reader("tasks/a.json", body)).problems
    ]


def test_parameters_that_are_no_json_or_too_many_cost_themselves():
    assert problems(TuningParameters="lr=0.1") != []
    many = "{" + ",".join(f'"p{number}": 1' for number in range(MAX_PARAMETERS + 1)) + "}"
    assert problems(TuningParameters=many) == ["limit"]
    assert (
        problems(TuningParameters="[1]", DataConfigs=7, Output=[], ResourceConfigInfos=[None], Tags={}) == []
    )
