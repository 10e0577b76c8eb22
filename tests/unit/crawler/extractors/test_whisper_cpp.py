"""Models of whisper.cpp: sizes, words, tensors, and older GGML files that are other models."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import ClassVar

import pytest
from fixtures.extraction import extract, values_of

from catalog.records import FileStatus
from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.gguf import GgufExtractor
from crawler.extractors.whisper_cpp import WhisperCppExtractor

FOLDER = Path(__file__).parents[3] / "cases" / "formats" / "other-runtimes" / "input" / "whisper.cpp"
PLAIN = (FOLDER / "ggml-tiny.en.bin").read_bytes()


class TestWhisperCpp(ExtractorSuite):
    extractor = WhisperCppExtractor
    expected: ClassVar = {
        "library": "whisper.cpp",
        "task": "automatic-speech-recognition",
        "layers": 2,
        "precision": "F16",
    }

    def sample(self):
        return Sample(key="ggml-tiny.en.bin", data=PLAIN)


def test_a_version_of_block_formats_before_the_file_type_says_nothing_of_it():
    told = values_of(extract(WhisperCppExtractor, "ggml.bin", (FOLDER / "ggml-base-q5_1.bin").read_bytes()))
    assert (told["quantization.scheme"], told["quantization.bits"]) == ("Q5_1", 5.0)


def test_a_file_cut_off_inside_a_tensor_is_partial():
    extraction = extract(WhisperCppExtractor, "ggml.bin", PLAIN[:-100])
    assert (extraction.status, extraction.tensors.complete, extraction.tensors.count) == (
        FileStatus.PARTIAL,
        False,
        1,
    )


def test_other_models_of_old_ggml_stay_recognised_and_unread():
    head = b"lmgg" + struct.pack("<11i", 32000, 4096, 256, 32, 32, 128, 2, 0, 0, 0, 0)
    assert WhisperCppExtractor().claims("ggml-alpaca.bin", head) is None
    assert GgufExtractor().claims("ggml-alpaca.bin", head).format == "ggml"


@pytest.mark.parametrize("number", [-1, 2**31 - 1])
def test_hostile_numbers_of_words_are_problems(number):
    data = bytearray(PLAIN)
    struct.pack_into("<i", data, 4 + 44 + 8 + 640, number)
    extraction = extract(WhisperCppExtractor, "ggml.bin", bytes(data))
    assert extraction.tensors is None
    assert extraction.problems


def words_end(data):
    """Where the first tensor begins."""
    place = 4 + 44
    rows, columns = struct.unpack_from("<2i", data, place)
    place += 8 + 4 * rows * columns
    (words,) = struct.unpack_from("<i", data, place)
    place += 4
    for _ in range(words):
        place += 4 + struct.unpack_from("<i", data, place)[0]
    return place


def test_a_file_that_ends_behind_its_words_is_partial():
    extraction = extract(WhisperCppExtractor, "ggml.bin", PLAIN[: words_end(PLAIN)])
    assert (extraction.status, extraction.tensors) == (FileStatus.PARTIAL, None)


def test_negative_sizes_are_no_shape():
    data = bytearray(PLAIN)
    start = words_end(PLAIN)
    (rank,) = struct.unpack_from("<i", PLAIN, start)
    struct.pack_into(f"<{rank}i", data, start + 12, *[-2] * rank)
    extraction = extract(WhisperCppExtractor, "ggml.bin", bytes(data))
    assert (extraction.status, extraction.tensors) == (FileStatus.PARTIAL, None)
