"""The first screen of a model: what it is, how good, may I, is it safe, how do I load it, where."""

import ast
import re
from pathlib import Path

import pytest
from fixtures.shelf import MemoryStore, model_documents
from fixtures.users import role
from fixtures.web import crawl_runs, index_of

from catalog.access.catalog import Catalogs
from catalog.access.principals import Principal
from catalog.access.relatives import family_of, rank_of, series_of, version_key
from catalog.query.nodes import Term
from catalog.records import ModelId, StoredModel
from catalog.settings import Settings
from indexer.engines.memory import MemoryEngine
from mappings.loading import class_of, formats, recipes
from webui.app import create_app
from webui.contracts import Services
from webui.html.loading import loading_of
from webui.html.memory import memory_of
from webui.html.model import model_page
from webui.html.safety import risk_rows, verdict_of
from webui.urls import Addresses


def a_model(name, **fields):
    identifier = f"{name.encode().hex():0<64}"[:64]
    return {"id": identifier, "name": name, "status": "ok", "path": f"models/{name}", **fields}


def catalog_of(rows, principal=None):
    catalogs = Catalogs(MemoryEngine(index_of(rows)), lambda: MemoryStore(rows, crawl_runs()))
    return catalogs.of(principal) if principal else catalogs.of()


def client_of(rows, tmp_path):
    catalogs = Catalogs(MemoryEngine(index_of(rows)), lambda: MemoryStore(rows, crawl_runs()))
    return create_app(Settings(home=tmp_path), Services(catalogs=catalogs)).test_client()


def scored(name, value, *, metric="f1", dataset="conll2003", split="test", **fields):
    evaluation = {"metric": metric, "value": value, "dataset": dataset, "split": split}
    evaluation = {part: given for part, given in evaluation.items() if given is not None}
    return a_model(name, metrics={metric: value}, metric_names=[metric], evaluations=[evaluation], **fields)


# What a first visitor does next


def test_an_empty_catalog_says_what_to_type_and_fills_itself(tmp_path):
    """The page stayed empty until somebody thought of loading it anew, and named a folder that was somewhere else."""
    text = client_of([], tmp_path).get("/").text
    examples = Path(__file__).parents[2] / "examples"
    assert f'data-copy="MODELDEX_HOME={tmp_path} modeldex crawl FOLDER"' in text
    assert f'data-copy="MODELDEX_HOME={tmp_path} modeldex crawl {examples}"' in text
    assert 'class="empty" data-poll="5000"' in text


def test_who_may_see_no_model_is_not_told_to_crawl(open_house):
    house = open_house()
    house.add("bob", role("viewer", "tag:nothing-has-it"))
    house.add("amy", role("admin"))
    text = house.client("bob").get("/").text
    assert "There is no model that you may see" in text
    assert "modeldex crawl" not in text


def test_parameters_below_a_histogram_are_written_as_beside_the_model(tmp_path):
    """`10499+` stood beside 10,499 params."""
    text = client_of([a_model("small", parameters=10_499)], tmp_path).get("/").text
    assert "<span>10,499+</span>" in text


# Is it safe


@pytest.mark.parametrize(
    ("state", "headline"),
    [
        ({"status": "missing", "flags": ["missing"]}, "Not here now."),
        ({"status": "partial", "complete": False, "flags": ["incomplete"]}, "Not whole."),
        ({"status": "pointer", "flags": ["pointer"]}, "The weights are elsewhere."),
    ],
    ids=["missing", "cut", "pointer"],
)
def test_what_cannot_be_loaded_has_no_lines_that_load_it(tmp_path, state, headline):
    """A model whose file was gone or cut off said "Data only", and gave the lines that load it."""
    files = [{"key": "m/model.safetensors", "role": "weights", "size_bytes": 8}]
    row = a_model("bad", format=["safetensors"], uri="file:///m/model.safetensors", files=files, **state)
    text = client_of([row], tmp_path).get(f"/models/{row['id']}").get_data(as_text=True)
    assert headline in text
    assert "Not shown:" in text
    assert "load_file" not in text
    assert "Data only." not in text


