"""Pages of a small catalog, on both engines that need no server: facets, chips, explained emptiness, paging, the URL."""

from dataclasses import replace
from functools import partial

import pytest

from catalog.query.nodes import Term
from catalog.query.request import SearchRequest
from catalog.query.state import ResultView, SearchState
from catalog.search.absent_models import only_present
from catalog.search.engine import IndexAction
from catalog.search.page_state import PageParts
from catalog.search.service import SearchService, from_parameters, to_parameters
from catalog.search.vocabulary import MAX_EVALUATED
from catalog.settings import Settings
from indexer.engines.memory import MemoryEngine, MemoryIndex, MemoryWriter
from indexer.engines.tantivy import TantivyEngine, TantivyWriter

TASKS = ["ner", "text-classification", "pos"]
MODELS = 60


def document(number):
    found = {
        "id": f"{number:064x}",
        "name": f"bert model {number}",
        "task": TASKS[number % 3],
        "parameters": 1_000_000 * (number + 1),
        "size_bytes": 4_000_000 * (number + 1),
        "best_date": f"{2020 + number % 5}-03-01T00:00:00Z",
        "tags": [f"tag{number % 13}", "all"],
        "status": "ok",
        "source": "local",
    }
    if number % 4:
        found["framework"] = "pytorch" if number % 2 else "onnx"
    if number % 2:
        accuracy = 0.5 + number / 200
        found["metrics"] = {"accuracy": accuracy, "loss": 1 - accuracy}
        found["metric_names"] = ["accuracy", "loss"]
        found["evaluations"] = [
            {"metric": "accuracy", "value": accuracy, "dataset": "imagenet", "split": "test"},
            {"metric": "accuracy", "value": 0.99, "dataset": "mnist", "split": "test"},
        ]
    return found


class Recorder:
    """An engine, and the requests that reached it."""

    def __init__(self, engine):
        self.engine = engine
        self.name = engine.name
        self.requests = []

    def search(self, request):
        self.requests.append(request)
        return self.engine.search(request)

    def __getattr__(self, name):
        return getattr(self.engine, name)


def open_memory(folder):
    index = MemoryIndex()
    return MemoryWriter(index), lambda: MemoryEngine(index)


def open_tantivy(folder):
    settings = Settings(home=folder)
    return TantivyWriter(settings), lambda: TantivyEngine(settings)


@pytest.fixture(scope="module", params=[open_memory, open_tantivy], ids=["memory", "tantivy"])
def filled(request, tmp_path_factory):
    writer, opener = request.param(tmp_path_factory.mktemp("index"))
    actions = [IndexAction(id=d["id"], revision=1, document=d) for d in map(document, range(MODELS))]
    assert not writer.write(actions).rejected
    writer.refresh()
    writer.close()
    engine = opener()
    yield engine
    engine.close()


@pytest.fixture
def engine(filled):
    return Recorder(filled)


@pytest.fixture
def service(engine):
    return SearchService(engine)


def facet(page, field):
    return next(view for view in page.facets if view.field == field)


def after_clicks(view):
    """The state after a click on each value of a facet."""
    return {bucket.value: view.toggled(bucket) for bucket in view.buckets}


def buckets(page, field):
    return {bucket.value: bucket.count for bucket in facet(page, field).buckets}


# Facets


def test_chosen_value_keeps_its_alternatives_with_their_counts(service):
    before = service.page(SearchState())
    page = service.page(SearchState(selections={"task": ("ner",)}))
    assert page.total == 20
    assert buckets(page, "task") == buckets(before, "task")
    assert sum(buckets(page, "framework").values()) == page.total


@pytest.mark.parametrize("text", ["task:ner params:>5M", "params:>5M task:ner,pos", "task=ner and params>5M"])
def test_value_that_is_typed_is_ticked_and_keeps_its_alternatives(service, text):
    """It was unticked, and all other values of its facet stood at 0."""
    typed = service.page(SearchState(text=text))
    values = tuple(bucket.value for bucket in facet(typed, "task").buckets if bucket.selected)
    clicked = service.page(SearchState(text="params:>5M", selections={"task": values}))
    assert values
    assert typed.total == clicked.total
    assert buckets(typed, "task") == buckets(clicked, "task")
    assert buckets(typed, "framework") == buckets(clicked, "framework")
    assert facet(typed, "task").typed
    assert not facet(clicked, "task").typed
    more = service.facet(SearchState(text=text), "task")
    assert tuple(bucket.value for bucket in more.buckets if bucket.selected) == values
    assert {bucket.value for bucket in more.buckets} > set(values)
    assert all(more.toggled(bucket).text == "parameters>5M" for bucket in more.buckets)


