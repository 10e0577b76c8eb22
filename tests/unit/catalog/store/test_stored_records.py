"""What a record's row has beside the document: enough to finish that anew for another standing, and why its values are so."""

import itertools

import pytest

from catalog.records import ModelRecord
from catalog.store.codec import pack
from catalog.store.documents import DELETED, LIVE, MISSING, Standing, finish
from catalog.store.stored_records import pack_record, unpack_record

PLACE = "file:///m"
CONTENTS = {
    "ordinary": {"uri": PLACE, "locations": [PLACE], "status": "ok", "flags": ["risky"], "name": "m"},
    "in two places": {
        "uri": PLACE,
        "locations": [PLACE, "file:///n"],
        "duplicate_group": "files say",
        "name": "m",
    },
    "without a place": {"name": "m", "problems": [{"code": "moved", "message": "a file says so"}]},
    "a place that is empty": {"uri": PLACE, "locations": [], "extra": {"a": 1}, "problems": [{"code": "x"}]},
    "what is the store's alone": {
        "uri": PLACE,
        "flags": ["moved", "latest", "mine"],
        "first_seen": "1999",
        "extra": {"moved_to": "elsewhere"},
        "status": "pointer",
    },
    "almost nothing": {"uri": PLACE},
}
STANDINGS = {
    "live": Standing(state=LIVE, first_seen="2026"),
    "copied": Standing(state=LIVE, first_seen="2026", duplicate_group="g", copies=("file:///n", "file:///o")),
    "missing": Standing(state=MISSING, first_seen="2026"),
    "moved": Standing(state=MISSING, first_seen="2025", moved_to="abc", moved_path="file:///p"),
    "deleted": Standing(state=DELETED, first_seen="2025"),
}


def record_of(content):
    return ModelRecord(id="m", source="s", group_key="m", document=content)


@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
@pytest.mark.parametrize(("before", "after"), list(itertools.permutations(STANDINGS.values(), 2)))
def test_a_finished_document_is_finished_anew_as_if_it_were_of_the_content_itself(content, before, after):
    stored = unpack_record(pack_record(record_of(content), content))
    present = {**finish(content, before), "revision": 7}
    assert finish(stored.content(present), after) == finish(content, after)


def test_a_record_that_an_earlier_version_packed_has_its_whole_content():
    content = CONTENTS["in two places"]
    assert unpack_record(pack(record_of(content))).content({"name": "another"}) == content
