"""Orbax checkpoints as Orbax writes them: the tree of arrays and the step's own metadata."""

from __future__ import annotations

import json
from pathlib import Path
from typing import ClassVar

import pytest
from fixtures.extraction import elements_of, extract_file, values_of

from catalog.records import FileStatus
from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.orbax import OrbaxExtractor
from crawler.reader import bytes_reader

DATA = Path(__file__).parents[3] / "corpus" / "data"


class TestOrbax(ExtractorSuite):
    extractor = OrbaxExtractor
    expected: ClassVar = {"framework": "jax"}

    def sample(self):
        path = "orbax/run/5/default/_METADATA"
        return Sample(key=path, data=(DATA / path).read_bytes())


def test_orbax_optimizer_is_no_part_of_the_model():
    extraction = extract_file(OrbaxExtractor, DATA, "orbax/run/5/default/_METADATA")
    assert (
        elements_of(extraction, "model") == json.loads((DATA / "orbax" / "counts.json").read_text())["params"]
    )
    step = values_of(extract_file(OrbaxExtractor, DATA, "orbax/run/5/_CHECKPOINT_METADATA"))
    assert step["training.steps"] == 5
    assert step["trained_at"] > step["training_started_at"] > 10**18
    assert (
        values_of(extract_file(OrbaxExtractor, DATA, "orbax/run/metadata/_ROOT_METADATA"))["extra.team"]
        == "vision"
    )


@pytest.mark.parametrize(
    ("key", "commit"),
    [
        ("run/5/_CHECKPOINT_METADATA", "null"),
        ("run/5.orbax-checkpoint-tmp-17/_CHECKPOINT_METADATA", "1795560417814486385"),
    ],
)
def test_orbax_checkpoint_without_its_commit_is_still_being_written(key, commit):
    data = f'{{"init_timestamp_nsecs": 1795560417726125151, "commit_timestamp_nsecs": {commit}, "metrics": {{"loss": 0.5}}}}'
    extraction = OrbaxExtractor().extract(bytes_reader(key, data.encode()))
    assert extraction.status is FileStatus.PARTIAL
    assert extraction.problems[0].code == "still-being-written"
    assert values_of(extraction)["metrics.loss"] == 0.5
