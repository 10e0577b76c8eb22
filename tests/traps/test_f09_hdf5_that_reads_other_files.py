"""HDF5 with external storage, links or virtual datasets: the other file's bytes appear nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from crawler.extractors.keras_hdf5 import KerasHdf5Extractor
from crawler.reader import bytes_reader

DATA = Path(__file__).parents[1] / "corpus" / "data" / "hdf5"
SECRET = "top-secret-bytes"


@pytest.mark.parametrize("name", ["external-storage.h5", "external-link.h5", "virtual.h5"])
def test_the_other_file_is_named_and_never_opened(name, tmp_path, monkeypatch):
    """The secret stands where the file points to, in the working directory: nothing of it comes out."""
    for secret in ("secret.txt", "secret.h5"):
        (tmp_path / secret).write_text(SECRET)
    monkeypatch.chdir(tmp_path)
    before = {path.name: path.stat().st_atime_ns for path in tmp_path.iterdir()}
    extraction = KerasHdf5Extractor().extract(bytes_reader("m.h5", (DATA / name).read_bytes()))
    assert [risk.kind for risk in extraction.risks] == ["external-data"]
    assert SECRET not in repr(extraction)
    assert not extraction.tensors.counts_are_parameters
    assert {path.name: path.stat().st_atime_ns for path in tmp_path.iterdir()} == before
