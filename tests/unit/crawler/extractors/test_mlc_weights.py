"""The list of parameters of MLC: counts by the configuration's width, scales apart, names that lead away."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest
from fixtures.extraction import extract

from catalog.errors import Malformed
from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.mlc_weights import MlcWeightsExtractor

FOLDER = Path(__file__).parents[3] / "cases" / "formats" / "other-runtimes" / "input" / "mlc"
LIST = FOLDER / "Llama-tiny-q4f16_1-MLC" / "ndarray-cache.json"


def cache(path="params_shard_0.bin", **entry):
    row = {"name": "w.q_weight", "shape": [4, 2], "dtype": "uint32", "nbytes": 32} | entry
    return {"metadata": {}, "records": [{"dataPath": path, "records": [row]}]}


class TestMlcWeights(ExtractorSuite):
    extractor = MlcWeightsExtractor
    expected: ClassVar = {"framework": "mlc-llm", "extra.mlc.bits_per_parameter": 4.6}

    def sample(self):
        return Sample(key="m/ndarray-cache.json", data=LIST.read_bytes())


def test_scales_serve_the_packed_weights_beside_them():
    tallies = extract(MlcWeightsExtractor, "ndarray-cache.json", LIST.read_bytes()).tensors.tallies
    assert {(tally.part, tally.suffix): tally.elements for tally in tallies} == {
        ("auxiliary", "q_scale"): 200,
        ("model", "q_weight"): 800,
        ("model", "weight"): 64,
    }


def test_shards_that_lead_out_of_the_directory_are_a_risk_and_not_looked_up():
    extraction = extract(MlcWeightsExtractor, "ndarray-cache.json", cache("../../etc/passwd"))
    assert [risk.kind for risk in extraction.risks] == ["path-traversal"]
    assert extraction.references == ()


def test_shapes_that_are_none_are_left_out():
    extraction = extract(MlcWeightsExtractor, "tensor-cache.json", cache(shape=[4, -2]))
    assert extraction.tensors.count == 0


def test_records_that_are_no_list_are_the_reason():
    with pytest.raises(Malformed, match="no list"):
        extract(MlcWeightsExtractor, "tensor-cache.json", {"records": [{"dataPath": "a.bin", "records": 5}]})
