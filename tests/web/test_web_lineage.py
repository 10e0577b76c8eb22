"""Where a model comes from and what came of it, over several steps: as a graph, on the page and at /api/v1."""

import pytest
from fixtures.shelf import MemoryStore
from fixtures.web import crawl_runs, index_of

from catalog.access.catalog import Catalogs
from catalog.access.lineage import MODELS, STEPS, lineage_graph
from catalog.access.principals import Principal
from catalog.query.nodes import Term
from catalog.search.sealed import SealedEngine
from catalog.settings import Settings
from catalog.text.natural import natural_key
from indexer.engines.memory import MemoryEngine
from webui.app import create_app
from webui.contracts import Services
from webui.html.lineage_drawing import ROWS, drawing_of
from webui.urls import Addresses


def a_model(name, base=(), relation="finetune", **fields):
    bases = [{"id": name, "relation": relation} for name in ([base] if isinstance(base, str) else base)]
    declared = {"base_model": bases} if bases else {}
    identifier = f"{name.encode().hex():0<64}"[:64]
    return {"id": identifier, "name": name, "status": "ok", "path": f"hub/{name}", **declared, **fields}


def catalogs_of(rows):
    return Catalogs(MemoryEngine(index_of(rows)), lambda: MemoryStore(rows, crawl_runs()))


def graph_of(rows, name, principal=None):
    catalogs = catalogs_of(rows)
    document = next(row for row in rows if row["name"] == name)
    return lineage_graph(catalogs.of(principal) if principal else catalogs.of(), document)


def steps(graph):
    return {model.name: model.step for model in graph.models}


def links(graph):
    names = {model.key: model.name for model in graph.models}
    return {(names[link.model], names[link.base]): str(link.confidence) for link in graph.links}


CHAIN = [
    a_model("root"),
    a_model("base", "org/root"),
    a_model("tuned", "base", owner="a"),
    a_model("lora", "tuned", "adapter", owner="a"),
    a_model("merged", ("lora", "base"), "merge"),
    a_model("stranger", "elsewhere/unknown"),
]


def test_lineage_goes_several_steps_both_ways():
    graph = graph_of(CHAIN, "tuned")
    assert steps(graph) == {"root": -2, "base": -1, "tuned": 0, "lora": 1, "merged": 2}
    assert links(graph) == dict.fromkeys(
        [("tuned", "base"), ("base", "root"), ("lora", "tuned"), ("merged", "lora")], "declared"
    )
    assert not graph.is_cut


def test_bases_that_are_not_here_are_named_and_not_followed():
    graph = graph_of(CHAIN, "stranger")
    assert [(model.name, model.document is None) for model in graph.models] == [
        ("elsewhere/unknown", True),
        ("stranger", False),
    ]


def test_models_that_name_each_other_are_a_circle_that_is_walked_once():
    rows = [a_model("a", "c"), a_model("b", "a"), a_model("c", "b"), a_model("selfish", "selfish")]
    graph = graph_of(rows, "a")
    assert steps(graph).keys() == {"a", "b", "c"}
    assert links(graph).keys() == {("a", "c"), ("c", "b"), ("b", "a")}
    assert drawing_of(graph, Addresses()) is not None
    assert steps(graph_of(rows, "selfish")).get("selfish") == 0


def test_what_the_reader_may_not_see_is_neither_drawn_nor_walked_through():
    reader = Principal(id="a", name="a", scope=Term("owner", "a"))
    graph = graph_of(CHAIN, "tuned", reader)
    assert [(model.name, model.document is None) for model in graph.models] == [
        ("base", True),  # the reader's own model says that name
        ("tuned", False),
        ("lora", False),
    ]


def test_lineage_of_a_thousand_adapters_and_a_long_chain_is_cut_and_says_so():
    wide = [a_model("root"), *(a_model(f"lora-{number}", "root", "adapter") for number in range(100))]
    graph = graph_of(wide, "root")
    assert (len(graph.models), graph.is_cut) == (MODELS, True)
    drawing = drawing_of(graph, Addresses())
    assert len(drawing.boxes) == 1 + ROWS
    assert [more.text for more in drawing.more] == [f"and {MODELS - 1 - ROWS} more"]
    drawn = [box.name for box in drawing.boxes if not box.is_this]
    assert drawn == sorted(drawn, key=natural_key)
    long = [a_model("m0"), *(a_model(f"m{number}", f"m{number - 1}") for number in range(1, 12))]
    assert steps(graph_of(long, "m6")) == {f"m{6 + step}": step for step in range(-STEPS, STEPS + 1)}
    assert graph_of(long, "m6").is_cut
    assert not graph_of(long[:STEPS], "m0").is_cut