def test_click_on_the_facet_of_a_typed_value_moves_it_out_of_the_text(service):
    page = service.page(SearchState(text="task:ner params:>5M", selections={"framework": ("onnx",)}))
    clicks = after_clicks(facet(page, "task"))
    assert clicks["ner"].text == "parameters>5M"
    assert clicks["ner"].selections == {"framework": ("onnx",)}
    assert set(clicks["pos"].selections["task"]) == {"ner", "pos"}
    elsewhere = after_clicks(facet(page, "tags"))
    assert elsewhere["tag1"].text == "task:ner params:>5M"
    assert set(elsewhere["tag1"].selections) == {"framework", "tags"}


def test_two_values_that_must_both_hold_are_no_choice(service):
    assert not facet(service.page(SearchState(text="tag:all tag:tag1")), "tags").typed


def test_values_of_one_facet_are_alternatives_and_facets_narrow_each_other(service):
    page = service.page(SearchState(selections={"task": ("ner", "pos"), "framework": ("pytorch",)}))
    one_by_one = [
        service.page(SearchState(selections={"task": (task,), "framework": ("pytorch",)})).total
        for task in ("ner", "pos")
    ]
    assert page.total == sum(one_by_one)


def test_count_beside_a_value_is_the_total_after_its_click(service):
    page = service.page(SearchState(text="params:>5M", selections={"task": ("ner",)}))
    for view in page.facets:
        for bucket in view.buckets:
            if not view.field.startswith("t") and not bucket.selected:
                assert service.page(view.toggled(bucket)).total == bucket.count, (view.field, bucket.value)


def test_chosen_value_is_shown_even_when_nothing_has_it(service):
    page = service.page(SearchState(text="accuracy>0.99", selections={"task": ("ner", 'a,b:"c"')}))
    chosen = {bucket.value: bucket.count for bucket in facet(page, "task").buckets if bucket.selected}
    assert chosen == {"ner": 0, 'a,b:"c"': 0}


def test_eleventh_value_keeps_its_count_when_it_is_chosen(service):
    counts = buckets(service.page(SearchState()), "tags")
    hidden = next(f"tag{n}" for n in range(13) if f"tag{n}" not in counts)
    page = service.page(SearchState(selections={"tags": (hidden,)}))
    chosen = next(bucket for bucket in facet(page, "tags").buckets if bucket.value == hidden)
    assert chosen.selected
    assert chosen.count == page.total > 0


def test_models_without_the_value_can_be_chosen(service):
    page = service.page(SearchState())
    missing = buckets(page, "framework")["(none)"]
    assert missing == 15
    assert service.page(SearchState(selections={"framework": ("(none)",)})).total == missing


def test_range_keeps_its_histogram_and_counts_add_up(service):
    before = service.page(SearchState())
    page = service.page(SearchState(selections={"parameters": ("1M..<20M",)}))
    assert page.total == 19
    assert buckets(page, "parameters") == buckets(before, "parameters")
    assert sum(buckets(before, "parameters").values()) == MODELS
    view = facet(page, "parameters")
    assert (view.low, view.high, view.minimum, view.maximum) == ("1M", "20M", 1_000_000, 60_000_000)


def test_metric_of_the_query_has_a_facet_with_the_models_that_lack_it(service):
    page = service.page(SearchState(text="sort:accuracy"))
    view = facet(page, "metrics.accuracy")
    assert view.buckets[-1].value == "(none)"
    assert view.buckets[-1].count == MODELS / 2


def test_facet_can_be_searched_by_prefix(service):
    view = service.facet(SearchState(selections={"tags": ("tag1",)}), "tags", "tag1")
    assert {bucket.value for bucket in view.buckets} == {"tag1", "tag10", "tag11", "tag12"}
    assert [bucket.value for bucket in view.buckets if bucket.selected] == ["tag1"]


