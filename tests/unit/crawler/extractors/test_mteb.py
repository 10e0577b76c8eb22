"""Results of MTEB, new and old: one data set a task, a configuration a subset, and no score twice."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from fixtures.extraction import extract

from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.mteb import MtebExtractor

RESULTS = Path(__file__).parents[3] / "cases/formats/results-of-other-runs/input/mteb/e5-tiny/results"


def told(value):
    return [
        (seen.field, seen.raw, seen.context.get("dataset"), seen.context.get("config"), seen.context["split"])
        for seen in extract(MtebExtractor, "results/T.json", value).observations
    ]


class TestMteb(ExtractorSuite):
    extractor = MtebExtractor
    expected: ClassVar = {"metrics.accuracy": 0.7941, "metrics.f1": 0.7865}

    def sample(self):
        name = "Banking77Classification.json"
        return Sample(key=f"e5/results/{name}", data=(RESULTS / name).read_bytes())


def test_subsets_are_configurations_and_the_main_score_is_not_said_twice():
    value = {
        "task_name": "AmazonReviews",
        "mteb_version": "1.14.0",
        "scores": {
            "validation": [{"main_score": 0.5, "accuracy": 0.5, "hf_subset": "default"}],
            "test": [
                {
                    "main_score": 0.4,
                    "accuracy": 0.4,
                    "hf_subset": "de",
                    "scores_per_experiment": [{"accuracy": 1}],
                },
            ],
        },
        "evaluation_time": 12.5,
        "kg_co2_emissions": 0.1,
    }
    assert told(value) == [
        ("metrics.accuracy", 0.5, "AmazonReviews", None, "validation"),
        ("metrics.accuracy", 0.4, "AmazonReviews", "de", "test"),
    ]


def test_results_of_earlier_versions_have_a_split_at_the_top():
    value = {
        "mteb_version": "1.0.2",
        "mteb_dataset_name": "MassiveIntent",
        "test": {"de": {"accuracy": 0.7}, "en": {"accuracy": 0.8}, "evaluation_time": 3.5},
    }
    assert told(value) == [
        ("metrics.accuracy", 0.7, "MassiveIntent", "de", "test"),
        ("metrics.accuracy", 0.8, "MassiveIntent", "en", "test"),
    ]


def test_kinds_of_a_score_are_part_of_its_name():
    value = {
        "mteb_version": "1.0.2",
        "mteb_dataset_name": "STS12",
        "test": {"cos_sim": {"pearson": 0.81, "spearman": 0.83}},
    }
    assert [(field, raw) for field, raw, *_ in told(value)] == [
        ("metrics.cos_sim_pearson", 0.81),
        ("metrics.cos_sim_spearman", 0.83),
    ]
