"""TensorFlow checkpoints as TensorFlow 2.21 writes them: the index is read, the data is not."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from fixtures.extraction import extract_file

from catalog.records import Role
from catalog.testing.extractors import ExtractorSuite, Sample, Storage
from crawler.extractors.tensorflow_checkpoint import TensorflowCheckpointExtractor
from crawler.extractors.tensorflow_saved_model import TensorflowSavedModelExtractor
from crawler.reader import RangedReader

DATA = Path(__file__).parents[3] / "corpus" / "data" / "tensorflow"


class TestCheckpoint(ExtractorSuite):
    extractor = TensorflowCheckpointExtractor
    expected: ClassVar = {"framework": "tensorflow", "extra.checkpoint_number": 1}

    def sample(self):
        return Sample(key="run/ckpt-1.index", data=(DATA / "checkpoint" / "ckpt-1.index").read_bytes())


def test_variables_of_a_saved_model_belong_to_its_format():
    extraction = extract_file(TensorflowCheckpointExtractor, DATA, "exported/variables/variables.index")
    assert extraction.format == "tensorflow_saved_model"
    assert extraction.references[0].name == "variables.data-00000-of-00001"
    assert (
        extract_file(TensorflowSavedModelExtractor, DATA, "exported/saved_model.pb").references[0].relation
        == "component"
    )


def test_data_files_are_claimed_and_not_read():
    key = "run/ckpt-1.data-00000-of-00001"
    storage = Storage(b"\0" * 100)
    assert TensorflowCheckpointExtractor().claims(key, b"").role is Role.DATA
    TensorflowCheckpointExtractor().extract(RangedReader(key, 100, storage.fetch))
    assert storage.ranges == []
