"""Formats that are known by their magic alone: named, and nothing more said."""

from __future__ import annotations

import json
import struct
from typing import ClassVar

import pytest

from catalog.records import FileStatus, Role
from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.opaque import FORMATS, Magic, OpaqueExtractor
from crawler.reader import bytes_reader


class TestOpaque(ExtractorSuite):
    extractor = OpaqueExtractor
    expected: ClassVar = {"framework": "tensorrt", "task": "detect", "owner": "Ada"}

    def sample(self):
        """Ultralytics' layout: a length, the metadata, the engine."""
        metadata = json.dumps({"task": "detect", "author": "Ada", "stride": 32}).encode()
        return Sample(
            key="yolo.engine", data=struct.pack("<I", len(metadata)) + metadata + b"ptrt" + bytes(64)
        )


@pytest.mark.parametrize(
    ("key", "head", "file_format", "role"),
    [
        ("a.bin", b"ptrt\x2a\0\0\0", "tensorrt", Role.WEIGHTS),
        ("a.plan", b"\0\0\0\0", "tensorrt", Role.WEIGHTS),
        ("a.pte", b"\x10\0\0\0ET12", "executorch", Role.WEIGHTS),
        ("a.ort", b"\x10\0\0\0ORTM", "ort", Role.WEIGHTS),
        ("a.param", b"7767517\n10 10\n", "ncnn", Role.WEIGHTS),
        ("a.mnn", b"\x20\0\0\0", "mnn", Role.WEIGHTS),
        ("a.rknn", b"RKNN\0\0\0\0", "rknn", Role.WEIGHTS),
        ("a.rds", b"\x1f\x8b\x08\0", "rds", Role.WEIGHTS),
        ("a.params", struct.pack("<Q", 0x112), "mxnet", Role.WEIGHTS),
        ("a.caffemodel", b"\x0a\x05", "caffe", Role.WEIGHTS),
        ("a.dnn", b"B\0C\0N\0\0\0", "cntk", Role.WEIGHTS),
        ("m/tokenizer.model", b"\x0a\x0e\x0a\x05<unk>\x15\0\0\0\0\x18\x02", "sentencepiece", Role.AUXILIARY),
        ("m/spiece.model", b"\x0a\x0e\x0a\x05<unk>\x15\0\0\0\0\x18\x02", "sentencepiece", Role.AUXILIARY),
    ],
)
def test_formats_by_their_magic(key, head, file_format, role):
    claim = OpaqueExtractor().claims(key, head)
    assert (claim.format, claim.role) == (file_format, role)
    extraction = OpaqueExtractor().extract(bytes_reader(key, head))
    assert extraction.status is (FileStatus.OPAQUE if role is Role.WEIGHTS else FileStatus.OK)
    assert extraction.tensors is None


@pytest.mark.parametrize("key", ["notes.txt", "data.csv", "a.gz", "README.md", "model.zip", "x.json"])
def test_everyday_files_are_nobody_s_model(key):
    assert OpaqueExtractor().claims(key, b"PK\3\4 hello world, { } 0123456789") is None


def test_only_formats_that_may_be_it_are_asked_and_the_answer_is_that_of_all():
    """The magic of each under the suffix of each, and under none."""
    suffixes = [known.named[-1] for known in FORMATS if isinstance(known.named, tuple)]
    magics = [known.starts for known in FORMATS if isinstance(known.starts, Magic)]
    heads = [b"", b"{}", *(bytes(magic.offset) + value for magic in magics for value in magic.values)]
    for key in ("model", "model.bin", *(f"M{suffix.upper()}" for suffix in suffixes)):
        for head in heads:
            claim = OpaqueExtractor().claims(key, head)
            sure = [known.confidence(key, key.lower(), head) for known in FORMATS]
            best = FORMATS[sure.index(max(sure))] if max(sure) else None
            assert (claim and (claim.format, claim.confidence)) == (best and (best.format, max(sure)))
