"""An engine of another package: held to the suite through what guards it, and whatever it breaks is one sentence."""

from __future__ import annotations

import sys
import types
from contextlib import closing
from dataclasses import replace

import pytest

from catalog import plugins
from catalog.errors import EngineUnavailable, PluginUnavailable, RequestRefused, StoreError
from catalog.query.request import FilterAgg, SearchRequest, TermsAgg
from catalog.search.engine import FollowingWriter, IndexOutcome, KnownPlace
from catalog.search.engines_of_others import checked_engine, checked_writer
from catalog.settings.loading import load_settings
from catalog.testing.engines import EngineSuite, Pair, actions, fill
from indexer.engines import open_engine, open_writer
from indexer.engines.memory import MemoryEngine, MemoryIndex, MemoryWriter

MODELS = [{"id": "a", "name": "bert"}, {"id": "b", "name": "gpt"}]


class TestMemoryBehindTheGuard(EngineSuite):
    """What keeps its promises is not changed by being watched."""

    @pytest.fixture
    def pair(self) -> Pair:
        index = MemoryIndex()
        return checked_writer("duo", MemoryWriter(index)), checked_engine("duo", MemoryEngine(index))


class Unsteady:
    """A real engine or writer of which one method was replaced by what a test says."""

    name = "duo"

    def __init__(self, whole, **methods):
        self._whole = whole
        self._methods = methods

    def __getattr__(self, name):
        return self._methods.get(name) or getattr(self._whole, name)


@pytest.fixture
def index():
    index = MemoryIndex()
    fill((MemoryWriter(index), MemoryEngine(index)))
    return index


def ending(*_arguments, **_options):
    sys.exit(3)


def raising(error):
    def method(*_arguments, **_options):
        raise error

    return method


def engine_with(index, method):
    return checked_engine("duo", Unsteady(MemoryEngine(index), **method))


def searching(index, **changes):
    """A `search` that answers rightly but for this."""
    return lambda request: replace(MemoryEngine(index).search(request), **changes)


ASKED = SearchRequest(
    size=2,
    aggregations={"all": FilterAgg(query=SearchRequest().query, aggs={"task": TermsAgg(field="task")})},
)
SEARCHES = {
    "nothing": (lambda _: lambda _r: None, "returned None where a SearchResult was promised"),
    "another type": (lambda _: lambda _r: {"total": 1}, "returned a dict where a SearchResult was promised"),
    "an error": (lambda _: raising(KeyError("x")), "failed (KeyError: 'x')"),
    "its end": (lambda _: ending, "failed (RuntimeError: SystemExit: 3)"),
    "a total in words": (
        lambda index: searching(index, total="2"),
        "returned a str as total where a whole number from 0 on was promised",
    ),
    "no hits": (lambda index: searching(index, hits=None), "returned None as hits where a list of hits"),
    "more hits than asked for": (
        lambda index: lambda request: MemoryEngine(index).search(replace(request, size=9)),
        "models as hits where up to 2 of the total",
    ),
    "a hit without an id": (
        lambda index: lambda request: hit_changed(index, request, document={}),
        "returned None as the id of hits[0] where text was promised",
    ),
    "a hit that nothing comes after": (
        lambda index: lambda request: hit_changed(index, request, sort=()),
        "returned 0 values as hits[0].sort where one per sort key and the id was promised",
    ),
    "a score that is no number": (
        lambda index: lambda request: hit_changed(index, request, score=float("nan")),
        "returned nan as hits[0].score where a finite number was promised",
    ),
    "no aggregation": (
        lambda index: searching(index, aggregations={}),
        "returned nothing as aggregations['all'] where an answer to each aggregation was promised",
    ),
    "none below one": (
        lambda index: lambda request: without_inner(index, request),
        "returned nothing as aggregations['all'].aggregations['task'] where",
    ),
}


def hit_changed(index, request, **changes):
    result = MemoryEngine(index).search(request)
    return replace(result, hits=(replace(result.hits[0], **changes), *result.hits[1:]))


