"""NeMo archives: a real tar around a real torch file."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from catalog.errors import ExtractError
from catalog.records import FileStatus
from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.nemo import NemoExtractor
from crawler.reader import bytes_reader

TORCH_FILE = Path(__file__).parents[4] / "examples" / "image-classifier" / "pytorch_model.bin"


CONFIG = b"""\
target: nemo.collections.asr.models.ctc_models.EncDecCTCModel
nemo_version: 1.20.0
sample_rate: 16000
labels: [a, b, c]
optim: {name: novograd, lr: 0.01, sched: {name: CosineAnnealing, warmup_steps: 100}}
train_ds: {batch_size: 32, manifest_filepath: "???"}
"""


def archive(mode="w", *, extra=()):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as tar:
        for name, data in (
            ("./model_config.yaml", CONFIG),
            ("./model_weights.ckpt", TORCH_FILE.read_bytes()),
            *extra,
        ):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
        link = tarfile.TarInfo("./link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    return buffer.getvalue()


class TestNemo(ExtractorSuite):
    extractor = NemoExtractor
    expected = {
        "architecture": "EncDecCTCModel",
        "framework_version": "1.20.0",
        "training.learning_rate": 0.01,
        "training.batch_size": 32,
        "extra.sample_rate": 16000,
    }

    def sample(self):
        return Sample(key="asr/quartznet.nemo", data=archive())


def test_the_weights_inside_are_counted_without_unpickling():
    extraction = NemoExtractor().extract(bytes_reader("a.nemo", archive()))
    assert extraction.tensors is not None
    assert sum(tally.elements for tally in extraction.tensors.tallies) == 587
    assert extraction.risks == ()


def test_the_weights_of_a_gzipped_archive_are_counted_too():
    extraction = NemoExtractor().extract(bytes_reader("a.nemo", archive("w:gz")))
    assert extraction.tensors is not None
    assert sum(tally.elements for tally in extraction.tensors.tallies) == 587
    assert extraction.status is FileStatus.OK


def test_a_gzipped_archive_with_large_weights_keeps_the_configuration_and_says_what_is_missing(monkeypatch):
    monkeypatch.setattr("crawler.extractors.nemo.MAX_WEIGHTS_BYTES", 100)
    data = archive("w:gz", extra=[("./later/model_config.yaml", b"sample_rate: 8000")])
    extraction = NemoExtractor().extract(bytes_reader("a.nemo", data))
    assert [o.raw for o in extraction.observations if o.field == "extra.sample_rate"] == [16000, 8000]
    assert (extraction.tensors, extraction.status) == (None, FileStatus.PARTIAL)
    assert extraction.problems[0].code == "limit-exceeded"


def test_a_member_that_claims_more_than_the_archive_holds_is_refused():
    data = bytearray(archive())
    data[124:136] = b"77777777777\0"
    data[148:156] = b"        "
    checksum = sum(data[:512])
    data[148:156] = f"{checksum:06o}\0 ".encode()
    with pytest.raises(ExtractError, match="larger than its archive"):
        NemoExtractor().extract(bytes_reader("a.nemo", bytes(data)))