def test_names_are_counted_once_while_one_types(service, engine):
    """Every letter counted all names of all models anew."""
    field = "metric_names"
    look = partial(service.facet, SearchState(), field, letter_by_letter=True)
    everything = look().buckets
    engine.requests.clear()
    first = everything[0].value
    begun = [look(first[:end].upper()).buckets for end in (1, 2, len(first))]
    assert engine.requests == []
    assert begun == [
        tuple(bucket for bucket in everything if bucket.value.startswith(first[:end]))
        for end in (1, 2, len(first))
    ]
    service.facet(SearchState(text="params:>5M"), field, first, letter_by_letter=True)
    assert engine.requests


def test_page_is_one_request_once_the_vocabulary_and_spellings_are_known(service, engine):
    state = SearchState(text="accuracy>0.6 task:ner", selections={"framework": ("pytorch",)})
    service.page(state)
    engine.requests.clear()
    service.page(state)
    assert len(engine.requests) == 1


# Chips and explanations


def test_every_chip_leads_to_the_search_without_it(service):
    state = SearchState(text="accuracy > 0.6 after:2021", selections={"task": ("ner",)}, sort="-size", page=2)
    chips = {chip.label: chip for chip in service.page(state).chips}
    assert list(chips) == ["accuracy>0.6", "after:2021", "Task: ner", "sort:-size"]
    assert chips["accuracy>0.6"].without == replace(state, text="after:2021", page=1)
    assert chips["Task: ner"].without == replace(state, selections={}, page=1)
    assert chips["sort:-size"].without.sort == ""


def test_sentence_and_qualifiers_find_the_same_models(service):
    said = service.page(SearchState(text="models trained after 2021 with >60% accuracy"))
    asked = service.page(SearchState(text="accuracy>0.6 after:2021"))
    assert said.total == asked.total > 0
    assert {hit["id"] for hit in said.hits} == {hit["id"] for hit in asked.hits}
    assert {chip.kind for chip in said.chips} == {"rewritten", "literal"}


def test_search_that_finds_nothing_says_what_each_condition_costs(service):
    page = service.page(
        SearchState(text="accuracy>0.99 task:ner", selections={"framework": ("pytorch", "onnx")})
    )
    reasons = {reason.label: reason for reason in page.empty_reasons}
    assert page.total == 0
    assert reasons["accuracy>0.99"].without_count == 15
    assert reasons["accuracy>0.99"].detail == "best accuracy here is 0.785; 5 of 15 report none"
    assert service.page(reasons["accuracy>0.99"].without).total == 15
    assert reasons["task:ner"].without_count == 0


def test_where_no_single_condition_is_to_blame_the_largest_parts_that_find_something_are_offered(service):
    """Each of the conditions was named with 0 models, which leads nowhere."""
    page = service.page(SearchState(text="unicorn params>1T", selections={"task": ("ner",)}))
    (part,) = page.empty_reasons
    assert (part.label, part.conditions) == ("unicorn, parameters>1T", 2)
    assert (part.without.text, part.without.selections) == ("", {"task": ("ner",)})
    assert service.page(part.without).total == part.without_count
    nothing = service.page(SearchState(text="unicorn dragon phoenix"))
    assert not any(reason.without_count for reason in nothing.empty_reasons)


def test_what_a_condition_costs_is_true_however_many_there_are(service):
    """Only the first twenty are explained; the others still hold."""
    harmless = " ".join(f"-tag:absent{number}" for number in range(22))
    page = service.page(SearchState(text=f"accuracy>0.99 {harmless} task:ner"))
    costs = {reason.label: reason.without_count for reason in page.empty_reasons}
    assert len(costs) == 20
    assert costs["accuracy>0.99"] == 20
    for reason in page.empty_reasons:
        assert service.page(reason.without).total == reason.without_count


def test_word_that_nobody_uses_offers_the_nearest_one(service):
    page = service.page(SearchState(text="brt task:ner"))
    problem = next(problem for problem in page.problems if problem.code == "unknown-word")
    assert problem.suggestions[0].text == "bert task:ner"


