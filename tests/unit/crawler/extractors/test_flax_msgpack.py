"""Flax checkpoints against what flax reads back."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import ClassVar

import pytest

from catalog.errors import ExtractError
from catalog.testing.extractors import ExtractorSuite, Sample, Storage
from crawler.extractors.flax_msgpack import FlaxMsgpackExtractor
from crawler.reader import RangedReader, bytes_reader

DATA = Path(__file__).parents[3] / "corpus" / "data" / "hub"


TRUTH = json.loads((DATA / "flax-truth.json").read_text())


class TestFlaxMsgpack(ExtractorSuite):
    extractor = FlaxMsgpackExtractor
    expected: ClassVar = {"training.steps": 1200, "framework": "flax", "metrics.best_accuracy": 0.875}

    def sample(self):
        return Sample(key="flax_model.msgpack", data=(DATA / "flax_model.msgpack").read_bytes())

    def test_parameters_are_those_that_flax_reads_back(self):
        counts = {}
        for tally in self.extract(self._sample().data).tensors.tallies:
            counts[tally.part] = counts.get(tally.part, 0) + tally.elements
        assert counts["model"] == TRUTH["parameters"]
        assert counts["model"] + counts["buffer"] == TRUTH["with_statistics"]
        assert counts["optimizer"] == 2 * TRUTH["parameters"] + 1

    def test_chunked_array_is_one_tensor_with_its_shape(self):
        tensors = {tensor.name: tensor for tensor in self.extract(self._sample().data).tensors.tensors}
        assert tensors["params/encoder/kernel"].shape == (8, 16)
        assert tensors["params/head/kernel"].dtype == "BF16"


def array(elements):
    inner = (
        b"\x93\x91\xce" + struct.pack(">I", elements) + b"\xa7float32\xc6" + struct.pack(">I", elements * 4)
    )
    return b"\xc9" + struct.pack(">I", len(inner) + elements * 4) + b"\x01" + inner


def test_payloads_are_stepped_over():
    count, elements = 20, 500_000
    body = bytearray(b"\x81\xa6params" + b"\xde" + struct.pack(">H", count))
    for number in range(count):
        body += b"\xa3w%02d" % number + array(elements) + bytes(elements * 4)
    storage = Storage(bytes(body))
    extraction = FlaxMsgpackExtractor().extract(RangedReader("a.msgpack", len(body), storage.fetch))
    assert sum(tally.elements for tally in extraction.tensors.tallies) == count * elements
    assert len(storage.ranges) <= count + 1
    assert storage.bytes_served < len(body) / 10


HOSTILE = {
    "a map of 4 billion entries": b"\x81\xa1a\xdf\xff\xff\xff\xff",
    "lists 100,000 deep": b"\x81\xa1a" + b"\x91" * 100_000,
    "an extension beyond the end": b"\x81\xa1a\xc9\xff\xff\xff\xff\x01",
    "an array of 200 dimensions": b"\x81\xa1a\xc8\x02\x00\x01\x93\xdc\x00\xc8" + b"\x01" * 600,
    "a key that is a number": b"\x81\x01\x01",
    "a marker that does not exist": b"\x81\xa1a\xc1",
    "no arrays": b"\x81\xa1a\x01",
    "a text beyond the end": b"\x81\xa1a\xdb\xff\xff\xff\xff",
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
def test_hostile_document_is_a_typed_error(data):
    with pytest.raises(ExtractError):
        FlaxMsgpackExtractor().extract(bytes_reader("a.msgpack", data))
