"""Distributed checkpoints of PyTorch: counts from `.metadata` alone."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest
from fixtures.extraction import elements_of, extract_file

from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.torch_distributed import TorchDistributedExtractor, model_prefix

DATA = Path(__file__).parents[3] / "corpus" / "data" / "torch"


class TestDistributedCheckpoint(ExtractorSuite):
    extractor = TorchDistributedExtractor
    expected: ClassVar = {"framework": "pytorch"}

    def sample(self):
        return Sample(key="step_100/.metadata", data=(DATA / "dcp" / ".metadata").read_bytes())


def test_a_model_below_what_wraps_it_is_counted_without_its_optimizer():
    """As `{"app": {"model": …, "optim": …}}`, the stateful object of torch's own tutorial; the network has 293 elements."""
    extraction = extract_file(TorchDistributedExtractor, DATA / "fsdp2", ".metadata")
    assert elements_of(extraction, "model") == 293
    assert elements_of(extraction, "optimizer") > 2 * 276


@pytest.mark.parametrize(
    ("names", "prefix"),
    [
        (["model.fc.weight", "optim.state.fc.weight.exp_avg"], "model."),
        (["app.model.fc.weight", "app.optim.state.fc.weight.exp_avg"], "app.model."),
        (["model.layers.0.weight", "lm_head.weight"], ""),
        (["model.layers.0.weight", "lm_head.weight", "optimizer.state.lm_head.weight.exp_avg"], ""),
        (["fc.weight"], ""),
    ],
)
def test_the_head_beside_a_model_is_a_part_of_it(names, prefix):
    assert model_prefix(names) == prefix
