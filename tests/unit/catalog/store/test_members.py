"""What a row has of a group beside its files: the group is the same again, whatever of it follows from its key."""

import json
import os

import pytest

from catalog.records import Group, ObjectKey, Place, SourceId
from catalog.store.members import grouping_of, groups

SOURCE = SourceId("file:///m")


def placed(path, uri, *others):
    return Place(path=path, uri=uri, locations=(uri, *others))


GROUPS = {
    "as its key says": {"key": "a/net", "name_hint": "net", "place": placed("a/net", "file:///m/a/net")},
    "named otherwise": {"key": "a/net", "name_hint": "model", "place": placed("a/net", "file:///m/a/net")},
    "in two places": {
        "key": "a/net",
        "name_hint": "net",
        "place": placed("a/net", "file:///m/a/net", "file:///m/b"),
        "copies": (ObjectKey("b"),),
    },
    "elsewhere": {"key": "a/net", "name_hint": "net", "place": placed("a", "s3://bucket/a")},
    "without a place": {"key": "a/net", "name_hint": "net", "orphan": True},
    "without a name": {"key": "a/net", "place": placed("a/net", "file:///m/a/net"), "version_hint": "2"},
    "a key that is no text": {
        "key": "a/n\udcff",
        "name_hint": "n\udcff",
        "place": placed("a/n\\xff", "file:///m/a/n%FF"),
    },
    "a name of nothing": {"key": "a/", "name_hint": None, "owner_hint": "ada"},
}


def again(store, group, grouping):
    row = {"id": "0" * 64, "source": group.source, "group_key": os.fsencode(group.key), "grouping": grouping}
    with store.engine.connect() as connection:
        (same,) = groups(connection, [row]).values()
    return same


@pytest.mark.parametrize("values", GROUPS.values(), ids=GROUPS)
def test_a_group_is_the_same_when_it_is_read_again(shop, values):
    group = Group(source=SOURCE, kind="directory", members=(), **values)
    assert again(shop.store, group, grouping_of(group)) == group


def test_of_a_group_that_is_as_its_key_says_little_is_kept():
    group = Group(source=SOURCE, kind="directory", members=(), **GROUPS["as its key says"])
    assert json.loads(grouping_of(group)) == {"kind": "directory", "usual": 3}


def test_a_group_that_an_earlier_version_kept_is_read_as_before(shop):
    kept = '{"kind":"directory","name":"net","path":"a/net","uri":"file:///m/a/net"}'
    group = Group(source=SOURCE, kind="directory", members=(), **GROUPS["as its key says"])
    assert again(shop.store, group, kept) == group