def without_inner(index, request):
    result = MemoryEngine(index).search(request)
    return replace(result, aggregations={"all": replace(result.aggregations["all"], aggregations={})})


@pytest.mark.parametrize(("method", "sentence"), SEARCHES.values(), ids=SEARCHES)
def test_a_search_that_breaks_its_promise_is_an_engine_that_cannot_be_asked(index, method, sentence):
    """Each ended in a traceback of ours, or ended the process."""
    with pytest.raises(EngineUnavailable) as caught:
        engine_with(index, {"search": method(index)}).search(ASKED)
    assert str(caught.value).startswith("duo: the plug-in ")
    assert sentence in str(caught.value)


READINGS = {
    "info": (lambda engine: engine.info(), {"info": lambda: None}, "an EngineInfo was promised"),
    "no list": (
        lambda engine: list(engine.scan(ASKED)),
        {"scan": lambda _: 5},
        "returned 5 as the documents",
    ),
    "no document": (
        lambda engine: list(engine.scan(ASKED)),
        {"scan": lambda _: iter([5])},
        "returned 5 as a document of a scan where a mapping was promised",
    ),
    "what was not asked for": (
        lambda engine: engine.get(["a"]),
        {"get": lambda _: {"b": {"id": "b"}}},
        "returned 'b' as the id of a document where one that was asked for was promised",
    ),
    "point in time": (
        lambda engine: engine.point_in_time(keep_seconds=60).search(ASKED),
        {"point_in_time": lambda keep_seconds: types.SimpleNamespace(search=lambda _: keep_seconds)},
        "returned 60 where a SearchResult was promised",
    ),
}


@pytest.mark.parametrize(("ask", "method", "sentence"), READINGS.values(), ids=READINGS)
def test_what_else_is_read_is_held_to_its_promise(index, ask, method, sentence):
    with pytest.raises(EngineUnavailable, match="duo: the plug-in ") as caught:
        ask(engine_with(index, method))
    assert sentence in str(caught.value)


def test_what_an_engine_refuses_by_name_goes_through(index):
    with pytest.raises(RequestRefused, match="no regexp here"):
        engine_with(index, {"search": raising(RequestRefused("name", "no regexp here"))}).search(ASKED)


WRITES = {
    "nothing": (lambda _: None, "returned None where an IndexOutcome was promised"),
    "a text in place of ids": (
        lambda _: IndexOutcome(done="abc"),
        "returned a str as done where a list of texts was promised",
    ),
    "a model nobody sent": (
        lambda _: IndexOutcome(done=("zz",)),
        "returned 'zz' as the id of a model where one that was to be written was promised",
    ),
    "a reason that is none": (
        lambda rows: IndexOutcome(rejected={rows[0].id: 7}),
        "returned 7 as rejected['a'] where text was promised",
    ),
    "its end": (ending, "failed (RuntimeError: SystemExit: 3)"),
}


@pytest.mark.parametrize(("method", "sentence"), WRITES.values(), ids=WRITES)
def test_a_write_that_breaks_its_promise_leaves_its_models_waiting(index, method, sentence):
    """One was taken for a damaged store, one was tried again without end, one ended the crawl without a word."""
    writer = checked_writer("duo", Unsteady(MemoryWriter(index), write=method))
    with pytest.raises(EngineUnavailable) as caught:
        writer.write(actions(MODELS))
    assert sentence in str(caught.value)


def test_a_model_of_which_the_writer_says_nothing_is_tried_again(index):
    writer = checked_writer("duo", Unsteady(MemoryWriter(index), write=lambda _: IndexOutcome(done=("a",))))
    outcome = writer.write(actions(MODELS))
    assert (outcome.done, outcome.retry) == (("a",), {"b": "the engine did not say what became of it"})


