"""Patterns of places in Elasticsearch JSON."""

import pytest

from catalog.dsl.body import from_dsl, to_dsl
from catalog.query.nodes import Wildcard
from catalog.query.request import SearchRequest


@pytest.mark.parametrize("form", [r"C:\models\*\final", "team-*/prod", r"a\\b?c*"])
def test_a_pattern_is_the_same_in_the_json_of_elasticsearch(form):
    """A backslash is a sign there: what was written out asked for other places, and what was read for none."""
    wanted = Wildcard("path", form)
    assert from_dsl(to_dsl(SearchRequest(query=wanted)))[0].query == wanted


def test_letters_that_need_no_backslash_may_have_one():
    """Clients put one before every letter that is none of a word."""
    asked = {"query": {"wildcard": {"path": r"team\-*\/prod"}}}
    assert from_dsl(asked)[0].query == Wildcard("path", "team-*/prod")
