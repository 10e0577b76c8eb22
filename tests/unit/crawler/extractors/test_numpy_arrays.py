"""NumPy arrays and archives of them: exact counts, and objects that are never unpickled."""

from __future__ import annotations

import io
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from fixtures.extraction import extract, extract_file, values_of

from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.numpy_arrays import NumpyExtractor
from crawler.registry import Registry

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


def marian(settings):
    buffer = io.BytesIO()
    arrays = {"Wemb": np.zeros((3, 4), "f"), "special:model.yml": np.frombuffer(settings, "i1")}
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def test_settings_of_marian_are_a_text_and_no_weights():
    """They were counted, and called int8: the model was said to be quantised."""
    written = b"type: transformer\ndim-emb: 512\ndim-vocabs:\n  - 100\n  - 200\nversion: v1.10.0\n\0"
    extraction = extract(NumpyExtractor, "model.npz", marian(written))
    said = values_of(extraction)
    assert (said["framework"], said["framework_version"], said["task"]) == (
        "marian",
        "v1.10.0",
        "translation",
    )
    assert (said["embedding_dimension"], said["extra.marian.dim-vocabs"]) == (512, [100, 200])
    assert [(tensor.name, tensor.part) for tensor in extraction.tensors.tensors] == [
        ("Wemb", "model"),
        ("special:model.yml", "auxiliary"),
    ]


@pytest.mark.parametrize("settings", [b"a: [\0", b"", b"\xff\xfe", b"- 1\0"])
def test_settings_of_marian_that_are_none_cost_no_weights(settings):
    extraction = extract(NumpyExtractor, "model.npz", marian(settings))
    assert values_of(extraction)["framework"] == "marian"
    assert extraction.tensors.tensors[0].name == "Wemb"


def test_what_marian_goes_on_from_is_no_model(shop):
    shop.registry = Registry.installed()
    shop.put("en-de/model.npz", marian(b"type: s2s\n\0"))
    shop.put("en-de/model.npz.optimizer.npz", marian(b""))
    shop.crawl()
    (document,) = shop.documents().values()
    assert (document["name"], document["framework"], document["parameters"]) == ("en-de", "marian", 12)
