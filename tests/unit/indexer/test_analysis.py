"""Text becomes the same words wherever it is indexed or asked for."""

import tracemalloc

import pytest
from fixtures.patience import processor_within
from hypothesis import given
from hypothesis import strategies as st

from indexer.analysis import MAX_WORD_CHARACTERS, analysed, phrase_words, query_words, words


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


@pytest.mark.parametrize(
    ("text", "pieces", "more"),
    [
        ("RoBERTa_large", "roberta large", "ro ber ta robertalarge"),
        ("v2.10.B", "v 2.10 b", "v2.10 v2.10b"),
        ("C++/c#_x", "c c x", "c++ c++c cx"),
        ("1.5.rc1", "1.5 rc 1", "rc1 1.5rc1"),
        ("É_2.B", "e 2 b", "e2 2b"),
        ("中文_b2", "中 文 b 2", "中文 b2"),
    ],
)
def test_words_within_one_run_are_found_whole_in_parts_and_joined_to_their_neighbours(text, pieces, more):
    assert analysed(text) == (pieces, more)


@given(st.text(alphabet=st.sampled_from("aZ09._-/+#\x1c"), max_size=40))
def test_text_of_ascii_is_analysed_as_if_it_were_not(text):
    """A letter that no other text has, put behind it, turns to the rules for all of Unicode."""
    pieces, more = analysed(f"{text}-中")
    assert (pieces.removesuffix("中").strip(), more) == analysed(f"{text}-")


def test_run_of_many_different_words_takes_linear_time():
    with processor_within(10):  # each word was looked for among all pieces: minutes
        words("_".join(f"a{number}B" for number in range(30_000)))
