"""Every layout that docs/layouts.md speaks of makes the models that it says."""

import re
from pathlib import Path

import pytest
from fixtures.layouts import LAYOUTS, SOURCE
from fixtures.neighbourhoods import grouped_apart

from crawler.grouping.draft import is_weights
from crawler.grouping.groups import group

PAGE = Path(__file__).parents[4] / "docs" / "layouts.md"


@pytest.fixture(params=LAYOUTS, ids=lambda name: name.replace(" ", "-"))
def layout(request):
    return LAYOUTS[request.param]


def test_a_layout_makes_these_models_of_these_weights(layout):
    members = layout.members("store")
    groups = group(SOURCE, members)
    assert grouped_apart(SOURCE, members) == groups
    weights = {
        made.key: tuple(
            sorted(found.object.key.removeprefix("store/") for found in made.members if is_weights(found))
        )
        for made in groups
    }
    assert weights == {f"store/{key}".rstrip("/"): files for key, files in layout.models.items()}


def test_a_layout_names_its_models(layout):
    groups = {made.key: made for made in group(SOURCE, layout.members("store"))}
    called = {
        key: (made.name_hint, made.version_hint, made.owner_hint)
        for key in layout.called
        for made in [groups[f"store/{key}".rstrip("/")]]
    }
    assert called == layout.called


def test_the_page_of_layouts_has_a_line_for_each_and_no_other():
    rows = re.findall(r"^\| ([^|]+?) +\|", PAGE.read_text("utf-8"), flags=re.MULTILINE)
    named = [row for row in rows if row != "store or layout" and not set(row) <= {"-", " "}]
    assert named == list(LAYOUTS)
