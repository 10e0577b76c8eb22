"""MindSpore checkpoints: the network's parameters once, without what its optimizer keeps."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from fixtures.extraction import extract

from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.mindspore import MindsporeExtractor

FILE = Path(__file__).parents[3] / "cases/formats/other-runtimes/input/mindspore/resnet50-90_1562.ckpt"


class TestMindspore(ExtractorSuite):
    extractor = MindsporeExtractor
    expected: ClassVar = {"framework": "mindspore"}

    def sample(self):
        return Sample(key="resnet50-90_1562.ckpt", data=FILE.read_bytes())


def test_moments_and_counters_are_the_optimizers():
    tallies = extract(MindsporeExtractor, "r.ckpt", FILE.read_bytes()).tensors.tallies
    model = sum(tally.elements for tally in tallies if tally.part == "model")
    optimizer = sum(tally.elements for tally in tallies if tally.part == "optimizer")
    assert (model, optimizer) == (8 * 3 * 3 * 3 + 10, 8 * 3 * 3 * 3 + 2)


def test_slices_of_one_parameter_are_one():
    """A parameter above 512 MB is written as several values of one name, each with the shape of the whole."""
    data = FILE.read_bytes()
    once = extract(MindsporeExtractor, "r.ckpt", data).tensors
    assert extract(MindsporeExtractor, "r.ckpt", data + data).tensors == once


def test_checkpoints_of_torch_are_left_alone():
    assert MindsporeExtractor().claims("last.ckpt", b"PK\3\4" + bytes(100)) is None
    assert MindsporeExtractor().claims("last.ckpt", b"\x80\2}q\0." + bytes(100)) is None
