"""fastText models, dense and quantised, with what the library says of them."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import ClassVar

import pytest
from fixtures.extraction import extract, values_of

from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.fasttext import FasttextExtractor

DATA = Path(__file__).parents[3] / "corpus" / "data" / "boosters"


TRUTH = json.loads((DATA / "truth.json").read_text())


class TestFasttext(ExtractorSuite):
    extractor = FasttextExtractor
    expected: ClassVar = {
        "framework": "fasttext",
        "task": "text-classification",
        "embedding_dimension": TRUTH["fasttext"]["dim"],
        "classes": TRUTH["fasttext"]["labels"],
        "extra.words": TRUTH["fasttext"]["words"],
        "training.epochs": 4,
    }

    def sample(self):
        return Sample(key="labels.bin", data=(DATA / "labels.bin").read_bytes())


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("labels.bin", TRUTH["fasttext"]["parameters"]), ("words.bin", TRUTH["fasttext_vectors"])],
)
def test_fasttext_matrices_have_the_size_that_fasttext_says(name, parameters):
    extraction = extract(FasttextExtractor, name, (DATA / name).read_bytes())
    assert sum(tally.elements for tally in extraction.tensors.tallies) == parameters


def test_quantised_fasttext_has_a_derived_count():
    truth = TRUTH["fasttext_quantised"]
    rows = truth["words"] + truth["bucket"] + truth["labels"]
    extraction = extract(FasttextExtractor, "labels.ftz", (DATA / "labels.ftz").read_bytes())
    assert values_of(extraction)["parameters"] == rows * truth["dim"]
    assert extraction.tensors is None


def test_fasttext_of_version_11_is_laid_out_as_version_12():
    data = bytearray((DATA / "words.bin").read_bytes())
    told = values_of(extract(FasttextExtractor, "words.bin", bytes(data)))
    data[4:8] = struct.pack("<i", 11)
    assert values_of(extract(FasttextExtractor, "words.bin", bytes(data))) == told
