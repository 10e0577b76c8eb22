"""What the box offers while one types."""

import pytest
from fixtures.web import services_over

from catalog.settings import Settings
from webui.app import create_app


def offered(web, text):
    answer = web.get("/api/suggest", query_string={"q": text})
    assert answer.status_code == 200
    return answer.json["suggestions"]


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("acc", "accuracy > "),
        ("bert fram", "bert framework:"),
        ("-lic", "-license:"),
        ("task:text-cl", "task:text-classification"),
        ("bert -license:ap", "bert -license:Apache-2.0"),
        ("license:mit,ap", "license:mit,Apache-2.0"),
        ("has:accu", "has:accuracy"),
        ("para", "parameters > "),
        ("tags:a", 'tags:"a,b:\\"c\\""'),
        ("is:dup", "is:duplicate"),
        ("bert-base-unc", "name:bert-base-uncased-sst2"),
        ("task:text-generation instr", "task:text-generation name:Qwen2.5-7B-Instruct"),
        ("sst", "datasets:sst2"),
        ("max_gr", "max_grad_norm:"),
    ],
)
def test_names_and_values_go_on_from_what_is_typed(web, typed, expected):
    assert expected in [one["text"] for one in offered(web, typed)]


@pytest.mark.parametrize("typed", ["bert", "resn", "task:text-generation qw", "sst"])
def test_names_that_are_offered_lead_to_models(web, typed):
    """Model names and data sets were offered for none of the words that one begins with."""
    things = [one["text"] for one in offered(web, typed) if one["label"] in {"model", "data set"}]
    found = [web.get("/api/search", query_string={"q": text}).json["total"] for text in things]
    assert found
    assert all(found)


def test_hyper_parameters_are_offered_as_what_finds_them(tmp_path):
    """`missing:` and `alpha:` were offered for hyper-parameters of these names, and asked for something else."""
    values = {"alpha": 0.5, "missing": "mean", "max_depth": 3, "lr": 0.1}
    rows = [
        {
            "id": "a" * 64,
            "name": "a",
            "status": "ok",
            "hyperparameters": values,
            "hyperparameter_names": [*values],
        },
        {"id": "b" * 64, "name": "b", "status": "missing", "adapter_alpha": 16},
    ]
    client = create_app(Settings(home=tmp_path), services_over(rows)).test_client()
    told = [one for word in values for one in offered(client, word) if one["label"] == "hyper-parameter"]
    texts = ["hyperparameters.alpha:", "hyperparameters.missing:", "max_depth:"]
    assert [one["text"] for one in told] == texts
    for text in texts:
        answer = client.get("/api/search", query_string={"q": f"has:{text.rstrip(':')}"})
        assert [row["id"] for row in answer.json["results"]] == ["a" * 64]


def test_values_come_with_their_counts_under_the_rest_of_the_query(web):
    everything = {one["label"]: one["count"] for one in offered(web, "task:")}
    narrowed = {one["label"]: one["count"] for one in offered(web, "framework:jax task:")}
    assert sum(narrowed.values()) < sum(everything.values())


@pytest.mark.parametrize(
    "typed",
    [
        "",
        " ",
        '"open quote task:',
        "zzzz",
        "nonsense:x",
        "(((",
        "a" * 10_000,
        "task:\u202e",
        "params:7",
        "::",
        "\x00",
    ],
)
def test_nothing_sensible_offers_nothing_and_never_fails(web, typed):
    assert offered(web, typed) == []


def test_every_offer_begins_with_what_was_typed(web):
    for typed in ("acc", "bert task:", "-fr"):
        assert all(one["text"].startswith(typed) for one in offered(web, typed))
