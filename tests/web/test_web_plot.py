"""A plot of any two numbers: comparable values alone, links, a front, a text of its own, and bounded whatever is found."""

from __future__ import annotations

import math
import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.query.state import PLOT, ResultView, SearchState
from webui.columns import column
from webui.html.plot import MOST_MARKS, pareto_front, plot_view
from webui.plot_points import PlotData, PlotPoint, chosen_basis
from webui.urls import Addresses

STATE = SearchState(view=ResultView(kind=PLOT))


def data_of(points, x="size", y="f1", basis=""):
    return PlotData(
        x=column(x), y=column(y), color=None, points=tuple(points), total=len(points), read=len(points),
        bases={}, basis=basis, axes={},
    )  # fmt: skip


def point(number, x, y, color=""):
    return PlotPoint(id=f"m{number}", name=f"m{number}", x=x, y=y, color=color, basis="")


def marks(text):
    return re.findall(r'<circle class="mark[^"]*" cx="([\d.-]+)" cy="([\d.-]+)"', text)


def test_every_point_is_a_link_to_its_model_and_the_text_says_the_same(web):
    text = web.get("/?view=plot&x=size&y=parameters").text
    links = set(re.findall(r'<a href="(/models/[^"]+)" tabindex', text))
    assert links
    table = text[text.index('id="plot-table"') :]
    assert links <= set(re.findall(r'href="(/models/[^"]+)"', table))
    assert len(re.findall(r'<a href="/models/[^"]+" tabindex="0"', text)) == 1


@pytest.mark.parametrize(
    "address",
    [
        "x=nothing&y=nothing",
        "x=task&y=license",
        "x=date&y=accuracy",
        "x=size&y=size",
        "x=f1@conll2003&y=accuracy@imdb",
        "x=all_text&y=description&color=all_text",
        "color=nothing&dataset=nothing",
        "color=tags&dataset=*",
        "q=zzzznothing",
        "x=" + "x" * 5_000,
    ],
)
def test_no_axis_makes_a_plot_fail(web, address):
    assert web.get(f"/?view=plot&{address}").status_code == 200


def test_a_metric_is_drawn_on_one_data_set_at_a_time(web, web_rows):
    """Points of a data set that was not chosen are left out, and the page says how many."""
    text = web.get("/?view=plot&y=accuracy&x=parameters").text
    menu = re.search(r'<select id="plot-dataset".*?</select>', text, re.DOTALL)[0]
    offered = re.findall(r'<option value="([^"]+)"', menu)
    assert len(offered) > 2
    assert "*" in offered
    known = [value for value in offered if value not in {"*", "?"}]
    for value in known[:2]:
        drawn = web.get(
            "/", query_string={"view": "plot", "y": "accuracy", "x": "parameters", "dataset": value}
        ).text
        names = set(re.findall(r'<a href="/models/([^"#]+)" tabindex', drawn))
        dataset = value.partition("/")[0]
        measured = {
            row["id"]
            for row in web_rows
            for entry in row.get("evaluations", ())
            if entry.get("metric") == "accuracy"
            and (entry.get("dataset_id") or entry.get("dataset")) == dataset
        }
        assert names
        assert names <= measured
    everything = web.get("/?view=plot&y=accuracy&x=parameters&dataset=*").text
    assert "higher does not mean better" in everything


def test_ten_thousand_points_are_a_bounded_drawing_in_linear_time():
    chance = random.Random(7)
    many = [point(at, math.exp(chance.uniform(5, 25)), chance.random(), str(at % 11)) for at in range(10_000)]
    view = plot_view(data_of(many), STATE, Addresses())
    assert len(view.marks) <= MOST_MARKS + len(many) // 100
    assert "logarithmic" in view.x.note
    assert len(view.rows) + view.more_rows == 10_000


NUMBERS = st.floats(min_value=-1e300, max_value=1e300, allow_nan=False)


@given(st.lists(st.tuples(NUMBERS, NUMBERS), max_size=12))
def test_any_points_lie_within_the_drawing(pairs):
    view = plot_view(data_of([point(at, x, y) for at, (x, y) in enumerate(pairs)]), STATE, Addresses())
    assert all(66 <= mark.x <= 842 and 14 <= mark.y <= 416 for mark in view.marks)
    assert all(66 <= tick.at <= 842 for tick in view.x.ticks)
    assert len(view.y.ticks) <= 13


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=30))
def test_the_front_is_what_nothing_else_is_better_than(pairs):
    points = [point(at, x, y / 10) for at, (x, y) in enumerate(pairs)]
    front = pareto_front(data_of(points))
    for best in front:
        better = [
            other for other in points
            if other.x <= best.x and other.y >= best.y and (other.x, other.y) != (best.x, best.y)
        ]  # fmt: skip
        assert better == []
    for other in points:
        assert any(best.x <= other.x and best.y >= other.y for best in front)


def test_models_of_the_same_numbers_are_one_mark_that_names_them():
    """The first of them was drawn over the others, which no mouse could reach and no title named."""
    view = plot_view(data_of([point(at, 5.0, 0.9) for at in range(5)]), STATE, Addresses())
    assert [(mark.front, mark.title.partition(":")[0]) for mark in view.marks] == [
        (True, "m0, m1, m2 and 2 more")
    ]
    assert view.marks[0].radius > plot_view(data_of([point(0, 5.0, 0.9)]), STATE, Addresses()).marks[0].radius


@pytest.mark.parametrize("value", [123_456_789_012_345.0, 1.2345e-12])
def test_numbers_on_an_axis_fit_beside_it(value):
    view = plot_view(data_of([point(1, value, value)]), STATE, Addresses())
    assert max(len(tick.label) for tick in (*view.x.ticks, *view.y.ticks)) <= 9


def test_values_on_different_data_have_no_front():
    points = [point(1, 1, 0.5), point(2, 2, 0.9)]
    assert len(pareto_front(data_of(points, basis="imdb/test"))) == 2
    assert pareto_front(data_of(points, basis="*")) == ()


@pytest.mark.parametrize(
    ("bases", "basis"),
    [
        ({"imdb/test": 5, "?": 50}, "imdb/test"),
        ({"imdb/test": 1, "?": 5}, "?"),
        ({"imdb/test": 1, "sst2/test": 1}, "*"),
        ({"imdb/test": 1}, "imdb/test"),
        ({}, ""),
    ],
)
def test_the_data_set_that_is_drawn_first_has_something_to_compare(bases, basis):
    assert chosen_basis("", bases) == basis


def test_where_no_end_is_better_there_is_no_front():
    assert pareto_front(data_of([point(1, 1, 1), point(2, 2, 2)], x="epochs")) == ()
