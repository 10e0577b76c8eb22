"""Core ML, OpenVINO, Paddle and Orbax as their own libraries write them, and formats known by their magic alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import ClassVar

import pytest

from catalog.records import FileStatus
from catalog.testing.extractors import ExtractorSuite, Sample, Storage
from crawler.extractors.orbax import OrbaxExtractor
from crawler.reader import RangedReader, bytes_reader

DATA = Path(__file__).parents[3] / "corpus" / "data"


def extract(extractor, path, data=None):
    data = (DATA / path).read_bytes() if data is None else data
    return extractor().extract(RangedReader(path, len(data), Storage(data).fetch))


def said(extraction):
    return {observation.field: observation.raw for observation in extraction.observations}


def weights(extraction):
    return sum(tally.elements for tally in extraction.tensors.tallies if tally.part == "model")


class TestOrbax(ExtractorSuite):
    extractor = OrbaxExtractor
    expected: ClassVar = {"framework": "jax"}

    def sample(self):
        path = "orbax/run/5/default/_METADATA"
        return Sample(key=path, data=(DATA / path).read_bytes())


def test_orbax_optimizer_is_no_part_of_the_model():
    extraction = extract(OrbaxExtractor, "orbax/run/5/default/_METADATA")
    assert weights(extraction) == json.loads((DATA / "orbax" / "counts.json").read_text())["params"]
    step = said(extract(OrbaxExtractor, "orbax/run/5/_CHECKPOINT_METADATA"))
    assert step["training.steps"] == 5
    assert step["trained_at"] > step["training_started_at"] > 10**18
    assert said(extract(OrbaxExtractor, "orbax/run/metadata/_ROOT_METADATA"))["extra.team"] == "vision"


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
    assert said(extraction)["metrics.loss"] == 0.5
