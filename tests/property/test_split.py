"""Whatever comes, goes or changes in a source: what is around it is found in rows, and is all that is grouped otherwise."""

import dataclasses
import itertools

import pytest
from fixtures.member_trees import member, plain, trees
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from catalog.records import SourceId
from catalog.settings import Settings
from catalog.store import open_store
from catalog.store.entries import Entry, Reading
from catalog.store.tables import split_directories, split_due, split_ties
from crawler.grouping.draft import directory_of
from crawler.grouping.places import PlaceIndex
from crawler.stages.members import SourceGroups
from crawler.stages.splitting import SourceSplit

RECIPE = "one"
serial = itertools.count()


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    with open_store(Settings(home=tmp_path_factory.mktemp("split")), write=True) as opened:
        yield opened


class SplitSource:
    """A source whose manifest is written by hand."""

    def __init__(self, store, members):
        self.store = store
        self.source = SourceId(f"file:///srv/{next(serial)}")
        store.sources.crawled(self.source, self.source)
        self.manifest = store.manifest(self.source)
        self.lease = store.source_lease(self.source)
        self.keys = set()
        with self.lease:
            self.put(members)
            self.split = SourceSplit(
                self.source, self.manifest, store.records, recipe=RECIPE, lease=self.lease
            )
            self.split.make()
            self.split.keep()

    def put(self, members):
        entries = [
            Entry(
                object=dataclasses.replace(one.object, source=self.source),
                reading=Reading.READ,
                signature="x:1",
                outline=one.extraction,
            )
            for one in members
        ]
        self.keys |= {entry.object.key for entry in entries}
        self.manifest.put([(entry, None) for entry in entries], lease=self.lease)

    def groups(self, without=(), chosen=None):
        parts = SourceGroups(self.source, self.manifest, without, chosen=chosen)
        return {group.key: group for batch in parts.batches() for part in batch for group in part.groups}

    def neighbourhoods(self, without=()):
        return SourceGroups(self.source, self.manifest, without).neighbourhoods

    def rows(self):
        with self.store._engine.connect() as connection:
            return [
                sorted(
                    tuple(row)
                    for row in connection.execute(select(table).where(table.c.source == self.source))
                )
                for table in (split_directories, split_ties)
            ]

    def due(self):
        with self.store._engine.connect() as connection:
            return connection.execute(select(split_due).where(split_due.c.source == self.source)).all()


changes = st.lists(
    st.tuples(
        st.lists(member(), max_size=3, unique_by=lambda one: one.object.key),
        st.lists(st.integers(0, 100), max_size=3),
        st.booleans(),
    ),
    min_size=1,
    max_size=3,
)


@settings(max_examples=25, deadline=None)
@given(tree=trees | plain, steps=changes)
def test_what_is_around_a_change_is_all_that_is_grouped_otherwise(store, tree, steps):
    source = SplitSource(store, tree)
    with source.lease:
        before = source.groups()
        for written, numbers, is_noted in steps:
            came = {one.object.key for one in written}
            there = sorted(source.keys - came)
            gone = {there[number % len(there)] for number in numbers} if there else set()
            source.put(written)
            if is_noted:  # as an event does; a crawl asks first what the absence of these would mean
                source.manifest.mark_missing(sorted(gone), lease=source.lease)
            absent = frozenset(() if is_noted else gone)
            around = source.split.around(absent)
            assert set(around.neighbourhoods) <= set(source.neighbourhoods(absent))
            after, part = source.groups(absent), source.groups(absent, around.neighbourhoods)
            assert {**part, **after} == after
            assert {key: group for key, group in after.items() if key not in part}.items() <= before.items()
            index = PlaceIndex(place for found in around.neighbourhoods for place in found.places)
            for key, group in before.items():
                if group != after.get(key) and group.members:
                    files = {file.object.key for file in group.members}
                    assert any(index.of_directory(directory_of(file)) for file in files) or files & (
                        gone | came
                    )
            source.manifest.mark_missing(sorted(gone), lease=source.lease)
            source.manifest.settled(RECIPE, lease=source.lease)
            source.keys -= gone
            before = after
            kept = source.rows()
            source.split.make()
            source.split.keep()
            assert kept == source.rows()
            assert source.due() == []