def verdict(**document):
    return verdict_of(document, risk_rows(document))


WEIGHTS = [{"key": "m/model.bin", "role": "weights", "format": "pytorch"}]


@pytest.mark.parametrize(
    ("document", "tone"),
    [
        ({"format": ["safetensors"]}, "good"),
        ({"format": ["gguf"]}, "good"),
        ({"format": ["pytorch"], "files": WEIGHTS}, "good"),
        ({"format": ["skops", "mlflow"]}, "good"),
        ({"format": ["tensorflow_saved_model"]}, "warn"),
        ({"format": ["torchscript"]}, "warn"),
        ({"format": ["mlflow"]}, "warn"),
        ({"format": ["strange"]}, "info"),
        ({}, "info"),
        ({"format": ["dvc"], "flags": ["unchecked"]}, "warn"),
        (
            {
                "format": ["pickle"],
                "files": WEIGHTS,
                "risks": [{"kind": "needs-trust", "severity": "info", "file": "m/model.bin", "detail": "x"}],
            },
            "warn",
        ),
        (
            {
                "format": ["safetensors"],
                "risks": [{"kind": "needs-trust", "severity": "info", "file": "m/training_args.bin"}],
            },
            "good",
        ),
        (
            {
                "format": ["safetensors"],
                "risks": [{"kind": "code-execution", "severity": "high", "file": "m/other.pkl"}],
            },
            "danger",
        ),
        (
            {"format": ["pytorch"], "risks": [{"kind": "code-execution", "severity": 5, "detail": "x"}]},
            "danger",
        ),
        ({"format": ["gguf"], "risks": [{"kind": "secret", "severity": "high", "detail": "x"}]}, "good"),
        (
            {"format": ["safetensors"], "risks": [{"kind": "remote-code", "severity": "medium"}]},
            "warn",
        ),
    ],
)
def test_loading_is_judged_in_three_tones(document, tone):
    assert verdict(**document).tone == tone


def test_an_ordinary_pickle_is_never_drawn_like_an_attack():
    risk = {"kind": "needs-trust", "severity": "info", "file": "m/model.bin", "detail": "imports sklearn"}
    judged = verdict(format=["pickle"], files=WEIGHTS, risks=[risk])
    assert not judged.withheld
    assert "Safer: ask for it as skops." in judged.advice


def test_no_line_to_load_it_stands_beside_an_attack(tmp_path):
    risk = {"kind": "code-execution", "severity": "high", "file": "m/model.bin", "detail": "Calls os.system"}
    row = a_model("bad", format=["pytorch"], uri="file:///m", source="file:///", files=WEIGHTS, risks=[risk])
    text = client_of([row], tmp_path).get(f"/models/{row['id']}").get_data(as_text=True)
    assert "Do not load it." in text
    assert "Calls os.system" in text
    assert "torch.load" not in text


# How do I load it


def loaded(name="m", *, uri="file:///data/m", **fields):
    files = fields.pop("files", [{"key": "m/model.bin", "role": "weights", "format": fields["format"][0]}])
    document = a_model(name, uri=uri, source="file:///data", files=files, **fields)
    return loading_of(document)