def test_names_that_end_unlike_are_told_apart_in_their_boxes():
    """Three boxes said `acme/finetune-0-agai…`."""
    rows = [a_model("root"), *(a_model(f"acme/a-long-name-of-run-{number}", "root") for number in range(3))]
    boxes = drawing_of(graph_of(rows, "root"), Addresses()).boxes
    assert {box.short[-6:] for box in boxes if not box.is_this} == {"-run-0", "-run-1", "-run-2"}
    assert len({box.short for box in boxes}) == 4


SHAPE = {"model_type": "bert", "layers": 12, "embedding_dimension": 768, "parameters": 1_000}
SAME = {"structure_hash": "5" * 64, **SHAPE}


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (
            [
                a_model("root"),
                a_model("copy", "root", duplicate_group="g"),
                a_model("me", duplicate_group="g"),
            ],
            {("me", "root"): "copy"},
        ),
        (
            [
                a_model("old", best_date="2021-01-01T00:00:00+00:00", **SAME),
                a_model("older", best_date="2020-01-01T00:00:00+00:00", **SAME),
                a_model("me", best_date="2022-01-01T00:00:00+00:00", **SAME),
            ],
            {("me", "older"): "likely"},
        ),
        (
            [
                a_model("old", "root", best_date="2021-01-01T00:00:00+00:00", **SHAPE),
                a_model("older", best_date="2020-01-01T00:00:00+00:00", **SHAPE),
                a_model("me", best_date="2022-01-01T00:00:00+00:00", **SHAPE),
            ],
            {("me", "older"): "perhaps"},
        ),
        (
            [
                a_model("me", best_date="2020-01-01T00:00:00+00:00", **SAME),
                a_model("new", best_date="2021-01-01T00:00:00+00:00", **SAME),
                a_model("newer", best_date="2022-01-01T00:00:00+00:00", **SHAPE),
                a_model("newest", "new"),
            ],
            {("new", "me"): "likely", ("newer", "me"): "perhaps", ("newest", "new"): "declared"},
        ),
        ([a_model("old", **SAME), a_model("me", **SAME)], {}),
        (
            [
                a_model("old", best_date="2020-01-01T00:00:00+00:00", **SAME),
                a_model("me", "x", best_date="2022-01-01T00:00:00+00:00", **SAME),
            ],
            {("me", "x"): "declared"},
        ),
    ],
    ids=["of a copy", "of the same tensors", "of the same shape", "down", "no dates", "declared"],
)
def test_bases_that_nobody_declared_are_found_with_how_sure_that_is(rows, expected):
    assert links(graph_of(rows, "me")) == expected


def test_dates_that_are_kept_encrypted_cost_the_guesses_alone():
    rows = [
        a_model("root"),
        a_model("older", best_date="2020-01-01T00:00:00+00:00", **SAME),
        a_model("me", best_date="2022-01-01T00:00:00+00:00", **SAME),
        a_model("tuned", "me"),
    ]
    dates = frozenset({"best_date"})
    sealed = SealedEngine(
        MemoryEngine(index_of(rows)), names=lambda: dates, everywhere=lambda: dates, lookup=None, within=None
    )
    catalog = Catalogs(sealed, lambda: MemoryStore(rows, crawl_runs())).of()
    assert links(lineage_graph(catalog, rows[2])) == {("tuned", "me"): "declared"}


def test_page_and_api_show_the_same_lineage(tmp_path):
    client = create_app(Settings(home=tmp_path), Services(catalogs=catalogs_of(CHAIN))).test_client()
    document = CHAIN[2]
    text = client.get(f"/models/{document['id']}").get_data(as_text=True)
    assert "2 models it comes from · 2 models made from it" in text
    assert "2 steps back" in text
    assert "base of base" in text
    assert "merged from lora" in text
    answer = client.get(f"/api/v1/models/{document['id']}/lineage").get_json()
    assert {model["name"]: model["step"] for model in answer["models"]} == {
        "root": -2,
        "base": -1,
        "tuned": 0,
        "lora": 1,
        "merged": 2,
    }
    assert {link["confidence"] for link in answer["links"]} == {"declared"}
    assert all(model["url"] in text for model in answer["models"] if model["step"])
    assert client.get("/api/v1/models/nothing/lineage").status_code == 404


def test_model_without_relatives_has_no_drawing(tmp_path):
    client = create_app(Settings(home=tmp_path), Services(catalogs=catalogs_of([CHAIN[0]]))).test_client()
    assert "Lineage, drawn" not in client.get(f"/models/{CHAIN[0]['id']}").get_data(as_text=True)
