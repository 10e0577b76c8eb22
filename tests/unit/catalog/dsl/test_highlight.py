"""Pieces of highlighted text follow each other: every piece has a whole found word, and none repeats another's text."""

from hypothesis import given
from hypothesis import strategies as st

from catalog.dsl.highlight import Highlight, highlighter
from catalog.query.nodes import Match

TEXTS = st.lists(st.sampled_from(["news", "aa", "b", "longer", ",", "Ünews", "news_x"]), max_size=14)


def pieces(text, *, count, size):
    wanted = Highlight(field="title", tags=("[", "]"), fragments=count, size=size)
    return highlighter(Match("news", ("title",)), (wanted,))({"title": text}).get("title", [])


def test_a_word_at_the_end_of_a_piece_is_left_to_the_next():
    assert pieces("news news", count=3, size=6) == ["[news] ", "[news]"]


@given(words=TEXTS, count=st.integers(1, 6), size=st.integers(1, 30))
def test_pieces_do_not_overlap_and_each_has_a_word(words, count, size):
    text, at = " ".join(words), 0
    for piece in pieces(text, count=count, size=size):
        assert "[" in piece
        plain = piece.replace("[", "").replace("]", "")
        assert plain in text[at:]
        at = text.index(plain, at) + len(plain)