@pytest.mark.parametrize(
    ("fields", "tool", "piece"),
    [
        (
            {
                "format": ["safetensors"],
                "library": "transformers",
                "architecture": "BertForTokenClassification",
            },
            "transformers",
            'AutoModelForTokenClassification.from_pretrained("/data/m", use_safetensors=True)',
        ),
        (
            {"format": ["pytorch"], "library": "transformers", "architecture": "LlamaForCausalLM"},
            "transformers",
            'AutoModelForCausalLM.from_pretrained("/data/m", weights_only=True)',
        ),
        ({"format": ["pytorch"]}, "torch", "weights_only=True"),
        ({"format": ["keras"]}, "keras", "safe_mode=True"),
        ({"format": ["npz"]}, "numpy", "allow_pickle=False"),
        ({"format": ["onnx"]}, "onnxruntime", 'InferenceSession("/data/m/model.bin"'),
        (
            {"format": ["gguf"], "architecture": "llama", "context_length": 131_072},
            "llama.cpp",
            "--ctx-size 8192",
        ),
        ({"format": ["gguf"], "architecture": "nomic-bert"}, "llama.cpp", "llama-embedding"),
        (
            {
                "format": ["safetensors"],
                "library": "peft",
                "flags": ["adapter"],
                "base_model": [{"id": "org/base"}],
            },
            "peft",
            'from_pretrained("org/base")',
        ),
    ],
)
def test_lines_to_load_it_are_what_the_header_proves_with_safe_flags(fields, tool, piece):
    first = loaded(**fields).recipes[0]
    assert first.tool == tool
    assert piece in first.code


def test_an_adapter_of_an_unknown_base_has_no_line_that_loads_another():
    assert all(
        recipe.tool != "peft"
        for recipe in loaded(format=["safetensors"], library="peft", flags=["adapter"]).recipes
    )


@pytest.mark.parametrize(
    "name", ['a"b', "a'); import os #", "a\nb", "caf\udce9", "$(rm -rf ~)", "\u202eexe", "a\\"]
)
def test_hostile_path_stays_one_word_of_the_code(name):
    files = [{"key": f"{name}/model.safetensors", "role": "weights", "format": "safetensors"}]
    from urllib.parse import quote

    uri = f"file:///data/{quote(name, errors='surrogateescape')}"
    for recipe in loaded(format=["safetensors"], library="transformers", uri=uri, files=files).recipes:
        literals = [node.value for node in ast.walk(ast.parse(recipe.code)) if isinstance(node, ast.Constant)]
        assert any(str(literal).startswith(f"/data/{name}") for literal in literals)


def test_a_path_that_no_shell_copies_surely_gets_no_line_for_a_shell():
    files = [{"key": "x\n/m.gguf", "role": "weights", "format": "gguf"}]
    tools = [recipe.tool for recipe in loaded(format=["gguf"], files=files).recipes]
    assert "llama.cpp" not in tools
    assert tools


def test_model_of_a_bucket_is_fetched_first():
    files = [{"key": "models/ner/model.safetensors", "role": "weights", "format": "safetensors"}]
    loading = loaded(
        format=["safetensors"], library="transformers", uri="s3://bucket/models/ner", files=files
    )
    assert loading.fetch == "s3://bucket/models/ner"
    assert 'from_pretrained("ner"' in loading.recipes[0].code


@pytest.mark.parametrize(
    "recipe", [row for row in recipes() if row.language == "python"], ids=lambda row: row.name
)
def test_every_recipe_is_python_once_its_places_are_filled(recipe):
    """A typing error in the table would be copied by everybody."""
    code = recipe.code
    for place in ("$path", "$folder", "$file", "$weights", "$base"):
        code = code.replace(place, '"x"')
    ast.parse(code.replace("$auto", "AutoModel").replace("$context", "1"))
    assert set(recipe.formats) <= set(formats())
    assert "trust_remote_code" not in code


def test_longest_ending_of_an_architecture_decides():
    assert class_of("T5ForConditionalGeneration") == "AutoModelForSeq2SeqLM"
    assert class_of("Gemma3ForConditionalGeneration") == "AutoModelForImageTextToText"
    assert class_of("StrangeModel") == "AutoModel"


# How good