@pytest.mark.parametrize(
    ("text", "selections", "offered"),
    [
        ("acuracy>0.1", {}, "accuracy>0.1"),
        ("acuracy>0.1 -bert", {}, "accuracy>0.1"),
        ("acuracy>0.9999", {}, "has:accuracy"),
        ("acuracy>0.1", {"tags": ("nobody",)}, ""),
        ("tsk:ner -bert", {}, "task:ner"),
        ("has:acuracy -bert", {}, "has:accuracy"),
    ],
)
def test_correction_of_a_name_leads_to_models(service, text, selections, offered):
    """Beside the other conditions, or to none at all: it was offered in its place, and that led to nothing."""
    page = service.page(SearchState(text=text, selections=selections))
    fixes = page.problems[0].suggestions
    assert (fixes[0].text if fixes else "") == offered
    assert all(service.page(SearchState(text=fix.text, selections=selections)).total for fix in fixes)


def test_metric_on_a_data_set_does_not_match_another_one(service):
    assert service.page(SearchState(text="accuracy@imagenet > 0.9")).total == 0
    assert service.page(SearchState(text="accuracy@mnist > 0.9")).total == MODELS / 2


def test_a_data_set_beyond_the_models_looked_at_for_names_is_known_by_its_own():
    """Once `f1@imdb > 0.5` found its model and said that no model was evaluated there, which refused it to programs."""
    index = MemoryIndex()
    models = [
        {
            "id": f"{number:064x}",
            "name": "bert",
            "metrics": {"f1": 0.9},
            "metric_names": ["f1"],
            "evaluations": [
                {"metric": "f1", "value": 0.9, "dataset": "imdb" if number == MAX_EVALUATED else "sst2"}
            ],
        }
        for number in range(MAX_EVALUATED + 1)
    ]
    MemoryWriter(index).write([IndexAction(id=row["id"], revision=1, document=row) for row in models])
    service = SearchService(MemoryEngine(index))
    for text in ("f1@imdb > 0.5", "f1 on imdb", "f1 > 0.5 on imdb"):
        page = service.page(SearchState(text=text))
        assert (page.total, page.problems) == (1, ())
    (problem,) = service.page(SearchState(text="f1@imdbb > 0.5")).problems
    assert problem.code == "unknown-dataset"


# Orders and pages


def first(service, text="", sort=""):
    return service.page(SearchState(text=text, sort=sort)).hits[0]["name"]


def test_order_is_best_first_by_direction_and_missing_last(service):
    assert first(service, sort="accuracy") == first(service, sort="-accuracy") == "bert model 59"
    assert first(service, sort="loss") == "bert model 59"
    assert first(service, sort="-loss") == "bert model 1"
    for sort in ("accuracy", "accuracy-asc", "loss", "-loss"):
        last = service.page(SearchState(sort=sort, page=3)).hits[-1]
        assert "metrics" not in last


def test_default_order_is_newest_without_words_and_best_match_with_them(service):
    assert service.request(SearchState()).sort[0].field == "best_date"
    assert service.request(SearchState(text="task:ner")).sort[0].field == "best_date"
    assert service.request(SearchState(text="bert task:ner")).sort == ()


def test_unknown_order_is_said_and_the_page_still_comes(service):
    page = service.page(SearchState(sort="nonsense"))
    assert page.total == MODELS
    assert any("nonsense" in notice for notice in page.notices)


@pytest.mark.parametrize(("page", "shown"), [(1, 1), (3, 3), (4, 3), (99_999, 3), (0, 1), (-5, 1)])
def test_page_beyond_the_end_shows_the_last_one(service, page, shown):
    found = service.page(SearchState(page=page))
    assert found.state.page == shown
    assert found.hits
    assert bool(found.notices) == (page > 3)


def test_a_program_that_reads_pages_until_one_is_empty_comes_to_its_end(service):
    """It got the last page again, for ever."""
    last, beyond = (service.page(SearchState(page=page), PageParts(to_last=False)) for page in (3, 4))
    assert (bool(last.hits), beyond.hits) == (True, ())
    assert (beyond.total, beyond.page_count, beyond.state.page) == (MODELS, 3, 4)
    assert beyond.notices == ("Page 4 does not exist; the last one is 3.",)


def test_pages_hold_every_model_once_whatever_the_ties(service):
    seen = [hit["id"] for page in (1, 2, 3) for hit in service.page(SearchState(sort="task", page=page)).hits]
    assert len(seen) == len(set(seen)) == MODELS


