"""Text becomes the same words wherever it is indexed or asked for."""

import tracemalloc

import pytest
from fixtures.patience import processor_within
from hypothesis import given
from hypothesis import strategies as st

from indexer.analysis import MAX_WORD_CHARACTERS, phrase_words, query_words, words


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("RoBERTa_large-v2.1", ["roberta", "large", "v2.1", "2.1", "roberta large"]),
        ("ResNet-50", ["resnet50", "resnet-50", "ResNet 50", "50"]),
        ("bert-base-uncased", ["bert", "base", "bert-base-uncased", "bertbase"]),
        ("中文模型", ["模型", "中文", "中", "中文模型"]),
        ("Café ﬁne ＢＥＲＴ", ["cafe", "café", "fine", "bert"]),
        ("C++ and C#", ["c++", "c#", "c"]),
        ("llama-3.1-8B", ["llama", "3.1", "8b", "8"]),
        ("e\u0301te\u0301", ["été", "ete"]),
        ("rocket 🚀", ["🚀"]),
    ],
)
def test_text_is_found_by_the_ways_people_write_it(text, asked):
    held = words(text)
    for spelling in asked:
        assert set(query_words(spelling)) <= held, spelling


def test_words_are_not_stemmed():
    assert "tune" not in words("tuned")


def test_phrases_do_not_depend_on_case():
    assert phrase_words("RoBERTa_large-v2.1") == phrase_words("roberta LARGE V2.1")


@given(st.text(max_size=300))
def test_whatever_is_asked_in_the_same_words_is_found(text):
    assert set(query_words(text)) <= words(text)


@given(st.text(max_size=300))
def test_words_hold_no_space_and_are_bounded(text):
    for word in (*words(text), *query_words(text), *phrase_words(text)):
        assert word.split() == [word]
        assert len(word) <= MAX_WORD_CHARACTERS


def test_a_very_long_word_takes_linear_time():
    with processor_within(10):  # quadratic time would need minutes
        words("aB1." * 100_000)


def test_texts_that_never_come_again_are_not_remembered_by_the_hundred_thousand():
    """A crawl of 100,000 models kept the analysed names and paths of all of them, of which each was asked for once."""
    words("warm up")
    tracemalloc.start()
    for number in range(12_000):
        words(f"bert_{number}-Large")
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 5_000_000
