"""What stands beside a metric's value."""

import pytest

from webui.html.headline import evaluation_note


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        ({"points": 3, "first": 0.5, "best": 0.96, "best_step": 1}, "best 0.96 at step 1, 3 values"),
        ({"points": 1200, "first": 2.5}, "last of 1,200 values"),
        ({"best": 0.9}, ""),
        ("<b>", ""),
        (None, ""),
    ],
    ids=["best before the last", "no direction", "no count", "hostile", "a single value"],
)
def test_the_best_of_a_history_is_told_beside_the_last_value(history, expected):
    note = evaluation_note({"metric": "unheard_of", "value": 0.91, "history": history})
    assert note == expected
