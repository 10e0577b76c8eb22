"""SavedModels as TensorFlow 2.21 writes them: signatures, counts, and operators that reach out."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import ClassVar

import pytest
from fixtures.extraction import extract_file

from catalog.errors import Malformed, Unsupported
from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.tensorflow_saved_model import TensorflowSavedModelExtractor
from crawler.formats import leveldb
from crawler.formats.tensorflow_checkpoint import Variable, part_of
from crawler.reader import bytes_reader

DATA = Path(__file__).parents[3] / "corpus" / "data" / "tensorflow"


class TestSavedModel(ExtractorSuite):
    extractor = TensorflowSavedModelExtractor
    expected: ClassVar = {
        "framework": "tensorflow",
        "framework_version": "2.21.0",
        "extra.saved_model_tags": ["serve"],
        "inputs": [{"name": "pixels", "dtype": "F32", "shape": [None, 8, 8, 1]}],
        "outputs": [{"name": "output_0", "dtype": "F32", "shape": [None, 10]}],
    }

    def sample(self):
        return Sample(key="m/saved_model.pb", data=(DATA / "exported" / "saved_model.pb").read_bytes())


def test_operators_that_reach_out_are_high_risks():
    risks = extract_file(TensorflowSavedModelExtractor, DATA, "reads-files/saved_model.pb").risks
    assert [(risk.kind, risk.severity.name, risk.member) for risk in risks] == [
        ("code-execution", "HIGH", "ReadFile")
    ]
    assert not extract_file(TensorflowSavedModelExtractor, DATA, "exported/saved_model.pb").risks


def test_constants_are_the_weights_of_a_frozen_graph():
    extraction = extract_file(TensorflowSavedModelExtractor, DATA, "frozen.pb")
    counted = json.loads((DATA / "frozen.json").read_text())["frozen.pb"]
    assert extraction.format == "tensorflow_graph"
    assert sum(tally.elements for tally in extraction.tensors.tallies) == counted
    assert extraction.tensors.counts_are_parameters


def field(number, payload):
    assert len(payload) < 2**14
    return bytes([number << 3 | 2, len(payload) & 0x7F | 0x80, len(payload) >> 7]) + payload


def test_keras_2_metadata_of_a_saved_model():
    """SavedMetadata: nodes of path and JSON; the root is the model."""
    layers = [
        {"class_name": "Dense", "config": {"name": "d"}},
        {"class_name": "Lambda", "config": {"name": "l"}},
    ]
    optimizer = {"class_name": "Adam", "config": {"learning_rate": 0.001}}
    root = {
        "class_name": "Functional",
        "config": {"name": "net", "layers": layers},
        "training_config": {"loss": "mse", "optimizer_config": optimizer},
    }
    nodes = [(b"root.layer-0", {"class_name": "Dense"}), (b"root", root)]
    data = b"".join(field(1, field(3, path) + field(5, json.dumps(value).encode())) for path, value in nodes)
    extraction = TensorflowSavedModelExtractor().extract(bytes_reader("m/keras_metadata.pb", data))
    said = {o.field: o.raw for o in extraction.observations}
    assert (said["architecture"], said["layers"]) == ("Functional", 2)
    assert (said["training.optimizer"], said["training.learning_rate"]) == ("Adam", 0.001)
    assert [risk.kind for risk in extraction.risks] == ["lambda-layer"]


def test_fingerprint_identifies_the_export():
    said = {
        o.field
        for o in extract_file(TensorflowSavedModelExtractor, DATA, "exported/fingerprint.pb").observations
    }
    assert said == {"extra.saved_model_checksum", "extra.fingerprint_uuid"}


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("layer/kernel", "model"),
        ("variables/0", "model"),
        ("_all_variables/0", "auxiliary"),
        ("optimizer/_trainable_variables/3", "model"),
        ("optimizer/_variables/3", "optimizer"),
        ("model/optimizer/iter", "optimizer"),
        ("layer/kernel/.OPTIMIZER_SLOT/optimizer/m", "optimizer"),
        ("conv1/weights/Adam_1", "optimizer"),
        ("conv1/weights/Momentum", "optimizer"),
        ("beta1_power", "optimizer"),
        ("conv1/weights/ExponentialMovingAverage", "ema"),
        ("save_counter", "auxiliary"),
        ("global_step", "auxiliary"),
        ("keras_api/metrics/0/total", "auxiliary"),
        ("layers/1/seed_generator/seed_generator_state", "auxiliary"),
    ],
)
def test_what_a_variable_belongs_to(name, part):
    assert part_of(Variable(name, "F32", (), 1, 4, 0), has_own=True) == part


def test_all_variables_alone_are_the_model():
    assert part_of(Variable("_all_variables/0", "F32", (), 1, 4, 0), has_own=False) == "model"


def test_compressed_table_is_named_and_not_guessed():
    data = bytearray((DATA / "checkpoint" / "ckpt-1.index").read_bytes())
    reader = bytes_reader("i", bytes(data))
    footer = reader.tail(leveldb.FOOTER_BYTES)
    offset, at = leveldb._varint(footer, 0)
    numbers = []
    at = 0
    for _ in range(4):
        number, at = leveldb._varint(footer, at)
        numbers.append(number)
    data[numbers[2] + numbers[3]] = 1
    with pytest.raises(Unsupported, match="snappy"):
        list(leveldb.entries(bytes_reader("i", bytes(data))))
    assert offset >= 0


def test_file_without_the_magic_is_no_table():
    with pytest.raises(Malformed, match="magic"):
        list(leveldb.entries(bytes_reader("i", bytes(100) + struct.pack("<Q", 1))))
