"""What a file said goes into the store and comes out the same."""

import json
import math
from datetime import UTC, datetime

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.records import (
    Contender,
    Evidence,
    Extraction,
    FieldProvenance,
    FileStatus,
    ModelId,
    ModelRecord,
    ObjectKey,
    Observation,
    Origin,
    Problem,
    Reference,
    Risk,
    Role,
    Severity,
    SourceId,
    Subject,
    TensorInfo,
    TensorSummary,
    TensorTally,
)
from catalog.store.canonical import document_sha256, sanitised
from catalog.store.codec import _decoder, _plain_decoder, encode, instant, pack, parse_instant, unpack

text = st.text(st.characters(), max_size=12)  # lone surrogates and NUL included
name = st.sampled_from(["accuracy", "a/b", "$tuple", "$float", "$map", "\udcff", ""])
scalar = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | text
value = st.recursive(
    scalar,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(name | text, inner, max_size=3)
        | st.tuples(inner, inner)
    ),
    max_leaves=8,
)
mapping = st.dictionaries(name | text, value, max_size=3)
optional_text = st.none() | text
count = st.integers(0, 2**63)

observation = st.builds(
    Observation,
    field=text,
    raw=value,
    pointer=text,
    key=text.map(ObjectKey),
    extractor=text,
    extractor_version=st.integers(0, 99),
    origin=st.sampled_from(Origin),
    evidence=st.sampled_from(Evidence),
    unit=optional_text,
    context=mapping,
    subject=optional_text,
)
tensor = st.builds(
    TensorInfo,
    name=text,
    dtype=text,
    shape=st.lists(count, max_size=3).map(tuple),
    elements=count,
    bytes=st.none() | count,
    part=text,
)
tally = st.builds(
    TensorTally,
    part=text,
    dtype=text,
    suffix=text,
    companions=st.lists(text, max_size=2).map(tuple),
    tensors=count,
    elements=count,
    bytes=count,
    logical_elements=st.none() | count,
)
summary = st.builds(
    TensorSummary,
    tallies=st.lists(tally, max_size=2).map(tuple),
    tensors=st.lists(tensor, max_size=2).map(tuple),
    count=count,
    names_sha256=text,
    unknown_tensors=count,
    complete=st.booleans(),
    declared_parameters=st.none() | count,
    counts_are_parameters=st.booleans(),
)
extraction = st.builds(
    Extraction,
    key=text.map(ObjectKey),
    extractor=text,
    extractor_version=st.integers(0, 99),
    format=optional_text,
    role=st.sampled_from(Role),
    status=st.sampled_from(FileStatus),
    observations=st.lists(observation, max_size=3).map(tuple),
    tensors=st.none() | summary,
    references=st.lists(
        st.builds(
            Reference,
            name=text,
            relation=text,
            size_bytes=st.none() | count,
            tensors=st.lists(text, max_size=2).map(tuple),
        ),
        max_size=2,
    ).map(tuple),
    subjects=st.lists(
        st.builds(
            Subject,
            id=text,
            join_keys=st.lists(text, max_size=2).map(tuple),
            name=optional_text,
            standalone=st.booleans(),
        ),
        max_size=2,
    ).map(tuple),
    join_keys=st.lists(text, max_size=2).map(tuple),
    risks=st.lists(
        st.builds(
            Risk,
            kind=text,
            severity=st.sampled_from(Severity),
            detail=text,
            key=text.map(ObjectKey),
            member=optional_text,
        ),
        max_size=2,
    ).map(tuple),
    problems=st.lists(
        st.builds(
            Problem, code=text, message=text, key=st.none() | text.map(ObjectKey), pointer=optional_text
        ),
        max_size=2,
    ).map(tuple),
    bytes_read=count,
    requests=count,
)
contender = st.builds(
    Contender,
    observation=observation,
    value=value,
    changes=st.lists(text, max_size=2).map(tuple),
    lost_because=optional_text,
)
provenance = st.builds(
    FieldProvenance,
    field=text,
    winners=st.lists(contender, max_size=2).map(tuple),
    losers=st.lists(contender, max_size=2).map(tuple),
    conflict=st.booleans(),
)
record = st.builds(
    ModelRecord,
    id=text.map(ModelId),
    source=text.map(SourceId),
    group_key=text,
    document=mapping,
    provenance=st.dictionaries(name, provenance, max_size=2),
    file_keys=st.lists(text.map(ObjectKey), max_size=2).map(tuple),
)


def same(one, other):
    """Equal in value and type, NaN equal to itself."""
    return repr(one) == repr(other)


@settings(max_examples=150, deadline=None)
@given(extraction)
def test_an_extraction_comes_back_the_same(said):
    assert same(unpack(Extraction, pack(said)), said)


@settings(max_examples=80, deadline=None)
@given(record)
def test_a_record_comes_back_the_same(made):
    assert same(unpack(ModelRecord, pack(made)), made)


def test_what_holds_no_tags_is_read_by_msgspec_as_by_our_own_decoder():
    """The other properties cannot tell which of the two read."""
    seen = Observation(
        field="metrics.f1",
        raw=[0.5, 2**63, "\u0000", None, True, {"a": -0.0}],
        pointer="json:/f1",
        key=ObjectKey("a/\u00e9"),
        extractor="x",
        extractor_version=1,
        origin=Origin.CARD,
        context={"dataset": "squad", "primary": True},
    )
    winner = Contender(observation=seen, value=0.5, changes=("percent\u00f7100",))
    made = ModelRecord(
        id=ModelId("1"),
        source=SourceId("file:///m"),
        group_key="a",
        document={"metrics": {"f1": 0.5}},
        provenance={"metrics.f1": FieldProvenance(field="metrics.f1", winners=(winner,))},
    )
    text = orjson.dumps(encode(made))
    assert same(_plain_decoder(ModelRecord).decode(text), made)
    assert same(_decoder(ModelRecord)(json.loads(text)), made)


@given(st.datetimes(timezones=st.just(UTC)))
def test_instants_come_back_the_same_and_sort_as_text(moment):
    assert parse_instant(instant(moment)) == moment
    later = datetime.max.replace(tzinfo=UTC)
    assert instant(moment) <= instant(later)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.text(st.characters(), max_size=5), value, max_size=4))
def test_every_document_can_be_hashed_and_sanitising_twice_changes_nothing(document):
    clean = sanitised(document)
    assert same(sanitised(clean), clean)
    assert len(document_sha256(clean)) == 64
    assert not any(isinstance(item, float) and not math.isfinite(item) for item in clean.values())
