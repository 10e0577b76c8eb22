"""DVC: pipelines, locks and `.dvc` files, and which models their stages and outputs are."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractor import MAX_OBSERVATIONS, Findings
from crawler.extractors.dvc import DvcExtractor
from crawler.formats.dvc import MAX_REPORTS
from crawler.reader import bytes_reader

DATA = Path(__file__).parents[3] / "corpus" / "data"


class TestDvc(ExtractorSuite):
    extractor = DvcExtractor
    expected = {"hyperparameters.train.lr": 0.05, "data_sources": "data.csv", "extra.pipeline_stage": "train"}

    def sample(self):
        return Sample(key="repo/dvc.lock", data=(DATA / "dvc" / "dvc.lock").read_bytes())


class TestDvcPipeline(ExtractorSuite):
    extractor = DvcExtractor
    expected = {"name": "scorer", "tags": "edge", "extra.dvc_path": "repo/models/scorer.pkl"}

    def sample(self):
        text = (
            "stages:\n  train:\n    cmd: python train.py\n    wdir: src\n    deps: [data.csv]\n    outs: [../models/scorer.pkl]\n"
            "    metrics: [scores.json: {cache: false}]\n"
            "artifacts:\n  scorer: {path: models/scorer.pkl, type: model, labels: [edge]}\n"
        )
        return Sample(key="repo/dvc.yaml", data=text.encode())

    def test_metrics_of_a_stage_belong_to_its_model(self):
        sample = self.sample()
        extraction = DvcExtractor().extract(bytes_reader(sample.key, sample.data))
        model = extraction.subjects[0]
        assert (model.id, model.part_of) == ("dvc:repo/models/scorer.pkl", ("path:repo/src/scores.json",))


def test_an_output_that_leaves_the_root_binds_nothing():
    data = b"outs:\n- path: ../../etc/model.pkl\n  md5: a0a4724dd29fa7d6afd183918249c1c4\n"
    extraction = DvcExtractor().extract(bytes_reader("repo/x.dvc", data))
    assert extraction.subjects == ()
    assert extraction.problems[0].code == "outside"


def test_a_stage_binds_its_parameters_to_the_model_and_not_to_its_metrics_file():
    extraction = DvcExtractor().extract(
        bytes_reader("repo/dvc.lock", (DATA / "dvc" / "dvc.lock").read_bytes())
    )
    alone = [subject for subject in extraction.subjects if subject.standalone]
    assert [subject.id for subject in alone] == ["dvc:repo/models/model.bin"]
    assert "md5:c303714c4312deb287806576c8462782" in alone[0].join_keys


def lock_of(outs, *, reports=0, params=0, deps=0):
    """A dvc.lock of one stage with so many outputs, metrics files, parameters and dependencies."""
    lines = ["schema: '2.0'", "stages:", "  train:", "    cmd: python train.py", "    outs:"]
    lines += [f"    - path: m{number}.pt\n      md5: {number:032x}" for number in range(outs)]
    lines += [f"    - path: r{number}.json\n      md5: {number:032x}" for number in range(reports)]
    lines += (
        ["    params:", "      params.yaml:", *(f"        p{number}: 1" for number in range(params))]
        if params
        else []
    )
    lines += ["    deps:", *(f"    - path: d{number}" for number in range(deps))] if deps else []
    return "\n".join(lines).encode()


def test_a_stage_of_as_many_models_as_reports_does_not_tell_each_of_each():
    """262 kB of such a lock took 26 s and 800 MB."""
    extraction = DvcExtractor().extract(bytes_reader("repo/dvc.lock", lock_of(100, reports=100)))
    named = [[name for name in one.part_of if name.startswith("path:")] for one in extraction.subjects]
    assert max(map(len, named)) == MAX_REPORTS
    assert "100 metrics files of a stage" in " ".join(problem.message for problem in extraction.problems)


@pytest.mark.parametrize("of_each", [{"params": 300}, {"deps": 300}])
def test_what_is_left_out_of_a_stage_is_not_gone_through_for_each_of_its_outputs(of_each, monkeypatch):
    told = []
    plain = Findings.say
    monkeypatch.setattr(
        Findings,
        "say",
        lambda self, *words, **named: (told.append(words[0]), plain(self, *words, **named))[1],
    )
    extraction = DvcExtractor().extract(bytes_reader("repo/dvc.lock", lock_of(300, **of_each)))
    assert len(extraction.observations) == MAX_OBSERVATIONS
    assert len(told) < 2 * MAX_OBSERVATIONS
    assert any(f"more than {MAX_OBSERVATIONS:,} values" in problem.message for problem in extraction.problems)
