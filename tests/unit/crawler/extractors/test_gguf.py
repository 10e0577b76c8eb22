"""GGUF: exact counts per block type, the model's own metadata, and risks of its chat templates."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import ClassVar

import pytest
from fixtures.extraction import extract

from catalog.records import Role
from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.gguf import GgufExtractor

DATA = Path(__file__).parents[3] / "corpus" / "data" / "hub"


class TestGguf(ExtractorSuite):
    extractor = GgufExtractor
    expected: ClassVar = {
        "name": "Tiny Tales",
        "version": "1.10",
        "license": "apache-2.0",
        "language": "no",
        "base_model.id": "meta-llama/Llama-3.1-8B",
        "context_length": 2048,
        "embedding_dimension": 256,
        "precision": "Q4_K_M",
        "quantization.scheme": "Q4_K_M",
    }

    def sample(self):
        return Sample(key="tales-Q4_K_M.gguf", data=(DATA / "tales-Q4_K_M.gguf").read_bytes())


class TestBigEndianGguf(ExtractorSuite):
    extractor = GgufExtractor
    expected: ClassVar = {"name": "Tiny Tales", "context_length": 2048, "extra.gguf.byte_order": "big"}

    def sample(self):
        return Sample(key="tales.gguf", data=(DATA / "tales-big-endian.gguf").read_bytes())


class TestGgufAdapter(ExtractorSuite):
    extractor = GgufExtractor
    expected: ClassVar = {"adapter.type": "LORA", "adapter.rank": 4, "adapter.alpha": 16.0}

    def sample(self):
        return Sample(key="tales-lora.gguf", data=(DATA / "tales-lora.gguf").read_bytes())


def gguf(*, tokens=(), tensors=("t",), **pairs):
    """A real file with words for its pairs and one F32 tensor of 32 values for each name."""

    def word(text):
        return struct.pack("<Q", len(text)) + text.encode()

    body = b"".join(
        word(key.replace("__", ".")) + struct.pack("<I", 8) + word(value) for key, value in pairs.items()
    )
    if tokens:
        body += (
            word("tokenizer.ggml.tokens")
            + struct.pack("<IIQ", 9, 8, len(tokens))
            + b"".join(map(word, tokens))
        )
    infos = b"".join(
        word(name) + struct.pack("<IQIQ", 1, 32, 0, 128 * number) for number, name in enumerate(tensors)
    )
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(pairs) + bool(tokens)) + body + infos
    return head + bytes(-len(head) % 32) + bytes(128 * len(tensors))


@pytest.mark.parametrize(
    ("data", "role"),
    [
        (gguf(general__architecture="llama", general__type="model"), Role.WEIGHTS),
        (gguf(general__architecture="llama", general__type="adapter"), Role.WEIGHTS),
        (gguf(general__type="imatrix"), Role.AUXILIARY),
        (gguf(general__architecture="controlvector"), Role.AUXILIARY),
        (gguf(general__architecture="llama", tokens=("a", "b"), tensors=()), Role.AUXILIARY),
        (gguf(general__architecture="clip"), Role.PART),
        (gguf(general__architecture="llama", general__type="mmproj"), Role.PART),
    ],
    ids=[
        "model",
        "adapter",
        "importance matrix",
        "control vector",
        "vocabulary",
        "projector by architecture",
        "projector by type",
    ],
)
def test_what_goes_with_models_is_no_model(data, role):
    """Importance matrices, control vectors and bare vocabularies were models of their own."""
    assert extract(GgufExtractor, "x.gguf", data).role is role
