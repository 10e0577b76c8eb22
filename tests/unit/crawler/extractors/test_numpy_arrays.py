"""scikit-learn, its relatives and NumPy: files by the real libraries, with what those say."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest

from catalog.testing.extractors import ExtractorSuite, Sample, Storage
from crawler.extractors.numpy_arrays import NumpyExtractor
from crawler.reader import RangedReader

DATA = Path(__file__).parents[3] / "corpus" / "data" / "classical"


def extract(extractor, name, key=None):
    data = (DATA / name).read_bytes()
    return extractor().extract(RangedReader(key or name, len(data), Storage(data).fetch))


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
    extraction = extract(NumpyExtractor, name)
    assert [(t.name, t.dtype, t.shape) for t in extraction.tensors.tensors] == expected
    assert extraction.format == name.rpartition(".")[2]


def test_array_of_objects_is_said_to_be_a_pickle():
    extraction = extract(NumpyExtractor, "objects.npy")
    assert [risk.kind for risk in extraction.risks] == ["needs-trust"]
