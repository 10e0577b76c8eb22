"""DDUF files written by huggingface_hub."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import ClassVar

import pytest

from catalog.errors import Malformed
from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.dduf import DdufExtractor
from crawler.reader import bytes_reader

DATA = Path(__file__).parents[3] / "corpus" / "data" / "hub"


class TestDduf(ExtractorSuite):
    extractor = DdufExtractor
    expected: ClassVar = {
        "architecture": "FluxPipeline",
        "task": "text-to-image",
        "extra.components.vae": "diffusers.AutoencoderKL",
    }

    def sample(self):
        return Sample(key="flux-mini.dduf", data=(DATA / "flux-mini.dduf").read_bytes())

    def test_parameters_are_the_sum_over_components(self):
        extraction = self.extract(self._sample().data)
        assert sum(tally.elements for tally in extraction.tensors.tallies) == 100
        assert [tensor.name for tensor in extraction.tensors.tensors] == [
            "transformer/layer.weight",
            "vae/layer.weight",
        ]
        assert extraction.risks == ()


def packed(**members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, data in members.items():
            file.writestr(name.replace("__", "/"), data)
    return buffer.getvalue()


def test_member_that_does_not_belong_is_unchecked_never_clean():
    data = packed(**{"model_index.json": '{"_class_name": "X"}', "unet__model.bin": b"\x80\x04."})
    extraction = DdufExtractor().extract(bytes_reader("a.dduf", data))
    assert [(risk.kind, risk.member) for risk in extraction.risks] == [("unchecked", "unet/model.bin")]


def test_zip_without_an_index_is_malformed():
    with pytest.raises(Malformed, match=r"model_index\.json"):
        DdufExtractor().extract(bytes_reader("a.dduf", packed(other=b"x")))


def test_broken_weights_leave_the_rest_true():
    data = packed(**{"model_index.json": '{"_class_name": "X"}', "unet__a.safetensors": b"\xff" * 100})
    extraction = DdufExtractor().extract(bytes_reader("a.dduf", data))
    assert extraction.status == "partial"
    assert [problem.pointer for problem in extraction.problems] == ["zip:unet/a.safetensors"]
