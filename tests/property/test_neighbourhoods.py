"""Whatever lies in a source, its neighbourhoods grouped apart are its groups."""

import os
from pathlib import Path

import pytest
from fixtures.member_trees import SOURCE, plain, trees
from fixtures.neighbourhoods import grouped_apart, grouped_whole
from hypothesis import given, settings

from catalog.records import Member
from crawler.reader import Budget
from crawler.reading import ObjectReader
from crawler.registry import Registry
from crawler.sources.local import LocalSource

ROOT = Path(__file__).parents[2]


@settings(max_examples=150, deadline=None)
@given(trees | plain)
def test_neighbourhoods_grouped_apart_are_the_groups_of_the_source(members):
    assert grouped_apart(SOURCE, members) == grouped_whole(SOURCE, members)


def folders(*roots):
    found = [Path(folder) for root in roots for folder, _, _ in os.walk(ROOT / root)]
    return [folder for folder in found if len(folder.relative_to(ROOT).parts) <= 4]


@pytest.mark.parametrize(
    "folder", folders("examples", "tests/corpus/data"), ids=lambda folder: str(folder.relative_to(ROOT))
)
def test_real_trees_grouped_apart_are_their_groups(folder):
    source = LocalSource(folder)
    reader = ObjectReader(source, Registry.installed(), Budget())
    members = []
    for step in source.list():
        for meta in step.objects:
            entry = reader.read(meta, None).entry
            if entry.outline is not None:
                members.append(Member(object=entry.object, extraction=entry.outline))
    assert grouped_apart(source.id, members) == grouped_whole(source.id, members)
