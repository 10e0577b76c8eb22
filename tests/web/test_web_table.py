"""Results as a table: chosen columns in the address, what a metric was measured on beside it, exports of what is shown."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest


def heads(text):
    head = re.search(r"<thead>(.*?)</thead>", text[text.index("results-table") :], re.DOTALL)[1]
    return [re.sub(r"<[^>]+>|[↑↓]", "", cell).strip() for cell in re.findall(r"<th.*?</th>", head, re.DOTALL)]


def export(web, address):
    answer = web.get(f"/api/export.csv?{address}")
    assert answer.status_code == 200
    return answer.get_data()


def test_the_table_keeps_the_columns_of_its_address_and_their_order(web):
    text = web.get("/?view=table&columns=license,f1,size,owner").text
    assert [head.split("on ")[0].strip() for head in heads(text)][2:] == ["License", "F1", "Size", "Owner"]


def test_arrows_move_a_column_by_one_as_far_as_it_goes(web):
    text = web.get("/?view=table&columns=license,f1,size&q=bert&page=2").text
    moves = re.findall(r'<a href="([^"]+)"[^>]*data-key="((?:left|right)-[^"]+)"', text)
    assert {key: re.search(r"columns=([^&]+)", url)[1] for url, key in moves} == {
        "right-license": "f1%2Clicense%2Csize",
        "left-f1": "f1%2Clicense%2Csize",
        "right-f1": "license%2Csize%2Cf1",
        "left-size": "license%2Csize%2Cf1",
    }
    assert all("page=2" in url and "q=bert" in url for url, _ in moves)


def test_every_link_of_a_table_keeps_the_table(web):
    text = web.get("/?view=table&columns=f1,size&q=bert").text
    toggles = re.findall(r'href="(/\?[^"]*(?:sort|task|page)=[^"]*)" [^>]*data-partial', text)
    assert toggles
    assert all("view=table" in link and "columns=f1%2Csize" in link for link in toggles)


def test_columns_in_which_no_model_found_has_anything_are_not_offered_and_stay_once_chosen(web):
    def offered(query):
        text = web.get("/", query_string={"view": "table", **query}).text
        return set(re.findall(r'name="columns" value="([^"]+)"', text))

    assert "base" in offered({})
    assert "base" not in offered({"q": "missing:base"})
    assert "base" in offered({"q": "missing:base", "columns": "base,f1"})


def test_a_hyper_parameter_and_a_metric_on_one_data_set_are_columns(web):
    row = next(
        csv.DictReader(
            io.StringIO(
                export(
                    web,
                    "q=name:bert-base-uncased-sst2&view=table&columns=max_grad_norm,lr,hyperparameters.lora_alpha",
                ).decode("utf-8-sig")
            )
        )
    )
    assert (row["max_grad_norm"], row["lr"], row["hyperparameters.lora_alpha"]) == ("1.0", "2e-05", "16")


@pytest.mark.parametrize(
    "name", ["", "all_text", "description", "***", "=cmd()", "@", "x" * 5_000, "f1@", "metrics.", "__proto__"]
)
def test_no_column_breaks_a_table(web, name):
    assert web.get("/", query_string={"view": "table", "columns": f"task,{name}"}).status_code == 200
    answer = web.get("/api/export.csv", query_string={"view": "table", "columns": f"task,{name}"})
    assert answer.status_code in {200, 400}


def test_a_table_goes_into_a_spreadsheet_as_it_is_shown(web):
    data = export(web, "view=table&columns=f1,parameters,license_kind&sort=-parameters")
    assert data.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))
    assert list(rows[0]) == ["name", "f1", "f1 measured on", "parameters", "license_kind", "id"]
    assert len(rows) == web.get("/api/search").json["total"]
    counts = [int(row["parameters"]) for row in rows if row["parameters"]]
    assert counts == sorted(counts, reverse=True)
    assert {row["license_kind"] for row in rows} >= {"permissive", ""}


def test_no_cell_of_a_table_is_a_formula(web):
    rows = csv.reader(
        io.StringIO(export(web, "view=table&columns=use_case,owner,tags,task").decode("utf-8-sig"))
    )
    cells = [cell for row in rows for cell in row]
    assert [cell for cell in cells if cell[:1] in {"=", "+", "@", "\t", "\r"}] == []
    assert any(cell.startswith("'=") for cell in cells)


def test_a_table_of_a_page_is_the_beginning_of_its_export(web):
    page = web.get("/?view=table&q=accuracy%3E0.3").text
    address = re.search(r'href="(/api/export\.csv\?[^"]*view=table[^"]*)"', page)[1].replace("&amp;", "&")
    exported = list(csv.DictReader(io.StringIO(web.get(address).get_data().decode("utf-8-sig"))))
    shown = re.findall(r'name="ids" value="([^"]+)"', page)
    assert shown
    assert [row["id"] for row in exported][: len(shown)] == shown
    lines = web.get(address.replace("export.csv", "export.ndjson")).text.splitlines()
    assert [json.loads(line)["id"] for line in lines] == [row["id"] for row in exported]


def test_values_on_other_data_stand_apart_and_the_head_says_so():
    from catalog.query.state import ResultView, SearchState
    from catalog.search.page_state import SearchPage
    from webui.html.table import table_view
    from webui.urls import Addresses

    def model(name, value, dataset, split="test"):
        evaluation = {"metric": "f1", "value": value, "dataset": dataset, "split": split}
        return {"id": name, "name": name, "metrics": {"f1": value}, "evaluations": [evaluation]}

    def table(*hits):
        state = SearchState(view=ResultView(kind="table", columns=("f1",)))
        return table_view(
            SearchPage(state=state, canonical_text="", total=3, page_count=1, hits=hits), Addresses()
        )

    mixed = table(
        model("a", 0.9, "imdb"), model("b", 0.8, "imdb"), model("c", 0.99, "sst2"), model("d", 0.95, "")
    )
    assert [row.cells[0].apart for row in mixed.rows] == [False, False, True, True]
    assert "not comparable" in mixed.heads[0].note
    same = table(model("a", 0.9, "imdb"), model("b", 0.8, "imdb"))
    assert same.heads[0].note == "on imdb/test"
    assert not any(row.cells[0].apart for row in same.rows)
    splits = table(model("a", 0.9, "imdb"), model("b", 0.8, "imdb"), model("c", 0.97, "imdb", "validation"))
    assert [row.cells[0].apart for row in splits.rows] == [False, False, True]


def test_a_column_of_a_metric_on_a_data_set_shows_the_number_that_it_is_sorted_and_filtered_by():
    """Of several splits both take the test split, then validation, whichever the document names first."""
    from catalog.query.document_values import metrics_by_dataset
    from webui.columns import column, number

    splits = ("train", "validation", "test", None)
    rows = [
        {
            "evaluations": [
                {"metric": "f1", "dataset": dataset, "split": split, "value": 0.1 * place + shift}
                for place, split in enumerate(order)
            ]
        }
        for shift, dataset in ((0.0, "conll2003"), (0.5, "imdb"))
        for order in ((first, second) for first in splits for second in splits)
    ]
    compared = [
        (number(row, column(name.removeprefix("metrics."))), value)
        for row in rows
        for name, value in metrics_by_dataset(row["evaluations"]).items()
    ]
    assert len(compared) == len(rows)
    assert [shown for shown, _ in compared] == [sorted_by for _, sorted_by in compared]
