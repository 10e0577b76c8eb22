"""How the store packs what it keeps: small, and readable by whoever comes later."""

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from catalog.records import (
    Contender,
    Extraction,
    FieldProvenance,
    ModelId,
    ModelRecord,
    ObjectKey,
    Observation,
    Origin,
    Problem,
    Role,
    SourceId,
)
from catalog.settings import Settings
from catalog.store import open_store
from catalog.store.codec import encode, pack, pack_json, unpack
from catalog.store.database import PAGE_BYTES

SAID = Extraction(
    key=ObjectKey("m/config.json"), extractor="hf-config", extractor_version=4, format=None, role=Role.CONFIG
)


@pytest.mark.parametrize(
    "raw",
    [
        (1, (2,)),
        [1, ("a",)],
        {"a": {"b": float("nan")}},
        [float("-inf"), 1.5, 1e22],
        {"$tuple": [1]},
        {"": {"$at": None}},
        "$tuple",
        "caf\udce9",
        {"caf\udce9": 1},
        datetime(2026, 1, 2, tzinfo=UTC),
        10**30,
        {"a": [True, None, "b", -0.0]},
    ],
    ids=repr,
)
@pytest.mark.parametrize("place", ["raw", "context"])
def test_what_json_cannot_say_is_read_as_it_was_packed(raw, place):
    said = Observation(
        field="extra.a",
        raw=1,
        pointer="",
        key=SAID.key,
        extractor="",
        extractor_version=1,
        origin=Origin.CONFIG,
    )
    said = replace(said, **{place: raw if place == "raw" else {"a": raw}})
    record = ModelRecord(
        id=ModelId("1"),
        source=SourceId("file:///a"),
        group_key="",
        document={"extra": {"a": raw}},
        provenance={
            "extra.a": FieldProvenance(field="extra.a", winners=(Contender(observation=said, value=raw),))
        },
    )
    assert repr(unpack(ModelRecord, pack(record))) == repr(record)
    assert repr(unpack(ModelRecord, pack_json(encode(record)))) == repr(record)


class Marked(str):
    """A text that remembers something, as readers of files make them."""

    __slots__ = ("is_quoted",)


class Counted(int):
    """The same of a number."""


def test_texts_and_numbers_of_a_subclass_are_kept_as_what_they_are_in_json():
    """msgspec refuses them, and a file whose reader gave one in place of a text could not be kept."""
    said = Extraction(
        key=SAID.key,
        extractor="hf-config",
        extractor_version=Counted(4),
        format=Marked("safetensors"),
        role=Role.CONFIG,
        problems=(Problem(code="a", message=Marked("b")),),
        bytes_read=Counted(7),
    )
    read = unpack(Extraction, pack(said))
    assert read == said
    assert {type(value) for value in (read.format, read.problems[0].message)} == {str}
    assert type(read.bytes_read) is int


def test_who_only_reads_does_not_load_what_writes():
    """`show` took 18 ms longer for a library that it has no use for."""
    program = (
        "import sys; from catalog.store.codec import unpack_json\n"
        f"assert unpack_json(bytes.fromhex({pack_json([1]).hex()!r})) == [1]\n"
        "print('orjson' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_a_new_store_has_the_pages_and_the_journal_that_suit_it(tmp_path):
    with open_store(Settings(home=tmp_path), write=True) as store, store.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA page_size").scalar_one() == PAGE_BYTES
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal"
