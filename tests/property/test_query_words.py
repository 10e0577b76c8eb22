"""Whatever words are typed, a search shows at least the models that have most of them."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from catalog.query.state import SearchState
from catalog.query.text.function_words import FILLER_WORDS
from catalog.search.engine import IndexAction
from catalog.search.page_state import PageParts
from catalog.search.service import SearchService
from indexer.engines.memory import MemoryEngine, MemoryIndex, MemoryWriter

TEXTS = {
    "a": "harbour lantern velvet",
    "b": "harbour lantern copper",
    "c": "velvet copper meadow",
    "d": "orchard best quantized incomplete two may",
}
PLAIN = ["harbour", "lantern", "velvet", "copper", "meadow", "unheard", "unseen"]
SPEAKING = [
    "best",
    "quantized",
    "incomplete",
    "newest",
    "two",
    "may",
    "without",
    "license",
    "german",
    "over",
    "no",
    "sorted",
]
DUMB = ["the", "for", "models", "with", "of"]


@pytest.fixture(scope="module")
def service():
    index = MemoryIndex()
    documents = [{"id": name * 64, "name": name, "all_text": text} for name, text in TEXTS.items()]
    MemoryWriter(index).write(
        [IndexAction(id=document["id"], revision=1, document=document) for document in documents]
    )
    return SearchService(MemoryEngine(index))


def models_with_most(words: set[str]) -> int:
    """How many models have as many of the words as any has; 0 where none has one."""
    counts = [len(words & set(text.split())) for text in TEXTS.values()]
    return counts.count(max(counts)) if max(counts) else 0


def shown(service, text: str) -> int:
    return service.page(SearchState(text=text), PageParts(facets=False, relaxed=True)).total


@settings(max_examples=150, deadline=None)
@given(words=st.lists(st.sampled_from([*PLAIN, *DUMB]), min_size=1, max_size=6))
@example(words=["harbour", "unheard", "the", "velvet"])
def test_plain_words_show_the_models_with_most_of_them(service, words):
    asked = set(words) - FILLER_WORDS
    if asked:
        assert shown(service, " ".join(words)) == models_with_most(asked)


@settings(max_examples=150, deadline=None)
@given(words=st.lists(st.sampled_from([*PLAIN, *SPEAKING, *DUMB]), min_size=1, max_size=6))
@example(words=["incomplete", "orchard"])
@example(words=["without", "orchard"])
def test_words_that_read_as_conditions_never_hide_every_model_that_has_words(service, words):
    plain = [word for word in words if word in PLAIN]
    if "without" not in words and "no" not in words and models_with_most(set(plain)):
        assert shown(service, " ".join(words))
