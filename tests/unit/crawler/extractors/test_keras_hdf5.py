"""Keras models in HDF5 as Keras writes them, with its own counts, and HDF5 files that bomb or break off."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fixtures.extraction import KERAS_DIGITS, SampledSuite, extract_file, values_of

from catalog.errors import LimitExceeded, Malformed
from catalog.records import FileStatus
from catalog.testing.extractors import Sample
from crawler.extractors.keras_hdf5 import KerasHdf5Extractor
from crawler.extractors.keras_zip import KerasZipExtractor
from crawler.formats import hdf5
from crawler.reader import Budget, bytes_reader

DATA = Path(__file__).parents[3] / "corpus" / "data"


COUNTS = json.loads((DATA / "tensorflow" / "counts.json").read_text())


class TestKerasHdf5(SampledSuite):
    extractor = KerasHdf5Extractor
    expected = KERAS_DIGITS

    def sample(self):
        return Sample(key="digits/model.h5", data=(DATA / "keras" / "digits.h5").read_bytes())


@pytest.mark.parametrize(
    ("extractor", "path"),
    [
        (KerasHdf5Extractor, "keras/digits.h5"),
        (KerasHdf5Extractor, "keras/digits.weights.h5"),
        (KerasZipExtractor, "keras/digits.keras"),
        (KerasZipExtractor, "keras/lambda.keras"),
    ],
)
def test_count_is_keras_own_without_the_optimizer(extractor, path):
    extraction = extract_file(extractor, DATA, path)
    parts = {tally.part for tally in extraction.tensors.tallies}
    weights = sum(tally.elements for tally in extraction.tensors.tallies if tally.part == "model")
    assert weights == COUNTS[path]
    assert "lambda" in path or "optimizer" in parts
    assert extraction.status is FileStatus.OK


def test_without_h5py_the_format_is_known_and_the_count_is_not(monkeypatch):
    monkeypatch.setattr(hdf5, "available", lambda: False)
    for extractor, path in (
        (KerasHdf5Extractor, "keras/digits.h5"),
        (KerasZipExtractor, "keras/digits.keras"),
    ):
        extraction = extract_file(extractor, DATA, path)
        assert extraction.status is FileStatus.PARTIAL
        assert extraction.tensors is None
        assert "modeldex[hdf5]" in extraction.problems[0].message
    assert (
        values_of(extract_file(KerasZipExtractor, DATA, "keras/digits.keras"))["architecture"] == "Sequential"
    )


def test_shape_bomb_is_unknown_and_not_a_trillion():
    extraction = extract_file(KerasHdf5Extractor, DATA, "hdf5/shape-bomb.h5")
    assert extraction.tensors.unknown_tensors == 1
    assert not extraction.tensors.tallies
    assert [risk.kind for risk in extraction.risks] == ["suspicious-structure"]


def test_file_that_is_cut_off_starts_no_process(monkeypatch):
    monkeypatch.setattr(hdf5.subprocess, "Popen", None)
    data = (DATA / "keras" / "digits.h5").read_bytes()[:-1]
    with pytest.raises(Malformed, match="cut off"):
        hdf5.read_outline(bytes_reader("m.h5", data))


def test_budget_of_the_reader_ends_the_process():
    data = (DATA / "keras" / "digits.h5").read_bytes()
    reader = bytes_reader("m.h5", data, budget=Budget(requests=0))
    with pytest.raises(LimitExceeded, match="range requests"):
        hdf5.read_outline(reader)


def test_user_block_before_the_signature_is_still_hdf5():
    assert KerasHdf5Extractor().claims("m.h5", bytes(512) + hdf5.MAGIC).format == "hdf5"
    assert KerasHdf5Extractor().claims("data.h5ad", hdf5.MAGIC) is None
