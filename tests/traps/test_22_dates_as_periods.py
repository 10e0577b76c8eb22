"""A date covers a period: "after 2023" begins with 2024, exact to the millisecond, in words and in qualifiers."""

from datetime import UTC, datetime, timedelta

import pytest

from catalog.query.state import SearchState
from catalog.query.text.search_text import parse
from catalog.search.engine import IndexAction
from catalog.search.service import SearchService
from catalog.settings import Settings
from indexer.engines.memory import MemoryEngine, MemoryIndex, MemoryWriter
from indexer.engines.tantivy import TantivyEngine, TantivyWriter

MILLISECOND = timedelta(milliseconds=1)
EDGES = [
    datetime(2023, 1, 1, tzinfo=UTC),
    datetime(2023, 12, 31, tzinfo=UTC),
    datetime(2024, 1, 1, tzinfo=UTC),
]
INSTANTS = sorted({moment for edge in EDGES for moment in (edge - MILLISECOND, edge, edge + MILLISECOND)})


def text_of(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"


def actions():
    for number, moment in enumerate(INSTANTS):
        found = {"id": f"{number:064x}", "name": text_of(moment), "best_date": text_of(moment)}
        yield IndexAction(id=found["id"], revision=1, document=found)


@pytest.fixture(scope="module", params=["memory", "tantivy"])
def service(request, tmp_path_factory):
    index, settings = MemoryIndex(), Settings(home=tmp_path_factory.mktemp("index"))
    writer = MemoryWriter(index) if request.param == "memory" else TantivyWriter(settings)
    writer.write(list(actions()))
    writer.refresh()
    writer.close()
    engine = MemoryEngine(index) if request.param == "memory" else TantivyEngine(settings)
    yield SearchService(engine)
    engine.close()


START, LAST_DAY, END = EDGES
CASES = [
    ("after:2023", lambda at: at >= END),
    ("since:2023", lambda at: at >= START),
    ("before:2023", lambda at: at < START),
    ("until:2023", lambda at: at < END),
    ("in:2023", lambda at: START <= at < END),
    ("on:2023-12-31", lambda at: LAST_DAY <= at < END),
    ("date>2023", lambda at: at >= END),
    ("date>=2023", lambda at: at >= START),
    ("date<2023", lambda at: at < START),
    ("date<=2023", lambda at: at < END),
    ("date:2023", lambda at: START <= at < END),
    ("date:2023..2023", lambda at: START <= at < END),
    ("date!=2023", lambda at: not START <= at < END),
    ("models trained after 2023", lambda at: at >= END),
    ("trained in 2023", lambda at: START <= at < END),
    ("since:2024-01-01T09:00+09:00", lambda at: at >= END),
]


@pytest.mark.parametrize(("text", "inside"), CASES, ids=[case[0] for case in CASES])
def test_boundary_is_exact_to_the_millisecond(service, text, inside):
    found = {hit["name"] for hit in service.page(SearchState(text=text)).hits}
    assert found == {text_of(moment) for moment in INSTANTS if inside(moment)}


def test_chip_states_the_period():
    condition = parse("accuracy > 0.9 after 2023").conditions[1]
    assert (condition.label, condition.explanation) == (
        "after:2023",
        "trained or created from 1 Jan 2024 (UTC)",
    )