def test_rank_counts_only_values_of_one_metric_data_set_and_split():
    rows = [
        scored("a", 0.9),
        scored("b", 0.95),
        scored("c", 0.8),
        scored("other-data", 0.99, dataset="imdb"),
        scored("other-split", 0.99, split="validation"),
        scored("other-metric", 0.99, metric="accuracy"),
        scored("away", 0.99) | {"status": "missing"},
    ]
    rank = rank_of(catalog_of(rows), "f1", rows[0]["evaluations"][0])
    assert (rank.place, rank.models, rank.query) == (2, 3, "has:test/f1@conll2003")


def test_lower_error_ranks_better():
    rows = [scored("a", 0.1, metric="wer"), scored("b", 0.2, metric="wer")]
    catalog = catalog_of(rows)
    assert rank_of(catalog, "wer", rows[0]["evaluations"][0]).place == 1
    assert rank_of(catalog, "wer", rows[1]["evaluations"][0]).place == 2


@pytest.mark.parametrize("unknown", ["dataset", "split"])
def test_score_on_unknown_data_has_no_rank(unknown):
    rows = [scored("a", 0.9, **{unknown: None}), scored("b", 0.8, **{unknown: None})]
    assert rank_of(catalog_of(rows), "f1", rows[0]["evaluations"][0]) is None


def test_rank_leads_to_exactly_as_many_models_as_it_says(tmp_path):
    rows = [scored("a", 0.9), scored("b", 0.95), scored("c", 0.8), scored("x", 0.7, dataset="imdb")]
    client = client_of(rows, tmp_path)
    text = client.get(f"/models/{rows[0]['id']}").get_data(as_text=True)
    assert "2nd of 3 here" in text
    found = client.get("/api/search", query_string={"q": "has:test/f1@conll2003 sort:f1"}).get_json()
    assert found["total"] == 3


def test_a_model_that_is_not_there_has_no_rank_among_those_that_are(tmp_path):
    """A missing one said "6th of 13 here" of thirteen that it is none of."""
    rows = [scored("a", 0.9), scored("b", 0.95), scored("away", 0.8) | {"status": "missing"}]
    client = client_of(rows, tmp_path)
    shown = [client.get(f"/models/{row['id']}").get_data(as_text=True) for row in rows]
    assert [" of 2 here" in text for text in shown] == [True, True, False]


# Relatives


def test_family_is_linked_both_ways():
    base = a_model("ner-base", path="hub/org/ner-base")
    lora = a_model("ner-lora", base_model=[{"id": "org/ner-base", "relation": "adapter"}])
    tuned = a_model("ner-tuned", base_model=[{"id": "ner-base"}])
    stranger = a_model("stranger", base_model=[{"id": "else/ner"}])
    catalog = catalog_of([base, lora, tuned, stranger])
    down = {kin.relation: [row["name"] for row in kin.documents] for kin in family_of(catalog, base).derived}
    assert down == {"Adapters": ["ner-lora"], "Made from it": ["ner-tuned"]}
    (up,) = family_of(catalog, lora).bases
    assert (up.name, up.relation, [row["name"] for row in up.documents]) == (
        "org/ner-base",
        "adapter",
        ["ner-base"],
    )


def test_equal_shape_without_a_declaration_is_only_a_guess():
    shape = {"model_type": "bert", "layers": 12, "embedding_dimension": 768}
    rows = [
        a_model("a", parameters=109_000_000, **shape),
        a_model("b", parameters=109_500_000, **shape),
        a_model("wider", parameters=335_000_000, **{**shape, "embedding_dimension": 1024}),
        a_model("declared", parameters=109_000_000, base_model=[{"id": "a"}], **shape),
    ]
    catalog = catalog_of(rows)
    (alike,) = family_of(catalog, rows[0]).equals
    assert [row["name"] for row in alike.documents] == ["b", "declared"]
    assert "no file says so" in alike.doubt
    assert not family_of(catalog, rows[3]).equals


