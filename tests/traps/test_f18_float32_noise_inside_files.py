"""A learning rate that went through a float32 is shown as it was typed; what the file says stays beside it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from catalog.normalise.record import normalise
from catalog.records import Group, Member, ObjectKey, ObjectMeta, SourceId
from crawler.extractors.catboost import CatboostExtractor
from crawler.extractors.keras_zip import KerasZipExtractor
from crawler.reader import bytes_reader

DATA = Path(__file__).parents[1] / "corpus" / "data"


@pytest.mark.parametrize(
    ("extractor", "path", "raw", "typed"),
    [
        (KerasZipExtractor, "keras/digits.keras", 0.004000000189989805, 0.004),
        (CatboostExtractor, "boosters/iris.cbm", 0.15000000596046448, 0.15),
    ],
)
def test_the_shortest_decimal_wins_and_the_raw_value_stays(extractor, path, raw, typed):
    data = (DATA / path).read_bytes()
    meta = ObjectMeta(source=SourceId("s"), key=ObjectKey(path), size_bytes=len(data), change_token="1")
    member = Member(object=meta, extraction=extractor().extract(bytes_reader(path, data)))
    record = normalise(
        Group(source=SourceId("s"), key=path, kind="file", members=(member,)),
        now=datetime(2026, 12, 1, tzinfo=UTC),
    )
    assert record.document["training"]["learning_rate"] == typed
    (winner,) = record.provenance["training.learning_rate"].winners
    assert winner.observation.raw == raw
    assert "float32-shortest" in winner.changes
