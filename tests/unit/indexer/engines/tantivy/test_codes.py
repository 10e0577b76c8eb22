"""Which conditions on one evaluation have a code: every one that can be asked, and no other."""

from itertools import combinations

import pytest

from indexer.engines.tantivy.codes import (
    EVALUATION_PARTS,
    EVALUATION_SETS,
    EVALUATION_SINGLES,
    UNVALUED,
    answerable,
    evaluation_key,
    has_own_exists,
    heads,
)
from indexer.engines.tantivy.schema import code_name, code_number

WHOLE = tuple(f"value of {name}" for name in EVALUATION_PARTS)


def code(*names):
    held = dict(zip(EVALUATION_PARTS, WHOLE, strict=True))
    return code_name(evaluation_key({name: held[name] for name in names}))


def test_every_combination_that_is_answered_has_its_code_on_a_whole_evaluation():
    for size in range(len(EVALUATION_SETS) + 1):
        for names in combinations(EVALUATION_SETS, size):
            assert answerable(names)
            assert code(*names) in heads(WHOLE)
    for name in EVALUATION_SINGLES:
        assert answerable([name])
        assert code(name) in heads(WHOLE)


def test_what_has_no_code_is_not_answerable():
    mixed = [EVALUATION_SINGLES[0], EVALUATION_SETS[0]]
    assert not answerable(mixed)
    assert code(*mixed) not in heads(WHOLE)
    assert not answerable(["nosuch"])


def test_an_evaluation_has_no_code_for_a_part_that_it_lacks():
    empty = heads((None,) * len(EVALUATION_PARTS))
    assert empty == (code(),)


def test_the_order_of_conditions_makes_no_other_code():
    first, second = EVALUATION_SETS[:2]
    assert evaluation_key({first: "a", second: "b"}) == evaluation_key({second: "b", first: "a"})


def test_two_conditions_are_never_the_code_of_one_that_looks_like_them():
    first, second = sorted(EVALUATION_SETS[:2])
    assert evaluation_key({first: "a", second: "b"}) != evaluation_key({first: f"a{second}=b"})


def test_an_evaluation_without_a_value_comes_after_every_number():
    assert code_number(float("inf")) < UNVALUED


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("task", True),
        ("metrics.accuracy", True),
        ("metrics.odd", False),
        ("title", False),
        ("extra.x", False),
    ],
)
def test_existence_is_told_by_the_column_where_there_is_one(name, own):
    assert has_own_exists(name) is own
