"""Core ML, OpenVINO, Paddle and Orbax as their own libraries write them, and formats known by their magic alone."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import ClassVar

import pytest

from catalog.errors import LimitExceeded, Malformed
from catalog.records import FileStatus, Role
from catalog.testing.extractors import ExtractorSuite, Sample, Storage
from crawler.extractors.coreml import CoremlExtractor
from crawler.extractors.opaque import OpaqueExtractor
from crawler.extractors.openvino import OpenvinoExtractor
from crawler.extractors.orbax import OrbaxExtractor
from crawler.extractors.paddle import PaddleExtractor
from crawler.reader import RangedReader, bytes_reader

DATA = Path(__file__).parents[1] / "corpus" / "data"
COUNTS = json.loads((DATA / "coreml" / "counts.json").read_text())
SPECIFICATION = "Data/com.apple.CoreML/model.mlmodel"


def extract(extractor, path, data=None):
    data = (DATA / path).read_bytes() if data is None else data
    return extractor().extract(RangedReader(path, len(data), Storage(data).fetch))


def said(extraction):
    return {observation.field: observation.raw for observation in extraction.observations}


def weights(extraction):
    return sum(tally.elements for tally in extraction.tensors.tallies if tally.part == "model")


class TestCoreml(ExtractorSuite):
    extractor = CoremlExtractor
    expected: ClassVar = {
        "framework": "coreml",
        "model_type": "mlProgram",
        "description": "Three classes out of ten numbers",
        "version": "1.10",
        "owner": "Ada",
        "license": "MIT",
        "metrics.accuracy": "0.93",
        "framework_version": "9.0",
        "inputs": [{"name": "x", "dtype": "F32", "shape": [1, 100]}],
        "outputs": [{"name": "relu_0", "dtype": "F32", "shape": [1, 64]}],
    }

    def sample(self):
        path = f"coreml/program.mlpackage/{SPECIFICATION}"
        return Sample(key=path, data=(DATA / path).read_bytes())


class TestOpenvino(ExtractorSuite):
    extractor = OpenvinoExtractor
    expected: ClassVar = {
        "framework": "openvino",
        "framework_version": "2026.4.1",
        "extra.ir_version": "11",
        "inputs": [{"name": "features", "dtype": "F32", "shape": [None, 10]}],
        "outputs": [{"name": "scores", "dtype": "F32", "shape": [None, 3]}],
        "extra.conversion.input_model": "model.onnx",
    }

    def sample(self):
        return Sample(key="openvino/tiny.xml", data=(DATA / "openvino" / "tiny.xml").read_bytes())


class TestPaddle(ExtractorSuite):
    extractor = PaddleExtractor
    expected: ClassVar = {
        "framework": "paddle",
        "framework_version": "3.3.1",
        "inputs": [{"name": "x", "dtype": "F32", "shape": [None, 8]}],
    }

    def sample(self):
        return Sample(key="paddle/older.pdmodel", data=(DATA / "paddle" / "older.pdmodel").read_bytes())


class TestPaddleJson(ExtractorSuite):
    extractor = PaddleExtractor
    expected: ClassVar = {
        "framework": "paddle",
        "inputs": [{"name": "x", "dtype": "F32", "shape": [None, 8]}],
        "outputs": [{"name": "fetch_name_0", "dtype": "F32", "shape": [None, 4]}],
    }

    def sample(self):
        return Sample(key="paddle/inference.json", data=(DATA / "paddle" / "inference.json").read_bytes())


class TestOrbax(ExtractorSuite):
    extractor = OrbaxExtractor
    expected: ClassVar = {"framework": "jax"}

    def sample(self):
        path = "orbax/run/5/default/_METADATA"
        return Sample(key=path, data=(DATA / path).read_bytes())


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
    ("extractor", "path", "count"),
    [
        (CoremlExtractor, "coreml/network.mlmodel", "coreml/network.mlmodel"),
        (CoremlExtractor, f"coreml/program.mlpackage/{SPECIFICATION}", "coreml/program.mlpackage"),
        (CoremlExtractor, f"coreml/program-f16.mlpackage/{SPECIFICATION}", "coreml/program-f16.mlpackage"),
        (OpenvinoExtractor, "openvino/tiny.xml", "openvino/tiny.xml"),
        (OpenvinoExtractor, "openvino/tiny-f16.xml", "openvino/tiny-f16.xml"),
        (PaddleExtractor, "paddle/older.pdmodel", "paddle/older.pdmodel"),
        (PaddleExtractor, "paddle/inference.json", "paddle/inference.json"),
    ],
)
def test_count_is_the_one_of_the_network_that_was_written(extractor, path, count):
    extraction = extract(extractor, path)
    assert weights(extraction) == COUNTS[count]
    assert extraction.status is FileStatus.OK
    assert not extraction.risks


def test_half_precision_is_told_by_the_constants():
    for extractor, path in (
        (OpenvinoExtractor, "openvino/tiny-f16.xml"),
        (CoremlExtractor, f"coreml/program-f16.mlpackage/{SPECIFICATION}"),
    ):
        assert {tally.dtype for tally in extract(extractor, path).tensors.tallies} == {"F16"}


@pytest.mark.parametrize(
    ("name", "scheme", "bits"),
    [
        ("linear-ios16", "affine_dequantize", 8),
        ("linear-ios18", "blockwise_shift_scale", 8),
        ("palette-ios16", "lut_to_dense", None),
        ("palette-ios18", "lut_to_dense", 4),
    ],
)
def test_packed_core_ml_weights_count_as_what_they_unpack_to(name, scheme, bits):
    extraction = extract(CoremlExtractor, f"coreml/{name}.mlmodel")
    assert weights(extraction) == COUNTS[f"coreml/{name}.mlmodel"]
    assert said(extraction)["quantization.scheme"] == scheme
    assert said(extraction).get("quantization.bits") == bits


@pytest.mark.parametrize(
    ("extractor", "path", "reference", "size"),
    [
        (OpenvinoExtractor, "openvino/tiny.xml", "tiny.bin", 1792),
        (PaddleExtractor, "paddle/older.pdmodel", "older.pdiparams", None),
        (CoremlExtractor, f"coreml/program.mlpackage/{SPECIFICATION}", "weights/weight.bin", None),
        (CoremlExtractor, "coreml/program.mlpackage/Manifest.json", SPECIFICATION, None),
    ],
)
def test_files_that_belong_together_are_referred_to(extractor, path, reference, size):
    (found,) = extract(extractor, path).references
    assert (found.name, found.size_bytes) == (reference, size)


@pytest.mark.parametrize(
    "document",
    [
        '<?xml version="1.0"?><!DOCTYPE net [<!ENTITY a "x">]><net name="n" version="11">&a;</net>',
        '<?xml version="1.0"?><!DOCTYPE net SYSTEM "file:///etc/passwd"><net name="n" version="11"/>',
        '<net name="n" version="11"><layers>',
    ],
)
def test_hostile_xml_is_refused(document):
    with pytest.raises(Malformed):
        extract(OpenvinoExtractor, "m.xml", document.encode())


def test_deep_xml_is_refused():
    document = b'<net name="n" version="11">' + b"<a>" * 100
    with pytest.raises(LimitExceeded, match="depth"):
        extract(OpenvinoExtractor, "m.xml", document)


def test_orbax_optimizer_is_no_part_of_the_model():
    extraction = extract(OrbaxExtractor, "orbax/run/5/default/_METADATA")
    assert weights(extraction) == json.loads((DATA / "orbax" / "counts.json").read_text())["params"]
    step = said(extract(OrbaxExtractor, "orbax/run/5/_CHECKPOINT_METADATA"))
    assert step["training.steps"] == 5
    assert step["trained_at"] > step["training_started_at"] > 10**18
    assert said(extract(OrbaxExtractor, "orbax/run/metadata/_ROOT_METADATA"))["extra.team"] == "vision"


@pytest.mark.parametrize(
    ("key", "commit"),
    [
        ("run/5/_CHECKPOINT_METADATA", "null"),
        ("run/5.orbax-checkpoint-tmp-17/_CHECKPOINT_METADATA", "1795560417814486385"),
    ],
)
def test_orbax_checkpoint_without_its_commit_is_still_being_written(key, commit):
    data = f'{{"init_timestamp_nsecs": 1795560417726125151, "commit_timestamp_nsecs": {commit}, "metrics": {{"loss": 0.5}}}}'
    extraction = OrbaxExtractor().extract(bytes_reader(key, data.encode()))
    assert extraction.status is FileStatus.PARTIAL
    assert extraction.problems[0].code == "still-being-written"
    assert said(extraction)["metrics.loss"] == 0.5


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
        ("a.pmml", b'<?xml version="1.0"?><PMML version="4.4">', "pmml", Role.WEIGHTS),
        ("a.mar", b"PK\3\4", "torchserve", Role.WEIGHTS),
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
