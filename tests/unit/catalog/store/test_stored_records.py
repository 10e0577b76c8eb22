"""What a record's row has beside the document: enough to finish that anew for another standing, and why its values are so."""

import itertools
from dataclasses import fields

import pytest

from catalog.records import Contender, FieldProvenance, ModelRecord, Observation, Origin
from catalog.store.codec import pack
from catalog.store.documents import DELETED, LIVE, MISSING, Standing, finish
from catalog.store.stored_records import Reasons, Statement, Witness, pack_record, unpack_record

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


def why(name, value, raw=None, **other):
    seen = Observation(
        field=name,
        raw=raw,
        pointer="json:/a",
        key="m",
        extractor="x",
        extractor_version=1,
        origin=Origin.CONFIG,
    )
    return FieldProvenance(field=name, winners=(Contender(observation=seen, value=value, **other),))


CONTENT = {
    "uri": PLACE,
    "locations": [PLACE],
    "name": "m",
    "parameters": 7,
    "complete": True,
    "content_hash": "ab" * 32,
    "training": {"learning_rate": 0.5, "epochs": 0.0},
    "tags": ["a"],
    "first_seen": "1999",
    "status": "ok",
    "extra": {"moved_to": "there", "other": "x"},
}
PROVENANCE = {
    "name": why("name", "m", "m"),
    "parameters": why("parameters", 7, 7.0, changes=("whole",)),
    "complete": why("complete", value=True, raw=1),
    "content_hash": why("content_hash", "ab" * 32, ["ab" * 32]),
    "training.learning_rate": why("training.learning_rate", 0.5, "0.5"),
    "training.epochs": why("training.epochs", -0.0, -0.0),
    "tags": why("tags", "a", "a"),
    "title": why("title", "left out of the document", "left out of the document"),
    "license": why("license", None, {"a": float("inf")}),
    "first_seen": why("first_seen", "1999", "1999"),
    "status": why("status", "ok"),
    "extra.moved_to": why("extra.moved_to", "there", "there"),
    "extra.other": why("extra.other", "x", ("x",)),
    "owner": FieldProvenance(
        field="owner",
        winners=why("owner", "a", "a").winners,
        losers=why("owner", "b", "b", lost_because="rank").winners,
        conflict=True,
    ),
    "loss": FieldProvenance(field="loss", winners=2 * why("loss", 1, 1).winners),
}


@pytest.mark.parametrize("standing", STANDINGS.values(), ids=STANDINGS)
def test_provenance_is_whole_again_whatever_the_standing_of_the_model_says_in_place_of_its_files(standing):
    record = ModelRecord(id="m", source="s", group_key="m", document=CONTENT, provenance=PROVENANCE)
    stored = unpack_record(pack_record(record, CONTENT))
    whole = stored.whole_provenance({**finish(CONTENT, standing), "revision": 7})
    assert whole == PROVENANCE
    assert repr(whole) == repr(PROVENANCE)
    assert ("ab" * 32) not in repr(stored)


def test_all_of_a_contender_and_of_its_observation_is_kept():
    """A field that is added to either would be lost without a word."""
    parts = {*(row.name for row in fields(Contender)), *(row.name for row in fields(Observation))}
    kept = {*(row.name for row in fields(Statement)), *(row.name for row in fields(Witness))}
    assert parts - {"observation"} == kept - {"witness"}
    reasons = {row.name for row in fields(Reasons)} - {"left_out"}
    assert reasons == {row.name for row in fields(FieldProvenance)}


def test_of_a_value_that_the_document_does_not_have_any_more_provenance_says_nothing():
    record = ModelRecord(id="m", source="s", group_key="m", document=CONTENT, provenance=PROVENANCE)
    stored = unpack_record(pack_record(record, CONTENT))
    sealed = {name: value for name, value in CONTENT.items() if name != "content_hash"}
    assert stored.whole_provenance(sealed).keys() == PROVENANCE.keys() - {"content_hash"}


def test_a_record_that_an_earlier_version_packed_has_its_whole_content():
    content = CONTENTS["in two places"]
    assert unpack_record(pack(record_of(content))).content({"name": "another"}) == content
