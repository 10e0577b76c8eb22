"""A program with a model inside: what the model says is said of the file, and opening it is a risk."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import ClassVar

from fixtures.extraction import extract

from catalog.records import FileStatus
from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.llamafile import PROGRAM, LlamafileExtractor

FILE = Path(__file__).parents[3] / "cases/formats/other-runtimes/input/llamafile/tiny.Q4_K_M.llamafile"


class TestLlamafile(ExtractorSuite):
    extractor = LlamafileExtractor
    expected: ClassVar = {
        "framework": "llama.cpp",
        "name": "Tiny",
        "extra.llamafile.models": ["tiny.Q4_K_M.gguf"],
    }

    def sample(self):
        return Sample(key="tiny.Q4_K_M.llamafile", data=FILE.read_bytes())


def test_its_values_say_where_in_the_file_they_come_from():
    extraction = extract(LlamafileExtractor, "t.llamafile", FILE.read_bytes())
    (name,) = [seen for seen in extraction.observations if seen.field == "name"]
    assert name.pointer == "zip:tiny.Q4_K_M.gguf:kv:general.name"
    assert [risk.kind for risk in extraction.risks] == ["code-execution"]


def test_a_program_without_a_model_is_opaque():
    buffer = io.BytesIO(PROGRAM + bytes(100))
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr("usr/share/zoneinfo/UTC", b"x")
    extraction = extract(LlamafileExtractor, "server.llamafile", buffer.getvalue())
    assert (extraction.status, extraction.tensors) == (FileStatus.OPAQUE, None)