def test_equal_names_and_shapes_of_all_tensors_are_the_stronger_guess_and_copies_are_none():
    shape = {"model_type": "bert", "layers": 12, "embedding_dimension": 768, "parameters": 100}
    rows = [
        a_model("a", structure_hash="5" * 64, duplicate_group="g", **shape),
        a_model("copy", structure_hash="5" * 64, duplicate_group="g", **shape),
        a_model("tuned", structure_hash="5" * 64, **shape),
        a_model("headless", **shape),
    ]
    kin = {
        kin.relation: [row["name"] for row in kin.documents]
        for kin in family_of(catalog_of(rows), rows[0]).equals
    }
    assert kin == {
        "The same weights": ["copy"],
        "Of the same structure": ["tuned"],
        "Of the same shape": ["headless"],
    }


def test_memory_is_shown_for_more_than_one_context():
    document = a_model("m", memory_bytes=8_000 + 8_192 * 10, kv_bytes_per_token=10, context_length=40_000)
    memory = memory_of(document, {})
    assert (memory.total.text, memory.note) == ("89.9 kB", "with 8,192 tokens of context")
    assert [(row.tokens, row.memory.exact) for row in memory.rows] == [
        ("2,048", "28,480 bytes"),
        ("8,192", "89,920 bytes"),
        ("32,768", "335,680 bytes"),
        ("40,000", "408,000 bytes"),
    ]


def test_relatives_out_of_sight_are_not_there():
    rows = [
        a_model("base", owner="a"),
        a_model("mine", owner="a", base_model=[{"id": "base"}]),
        a_model("theirs", owner="b", base_model=[{"id": "base"}]),
    ]
    reader = Principal(id="a", name="a", scope=Term("owner", "a"))
    (kin,) = family_of(catalog_of(rows, reader), rows[0]).derived
    assert [row["name"] for row in kin.documents] == ["mine"]
    assert kin.total == 1


def test_versions_of_a_name_are_a_series_in_natural_order():
    rows = [
        scored("ner", 0.9, version="v10"),
        scored("ner", 0.8, version="v2") | {"id": "b" * 64},
        scored("ner", 0.85, version="v9") | {"id": "c" * 64},
        scored("other", 0.5, version="v1"),
    ]
    assert [row["version"] for row in series_of(catalog_of(rows), rows[0])] == ["v2", "v9", "v10"]
    assert series_of(catalog_of(rows), rows[3]) == ()


def test_odd_versions_are_sorted_all_the_same():
    versions = ["1.10", "1.9", "", None, "final", 3, "v2", "²"]
    assert len(sorted(({"version": version} for version in versions), key=version_key)) == len(versions)


def test_line_of_a_series_joins_only_values_on_the_same_data(tmp_path):
    rows = [
        scored("ner", 0.8, version="1"),
        scored("ner", 0.9, version="2") | {"id": "b" * 64},
        scored("ner", 0.99, version="3", dataset="imdb") | {"id": "c" * 64},
    ]
    page = client_of(rows, tmp_path).get(f"/models/{rows[0]['id']}").get_data(as_text=True)
    assert page.count('r="4.5"') == 2
    assert "F1 on <bdi>conll2003 · test</bdi> over versions, 0.8 to 0.9" in page


# Where, and where it went


def test_old_address_of_a_moved_model_leads_to_the_new_one(tmp_path):
    new = a_model("ner", uri="file:///data/new/ner")
    old = a_model("ner", status="missing", uri="file:///data/old/ner", extra={"moved_to": new["id"]}) | {
        "id": "d" * 64
    }
    client = client_of([new, old], tmp_path)
    answer = client.get(f"/models/{old['id']}")
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/models/{new['id']}?from={old['id']}")
    text = client.get(answer.headers["Location"]).get_data(as_text=True)
    assert "moved here from <code><bdi>/data/old/ner</bdi>" in text
    other = client.get(f"/models/{new['id']}?from={'e' * 64}").get_data(as_text=True)
    assert "moved here" not in other


