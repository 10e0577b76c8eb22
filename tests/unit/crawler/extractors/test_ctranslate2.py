"""CTranslate2's one file of weights: what it holds, where it ends early, and what is packed."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import ClassVar

import pytest
from fixtures.extraction import extract

from catalog.errors import LimitExceeded
from catalog.records import FileStatus
from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.ctranslate2 import Ctranslate2Extractor

MODEL = Path(__file__).parents[3] / "cases" / "formats" / "other-runtimes" / "input" / "ct2"


def text(value):
    return struct.pack("<H", len(value) + 1) + value.encode() + b"\0"


def model(*variables, version=6, specification="TransformerSpec", count=None):
    """A file with these variables: name, type, shape, bytes."""
    body = b"".join(
        text(name) + struct.pack(f"<B{len(shape)}IBI", len(shape), *shape, kind, len(data)) + data
        for name, kind, shape, data in variables
    )
    number = len(variables) if count is None else count
    head = struct.pack("<I", version) + text(specification) + struct.pack("<II", 3, number)
    return head + body + struct.pack("<I", 0)


class TestCtranslate2(ExtractorSuite):
    extractor = Ctranslate2Extractor
    expected: ClassVar = {
        "framework": "ctranslate2",
        "architecture": "WhisperSpec",
        "task": "automatic-speech-recognition",
        "extra.ctranslate2.binary_version": 6,
    }

    def sample(self):
        return Sample(key="model.bin", data=(MODEL / "faster-whisper-tiny" / "model.bin").read_bytes())


def test_scales_of_integers_and_attributes_are_no_weights():
    summary = extract(
        Ctranslate2Extractor,
        "model.bin",
        model(
            ("decoder/weight", 1, (2, 3), bytes(6)),
            ("decoder/weight_scale", 0, (2,), bytes(8)),
            ("decoder/num_heads", 2, (), bytes(2)),
        ),
    ).tensors
    assert {(tally.part, tally.dtype): tally.elements for tally in summary.tallies} == {
        ("auxiliary", "F32"): 2,
        ("auxiliary", "I16"): 1,
        ("model", "I8"): 6,
    }


def test_weights_that_awq_packed_are_not_counted():
    data = model(("decoder/weight", 3, (2, 3), bytes(24)))
    assert not extract(Ctranslate2Extractor, "model.bin", data).tensors.counts_are_parameters


def test_a_file_that_is_cut_off_is_partial():
    data = model(("a/weight", 0, (4,), bytes(16)), ("b/weight", 0, (4,), bytes(16)))
    extraction = extract(Ctranslate2Extractor, "model.bin", data[:-24])
    assert (extraction.status, extraction.tensors.complete) == (FileStatus.PARTIAL, False)


def test_announced_numbers_are_refused_before_they_cost_anything():
    with pytest.raises(LimitExceeded, match="variables"):
        extract(Ctranslate2Extractor, "model.bin", model(count=2**31))


@pytest.mark.parametrize(
    ("name", "head"),
    [
        ("model.bin", b"PK\3\4" + bytes(60)),
        ("model.bin", struct.pack("<I", 6) + text("Whisper") + bytes(60)),
        ("notes.txt", model()),
    ],
    ids=["zip", "no-specification", "other-suffix"],
)
def test_other_files_are_left_alone(name, head):
    assert Ctranslate2Extractor().claims(name, head) is None
