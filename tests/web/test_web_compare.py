"""Models side by side: differences first, the best only where values were measured alike, inert text everywhere."""

from __future__ import annotations

import re

import pytest
from fixtures.shelf import HOSTILE_NAME, model_documents
from fixtures.web import services_over

from catalog.settings import Settings
from webui.app import create_app
from webui.html.compare import compare_page
from webui.urls import Addresses

IDS = [row["id"] for row in model_documents()]


def compared(*documents):
    return compare_page(documents, (), Addresses())


def model(name, value=None, dataset="imdb", split="test", **more):
    if value is None:
        return {"id": name, "name": name, **more}
    entry = {"metric": "f1", "value": value, "dataset": dataset, "split": split}
    return {"id": name, "name": name, "metrics": {"f1": value}, "evaluations": [entry], **more}


def best(page):
    return {
        (row.note, page.models[place].name)
        for section in page.sections
        for row in section.rows
        for place, cell in enumerate(row.cells)
        if cell.best
    }


@pytest.mark.parametrize(
    ("models", "expected"),
    [
        ([model("a", 0.9), model("b", 0.8)], {("on imdb/test", "a")}),
        ([model("a", 0.9), model("b", 0.9), model("c", 0.7)], {("on imdb/test", "a"), ("on imdb/test", "b")}),
        ([model("a", 0.9), model("b", 0.9)], set()),
        ([model("a", 0.9), model("b", 0.95, dataset="sst2")], set()),
        ([model("a", 0.9), model("b", 0.95, split="validation")], set()),
        ([model("a", 0.9, split=""), model("b", 0.95, split="")], set()),
        ([model("a", 0.9, dataset=""), model("b", 0.95, dataset="")], set()),
        ([model("a", 0.9), model("b")], set()),
    ],
    ids=["alike", "tie", "equal", "data set", "split", "no split", "no data set", "alone"],
)
def test_the_best_is_marked_only_where_metric_data_set_and_split_agree(models, expected):
    assert best(compared(*models)) == expected


def test_of_an_error_the_lowest_value_is_the_best():
    pair = [
        {**model(name), "metrics": {"wer": value}, "evaluations": [{"metric": "wer", "value": value, "dataset": "d", "split": "test"}]}
        for name, value in (("a", 0.3), ("b", 0.1))
    ]  # fmt: skip
    assert best(compared(*pair)) == {("on d/test", "b")}


def test_rows_that_are_equal_are_folded_and_what_is_unknown_is_no_agreement():
    page = compared(model("a", license="mit", task="ner"), model("b", license="mit"))
    about = next(section for section in page.sections if section.title == "About")
    assert [row.label for row in about.equal_rows] == ["License"]
    assert [row.label for row in about.rows] == ["Task"]


def test_of_a_hash_its_beginning_is_shown_and_all_of_it_told():
    """Two columns of hashes were five lines high, and said no more than that they differ."""
    page = compared(model("a", content_hash="a" * 64), model("b", content_hash="b" * 64))
    row = next(row for section in page.sections for row in section.rows if row.label == "Content hash")
    assert [(cell.text, cell.exact) for cell in row.cells] == [(f"{c * 12}…", c * 64) for c in "ab"]


@pytest.mark.parametrize(
    ("second", "labels"),
    [("trained_at", ["Trained"]), ("created_at", ["Date", "Trained", "Created"])],
    ids=["all trained", "one created"],
)
def test_a_date_that_repeats_another_is_not_shown_again(second, labels):
    page = compared(
        model("a", trained_at="2024-05-01T00:00:00Z", best_date="2024-05-01T00:00:00Z"),
        model("b", **{second: "2023-05-01T00:00:00Z"}, best_date="2023-05-01T00:00:00Z"),
    )
    dates = next(section for section in page.sections if section.title == "Dates")
    assert sorted(row.label for row in dates.rows) == sorted(labels)


def test_hyper_parameters_and_requirements_stand_side_by_side_by_name():
    page = compared(
        model("a", hyperparameters={"dropout": 0.1, "nesterov": True}, dependencies=["torch==2.1", "numpy"]),
        model(
            "b",
            hyperparameters={"dropout": 0.3, "nesterov": False, "lora": {"r": 8}},
            dependencies=["torch>=2.2", "numpy"],
        ),
    )
    rows = {row.label: [cell.text for cell in row.cells] for section in page.sections for row in section.rows}
    assert rows["dropout"] == ["0.1", "0.3"]
    assert rows["nesterov"] == ["yes", "no"]  # as on the page of a model
    assert rows["lora.r"] == ["", "8"]
    assert rows["torch"] == ["==2.1", ">=2.2"]
    assert "numpy" not in rows