def test_export_has_no_limit_of_pages(service):
    assert (
        sum(1 for _ in service.export(SearchState(text="task:ner")))
        == service.count(SearchState(text="task:ner"))
        == 20
    )


def test_request_for_analysts_holds_query_selections_and_order(service):
    request = service.request(
        SearchState(text="task:ner", selections={"framework": ("onnx",)}, sort="name", page=2)
    )
    assert request == SearchRequest(
        query=only_present(Term("task", "ner")),
        selections={"framework": Term("framework", "onnx")},
        sort=request.sort,
        offset=20,
        size=20,
    )


# The URL


def test_state_and_parameters_are_the_same_thing():
    state = SearchState(
        text="accuracy>0.9",
        selections={
            "task": ("b", "a"),
            "quantization.method": ("gptq",),
            "metrics.accuracy": ("0.9..1",),
            "size_bytes": ("..2GB",),
        },
        sort="-accuracy",
        page=3,
    )
    pairs = to_parameters(state)
    assert pairs == (
        ("q", "accuracy>0.9"),
        ("accuracy", "0.9..1"),
        ("quantization", "gptq"),
        ("size", "..2GB"),
        ("task", "a"),
        ("task", "b"),
        ("sort", "-accuracy"),
        ("page", "3"),
    )
    again, notices = from_parameters(pairs)
    assert to_parameters(again) == pairs
    assert not notices


@pytest.mark.parametrize("value", ["", "0", "-1", "x", "1e9", "99999999999999999999", "٣", "1.5"])
def test_page_number_of_any_kind_is_a_page(service, value):
    state, _ = from_parameters([("page", value)])
    assert service.page(state).hits


def test_unknown_parameter_is_left_out_and_said():
    state, notices = from_parameters([("utm_source", "x"), ("task", "ner"), ("q", " bert ")])
    assert state == SearchState(text="bert", selections={"task": ("ner",)})
    assert len(notices) == 1
    assert "utm_source" in notices[0]


def test_selection_that_is_no_range_is_left_out_and_said(service):
    page = service.page(SearchState(selections={"parameters": ("many",)}))
    assert page.total == MODELS
    assert any("many" in notice for notice in page.notices)


def test_an_unknown_order_is_a_notice_beside_the_best_matches(service):
    """Words with an order that nobody knows once broke the page."""
    page = service.page(SearchState(text="bert", sort="nosuch"))
    assert page.total == MODELS
    assert any("nosuch" in notice for notice in page.notices)
    assert [chip.kind for chip in page.chips] == ["text"]


def test_columns_beyond_the_most_that_a_table_shows_are_told():
    state, notices = from_parameters([("columns", ",".join(f"c{number}" for number in range(40)))])
    assert len(state.view.columns) == 30
    assert notices == ("A table shows at most 30 columns; the others are left out.",)


def test_the_metric_on_the_axis_of_a_plot_leads(service):
    def leading(view):
        return service.page(SearchState(text="params:>5M", view=view)).leading

    assert leading(ResultView()) != "loss"
    assert leading(ResultView(kind="plot", y="metrics.loss")) == "loss"


@pytest.mark.parametrize("text", ["", "accuracy>0.6", "task:ner params:>5M", "accuracy>0.99", "-has:metrics"])
def test_facets_count_the_same_with_and_without_the_ends_of_their_ranges(service, text):
    state = SearchState(text=text)
    with_ends, without = (service.page(state, PageParts(ends=ends)).facets for ends in (True, False))
    assert [(view.field, view.buckets, view.other_count) for view in with_ends] == [
        (view.field, view.buckets, view.other_count) for view in without
    ]


@pytest.mark.parametrize("text", ["", "params:>5M", "-has:metrics", "task:ner"])
def test_the_same_metric_leads_in_every_view_though_one_view_alone_offers_all_of_them(service, text):
    listed, tabled = (
        service.page(SearchState(text=text, view=ResultView(kind=kind))) for kind in ("list", "table")
    )
    assert listed.leading == tabled.leading
    assert [view.field for view in listed.facets] == [view.field for view in tabled.facets]
    assert (listed.reported, tabled.reported) == ((), () if text == "-has:metrics" else ("accuracy", "loss"))
