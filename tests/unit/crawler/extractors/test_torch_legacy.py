"""PyTorch files from before the zip format, with torch's own counts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import ClassVar

import pytest
from fixtures.extraction import elements_of

from catalog.testing.extractors import ExtractorSuite, Sample, Storage
from crawler.extractors.torch_legacy import TorchLegacyExtractor
from crawler.extractors.torch_zip import TorchZipExtractor
from crawler.reader import RangedReader

DATA = Path(__file__).parents[3] / "corpus" / "data" / "torch"


TRUTH = json.loads((DATA / "truth.json").read_text())


class TestLegacy(ExtractorSuite):
    extractor = TorchLegacyExtractor
    expected: ClassVar = {"framework": "pytorch", "extra.serialization": "legacy"}

    def sample(self):
        return Sample(key="flowers/model.pth", data=(DATA / "legacy.pth").read_bytes())


REQUESTS = [
    ("legacy torch of 16 MB", "legacy.pth", TorchLegacyExtractor, 1),
    ("zip of 16 MB with data.pkl in front", "state_dict.pt", TorchZipExtractor, 2),
]


@pytest.mark.parametrize(
    ("name", "extractor", "most"), [row[1:] for row in REQUESTS], ids=[row[0] for row in REQUESTS]
)
def test_big_files_cost_few_requests(name, extractor, most):
    """What follows the pickles is never fetched: the storages are as long as they like."""
    data = (DATA / name).read_bytes()
    size = 16 * 1024 * 1024
    data = data + bytes(size) if extractor is TorchLegacyExtractor else stretched(data, size)
    storage = Storage(data)
    extraction = extractor().extract(RangedReader(name, len(data), storage.fetch))
    assert elements_of(extraction, "model") == TRUTH[name]["parameters"]
    assert len(storage.ranges) <= most
    assert storage.bytes_served < 512 * 1024


def stretched(data, size):
    """The zip with so many bytes between its members and its directory."""
    at = data.rfind(b"PK\x01\x02")
    while (before := data.rfind(b"PK\x01\x02", 0, at)) >= 0:
        at = before
    end = data.rfind(b"PK\x05\x06")
    offset = int.from_bytes(data[end + 16 : end + 20], "little")
    record = data[end : end + 16] + (offset + size).to_bytes(4, "little") + data[end + 20 :]
    directory = data[at:end]
    end64 = directory.rfind(b"PK\x06\x06")
    if end64 >= 0:
        directory = directory[:end64]
    return data[:at] + bytes(size) + directory + record