REBUILDS = {
    "some of the documents": (
        lambda documents, catch_up: IndexOutcome(done=(next(iter(documents)).id, *catch_up)),
        "returned before it had all documents where an index of all was promised",
    ),
    "some put off": (
        lambda documents, catch_up: IndexOutcome(retry={row.id: "full" for row in [*documents, *catch_up]}),
        "the new index lacks 2 models: full.",
    ),
}


@pytest.mark.parametrize(("method", "sentence"), REBUILDS.values(), ids=REBUILDS)
def test_a_rebuild_that_does_not_hold_everything_is_none(index, method, sentence):
    """A writer that took one of two documents was said to have indexed all, and the other was never written again."""
    writer = checked_writer("duo", Unsteady(MemoryWriter(index), rebuild=method))
    with pytest.raises(EngineUnavailable) as caught:
        writer.rebuild(actions(MODELS))
    assert sentence in str(caught.value)


@pytest.mark.parametrize("error", [StoreError("the store is locked"), OSError("the database ended")])
def test_what_ends_the_documents_of_a_rebuild_is_not_blamed_on_the_engine(index, error):
    def documents():
        yield from actions(MODELS)
        raise error

    with pytest.raises(type(error), match=str(error)):
        checked_writer("duo", MemoryWriter(index)).rebuild(documents())


def test_an_engine_that_does_not_close_takes_nothing_of_what_was_answered(index, caplog):
    writer = checked_writer("duo", Unsteady(MemoryWriter(index), close=raising(OSError("busy"))))
    with closing(writer), closing(engine_with(index, {"close": ending})) as engine:
        assert engine.info().documents
        assert writer.write(actions(MODELS)).done
    assert [record.getMessage().split()[0] for record in caplog.records] == ["engine", "writer"]


def test_a_writer_that_fails_when_it_is_asked_what_it_can_is_one_sentence(index):
    """`reindex --roll-back` ended in a traceback where every other call ended in a sentence."""

    class Undecided(MemoryWriter):
        @property
        def roll_back(self):
            raise OSError("busy")

    with pytest.raises(EngineUnavailable, match="busy"):
        _ = checked_writer("duo", Undecided(index)).roll_back


class Noting(MemoryWriter):
    is_shared = True
    needs_rebuild = 5
    note = None

    def place(self):
        return "here"

    def followed(self):
        return self.note

    def follow(self, position):
        self.note = position


def test_a_writer_has_the_optional_parts_that_it_has_and_no_others(index):
    plain, noting = checked_writer("duo", MemoryWriter(index)), checked_writer("duo", Noting(index))
    assert [isinstance(writer, FollowingWriter) for writer in (plain, noting)] == [False, True]
    assert [isinstance(writer, KnownPlace) for writer in (plain, noting)] == [False, False]
    noting.follow("7")
    assert (noting.followed(), noting.place(), noting.is_shared) == ("7", "here", True)
    assert (plain.needs_rebuild, plain.documents, plain.roll_back) == (None, None, None)
    with pytest.raises(EngineUnavailable, match="returned 5 as needs_rebuild where text was promised"):
        noting.needs_rebuild  # noqa: B018 - a property that asks the engine


@pytest.mark.parametrize("maker", [ending, raising(ValueError("no key"))], ids=["its end", "an error"])
@pytest.mark.parametrize(("kind", "opener"), [("engine", open_engine), ("writer", open_writer)])
def test_an_engine_that_cannot_be_made_is_a_plug_in_that_cannot_be_used(
    monkeypatch, tmp_path, kind, opener, maker
):
    module = types.ModuleType("duo_engine")
    module.made = maker
    monkeypatch.setitem(sys.modules, "duo_engine", module)
    monkeypatch.setattr(plugins, "_entry_points", lambda _: {"duo": "duo_engine:made"})
    settings = load_settings(str(tmp_path), {"MODELDEX_SEARCH_ENGINE": "duo"})
    with pytest.raises(PluginUnavailable, match=f"The {kind} 'duo' cannot be used: "):
        opener(settings)