def test_what_is_told_of_models_among_others_leads_to_a_place_that_their_pages_have():
    """The index alone knows which is the latest: its link led to a row that no model's page had."""
    told = {"flags": ["latest"], "locations": ["file:///a", "file:///b"], "task": "ner"}
    page = compared(model("a", **told), model("b", task="ner"))
    rows = {row.label: row.place for section in page.sections for row in (*section.rows, *section.equal_rows)}
    assert rows == {"Flags": "values", "Locations": "values", "Task": "value-task"}


def test_an_ambiguous_name_says_what_tells_the_models_apart(tmp_path):
    """Two ids that begin alike, or two models of one name, were "No model has the id …"."""
    ids = [f"abcdef{letter}" + "0" * 57 for letter in "123"]
    rows = [
        model(name, id=key, uri=f"file:///{key}")
        for name, key in zip(("twin", "twin", "c"), ids, strict=True)
    ]
    client = create_app(Settings(home=tmp_path), services_over(rows)).test_client()
    said = client.get(f"/compare?ids=abcdef,{ids[2]}").text
    assert "Several ids begin with abcdef. Write more of the one you mean, as in abcdef1 or abcdef2." in said
    assert "as in abcdef1 or abcdef2" in client.get("/models/abcdef").text
    assert client.get("/models/abcdef").status_code == 404
    assert "Compare 2 models" in client.get("/compare?ids=abcdef1,abcdef3").text


def test_a_shared_base_is_said_first():
    base = [{"id": "bert-base", "relation": "finetune"}]
    assert compared(model("a", base_model=base), model("b", base_model=base)).sentences == (
        "All derive from bert-base.",
    )


def test_the_form_of_the_results_leads_to_one_address(web):
    answer = web.get(f"/compare?ids={IDS[0]}&ids={IDS[1]}")
    assert answer.status_code == 302
    assert answer.location.endswith(f"/compare?ids={IDS[0]},{IDS[1]}")
    page = web.get(answer.location)
    assert page.status_code == 200
    assert web.get(answer.location, headers={"If-None-Match": page.headers["ETag"]}).status_code == 304


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("", "Choose two to six models"),
        ("ids=", "Choose two to six models"),
        (f"ids={IDS[0]}", "One model alone"),
        (f"ids={IDS[0]},nothing", "No model has the id nothing"),
        (f"ids={IDS[0][:12]},{IDS[1]}", "Compare 2 models"),
        (f"ids={','.join(IDS[:6])},a,b", "Only the first 6 of 8"),
        ("ids=" + "," * 5_000, "Choose two to six models"),
        ("ids=%3Cscript%3E,%00", "No model has the id"),
        (f"ids={IDS[0][:4]},{IDS[1]}", "the beginning of an id has 6 letters or more"),
    ],
)
def test_whatever_is_to_be_compared_there_is_a_page(web, address, said):
    answer = web.get(f"/compare?{address}")
    assert answer.status_code == 200
    assert said in answer.text


def test_hostile_models_are_inert_in_page_and_markdown(web):
    hostile = next(row["id"] for row in model_documents() if row["name"] == HOSTILE_NAME)
    text = web.get(f"/compare?ids={hostile},{IDS[0]}").text
    assert "<script>alert" not in text
    assert "<img src=x" not in text
    page = compared(model("a|b](javascript:x)<b>", license="*|`"), model("plain", license="mit"))
    lines = page.markdown.splitlines()
    assert all(line.replace("\\|", "").count("|") == 4 for line in lines)
    assert "](" not in page.markdown.replace("\\](", "")


def test_what_one_model_alone_reports_hides_nothing_that_can_be_compared():
    rich = model("a", 0.9)
    names = [f"own_{number}" for number in range(12)]
    rich["metrics"] |= dict.fromkeys(names, 1.0)
    page = compared(rich, model("b", 0.8))
    metrics = page.sections[0]
    assert [row.label for row in metrics.rows] == ["F1"]
    assert {row.label for row in metrics.single_rows} == set(names)
    assert page.single_count == len(names)
    assert all(name.replace("_", "\\_") in page.markdown for name in names)


def test_one_model_alone_offers_others_to_compare_it_with(web):
    page = web.get(f"/compare?ids={IDS[0]}").text
    offered = re.findall(r'type="checkbox" name="ids" value="(\w+)"', page)
    assert offered
    assert IDS[0] not in offered
    assert web.get(f"/compare?ids={IDS[0]}&ids={offered[0]}").status_code == 302
