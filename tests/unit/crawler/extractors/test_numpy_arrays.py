"""NumPy arrays and archives of them: exact counts, and objects that are never unpickled."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest
from fixtures.extraction import extract_file

from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.numpy_arrays import NumpyExtractor

DATA = Path(__file__).parents[3] / "corpus" / "data" / "classical"


class TestNpy(ExtractorSuite):
    extractor = NumpyExtractor
    expected: ClassVar = {"framework": "numpy"}

    def sample(self):
        return Sample(key="weights.npy", data=(DATA / "weights.npy").read_bytes())


class TestNpz(ExtractorSuite):
    extractor = NumpyExtractor
    expected: ClassVar = {"framework": "numpy"}

    def sample(self):
        return Sample(key="weights.npz", data=(DATA / "deflated.npz").read_bytes())


ARRAYS = [
    ("weights.npy", [("weights", "F32", (3, 4))]),
    ("fortran.npy", [("fortran", "F64", (3, 4))]),
    ("structured.npy", [("structured", "STRUCT", (5,))]),
    ("objects.npy", [("objects", "OBJECT", (2,))]),
    ("stored.npz", [("bias", "F16", (4,)), ("kernel", "F16", (3, 4))]),
    ("deflated.npz", [("kernel", "F32", (3, 4)), ("labels", "STR", (2,))]),
]


@pytest.mark.parametrize(("name", "expected"), ARRAYS, ids=[row[0] for row in ARRAYS])
def test_arrays_have_their_names_dtypes_and_shapes(name, expected):
    extraction = extract_file(NumpyExtractor, DATA, name)
    assert [(t.name, t.dtype, t.shape) for t in extraction.tensors.tensors] == expected
    assert extraction.format == name.rpartition(".")[2]


def test_array_of_objects_is_said_to_be_a_pickle():
    extraction = extract_file(NumpyExtractor, DATA, "objects.npy")
    assert [risk.kind for risk in extraction.risks] == ["needs-trust"]
