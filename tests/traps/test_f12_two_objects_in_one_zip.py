"""Two `data.pkl` in one zip are refused: torch reads the first, Python's zipfile the last."""

from __future__ import annotations

import io
import pickle
import zipfile

from fixtures.hostile_pickles import SYSTEM, two_objects

from catalog.records import FileStatus
from crawler.extractors.torch_zip import TorchZipExtractor
from crawler.reader import bytes_reader


def extract(data):
    return TorchZipExtractor().extract(bytes_reader("model.pt", data))


def test_two_members_of_one_name_are_refused_and_both_readings_are_said():
    extraction = extract(two_objects())
    assert extraction.status is FileStatus.UNREADABLE
    assert extraction.tensors is None
    assert {"unchecked", "suspicious-structure", "code-execution"} <= {risk.kind for risk in extraction.risks}
    assert "2 members called data.pkl" in extraction.problems[0].message


def test_two_roots_are_refused_too():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("first/data.pkl", pickle.dumps({}))
        archive.writestr("second/data.pkl", SYSTEM)
    extraction = extract(out.getvalue())
    assert extraction.status is FileStatus.UNREADABLE
    assert {"unchecked", "code-execution"} <= {risk.kind for risk in extraction.risks}