@pytest.mark.parametrize(
    "typed", ["d" * 64, "d" * 12, f"id:{'d' * 64}", "id:dddddddd", f"http://127.0.0.1:8080/models/{'d' * 12}"]
)
def test_old_id_in_the_search_box_finds_the_model_of_today(tmp_path, typed):
    new = a_model("ner", uri="file:///data/new/ner")
    old = a_model("ner", status="missing", extra={"moved_to": new["id"]}) | {"id": "d" * 64}
    answer = client_of([new, old], tmp_path).get("/api/v1/search", query_string={"q": typed}).json
    assert [model["id"] for model in answer["results"]] == [new["id"]]
    assert answer["canonical"] == f"id:{new['id']}"


def test_model_that_moved_and_is_gone_too_is_shown_where_it_was(tmp_path):
    new = a_model("ner", status="gone")
    old = a_model("ner", status="missing", uri="file:///data/old/ner", extra={"moved_to": new["id"]}) | {
        "id": "d" * 64
    }
    assert client_of([new, old], tmp_path).get(f"/models/{old['id']}").status_code == 200


def test_missing_model_says_since_when_and_where(tmp_path):
    row = a_model("ner", status="missing", uri="file:///data/ner", last_seen="2026-05-03T10:00:00Z")
    text = client_of([row], tmp_path).get(f"/models/{row['id']}").get_data(as_text=True)
    assert "Not seen since 3 May 2026." in text
    assert "/data/ner" in text


# The rest of the page


def test_table_of_values_is_narrowed_without_javascript(web):
    identifier = model_documents()[0]["id"]
    whole = web.get(f"/models/{identifier}").get_data(as_text=True)
    narrowed = web.get(f"/models/{identifier}?values=learning").get_data(as_text=True)
    assert "Learning rate" in narrowed
    assert whole.count("<tr data-row>") > narrowed.count("<tr data-row>") == 1
    nothing = web.get(f"/models/{identifier}?values=zzzz<script>").get_data(as_text=True)
    assert "Nothing here contains these words." in nothing
    assert "zzzz<script>" not in nothing


@pytest.mark.parametrize(
    "address",
    [
        "/",
        "/?view=table&columns=accuracy,wer,params,size,date,lr,epochs,license_kind",
        "/?view=plot&y=accuracy&x=size&dataset=*",
        f"/compare?ids={','.join(row['id'] for row in model_documents()[:4])}",
    ],
)
def test_every_number_leads_to_the_place_that_says_where_it_comes_from(web, address):
    """Of numbers in a list and a table one had to open the model and look for them."""
    places = set(re.findall(r'href="(/models/\w+)#([\w.-]+)" tabindex="-1"', web.get(address).text))
    assert len(places) > 5
    pages = {url: web.get(url).text for url, _ in places}
    assert [(url, place) for url, place in places if f'id="{place}"' not in pages[url]] == []


def test_history_says_what_changed(web):
    text = web.get(f"/models/{model_documents()[0]['id']}").get_data(as_text=True)
    assert "Revision 2" in text
    assert "<del><bdi>unknown</bdi></del> → <ins><bdi>apache-2.0</bdi></ins>" in text


def test_no_score_stands_twice_on_the_first_screen():
    document = scored("ner", 0.9)
    page = model_page(
        StoredModel(id=ModelId(document["id"]), revision=1, document=document, provenance={}), Addresses()
    )
    assert [row.score.metric for row in page.scores] == ["f1"]


def test_preview_of_a_link_says_what_it_is_and_how_good():
    document = scored("ner", 0.9123, task="token-classification", license="mit", size_bytes=1_000_000)
    page = model_page(
        StoredModel(id=ModelId(document["id"]), revision=1, document=document, provenance={}), Addresses()
    )
    assert page.summary == "token-classification · F1 0.912 on conll2003 · 1 MB · mit"
