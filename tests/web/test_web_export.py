"""Whole result sets: complete, without a window, safe to open."""

import csv
import io
import json
import sys

import pytest
from fixtures.shelf import HOSTILE_NAME, model_documents


@pytest.fixture
def present_rows(web_rows):
    """Those that a search finds: what is not there any more has to be asked for."""
    rows = [row for row in web_rows if row["status"] not in {"missing", "gone"}]
    assert 0 < len(rows) < len(web_rows)
    return rows


def test_ndjson_holds_every_matching_model_once(web, present_rows):
    lines = web.get("/api/export.ndjson").text.splitlines()
    ids = [json.loads(line)["id"] for line in lines]
    assert sorted(ids) == sorted(row["id"] for row in present_rows)


def test_what_is_not_there_any_more_is_exported_when_it_is_asked_for(web, web_rows, present_rows):
    lines = web.get("/api/export.ndjson?q=status:missing").text.splitlines()
    absent = {row["id"] for row in web_rows} - {row["id"] for row in present_rows}
    assert {json.loads(line)["id"] for line in lines} == absent


def test_an_export_takes_the_conditions_and_selections_of_the_page(web):
    page = web.get("/api/search?q=accuracy%3E0.5&task=text-classification").json
    lines = web.get("/api/export.ndjson?q=accuracy%3E0.5&task=text-classification").text.splitlines()
    assert 0 < page["total"] == len(lines)


def test_an_export_ignores_page_and_size(web, present_rows):
    assert len(web.get("/api/export.ndjson?page=3&per_page=5").text.splitlines()) == len(present_rows)


def test_csv_has_one_line_per_model_and_columns_from_the_tables(web, present_rows):
    rows = list(csv.DictReader(io.StringIO(web.get("/api/export.csv").text)))
    assert len(rows) == len(present_rows)
    first = next(row for row in rows if row["id"] == model_documents()[0]["id"])
    assert first["parameters"] == "109483778"
    assert first["metrics.accuracy"] == "0.9312"
    assert first["tags"] == "nlp; production"
    assert first["base_model.id"] == "bert-base-uncased"


def test_no_cell_of_a_csv_is_a_formula(web):
    rows = csv.reader(io.StringIO(web.get("/api/export.csv").text))
    cells = [cell for row in rows for cell in row]
    starting = [cell for cell in cells if cell[:1] in {"=", "+", "-", "@", "\t", "\r"} and not _number(cell)]
    assert starting == []
    assert any(cell.startswith("'=cmd") for cell in cells)


def test_an_export_is_a_download_and_never_kept(web):
    for kind, content_type in (("ndjson", "application/x-ndjson"), ("csv", "text/csv")):
        answer = web.get(f"/api/export.{kind}")
        assert answer.mimetype == content_type
        assert "attachment" in answer.headers["Content-Disposition"]
        assert answer.headers["Cache-Control"] == "no-store"
        answer.get_data()


def test_hostile_names_survive_an_export_as_text(web):
    lines = web.get("/api/export.ndjson").text.split("\n")
    names = [json.loads(line)["name"] for line in lines if line]
    assert HOSTILE_NAME in names


def test_an_empty_result_is_an_empty_export(web):
    assert web.get("/api/export.ndjson?q=zzzznothing").text == ""
    assert len(web.get("/api/export.csv?q=zzzznothing").text.splitlines()) == 1


def _number(cell):
    try:
        float(cell)
    except ValueError:
        return False
    return True


def test_an_export_keeps_the_order_that_was_asked_for(web):
    lines = web.get("/api/export.ndjson?sort=-parameters").text.splitlines()
    counts = [json.loads(line).get("parameters") for line in lines]
    known = [count for count in counts if count is not None]
    assert known == sorted(known, reverse=True)
    assert len(set(known)) > 1
    assert counts[: len(known)] == known


def parquet_table(answer):
    from pyarrow import parquet

    assert answer.mimetype == "application/vnd.apache.parquet"
    return parquet.read_table(io.BytesIO(answer.data))


def test_parquet_holds_every_model_in_the_types_of_its_fields(web, present_rows):
    table = parquet_table(web.get("/api/export.parquet"))
    types = {name: str(table.schema.field(name).type) for name in table.column_names}
    assert types["parameters"] == "int64"
    assert types["metrics.accuracy"] == "double"
    assert types["best_date"] == "timestamp[ms, tz=UTC]"
    assert types["tags"] == "list<element: string>"
    rows = {row["id"]: row for row in table.to_pylist()}
    assert rows.keys() == {row["id"] for row in present_rows}
    first = rows[model_documents()[0]["id"]]
    assert (first["parameters"], first["metrics.accuracy"]) == (109_483_778, 0.9312)
    assert first["tags"] == ["nlp", "production"]
    assert first["best_date"].isoformat() == "2024-03-12T10:00:00+00:00"


def test_parquet_of_a_table_has_its_columns_and_its_order(web):
    asked = "view=table&columns=accuracy,max_grad_norm,license&sort=-accuracy&q=has:accuracy"
    table = parquet_table(web.get(f"/api/v1/export.parquet?{asked}"))
    lines = list(csv.DictReader(io.StringIO(web.get(f"/api/export.csv?{asked}").data.decode("utf-8-sig"))))
    assert table.column_names == [
        "name",
        "accuracy",
        "accuracy measured on",
        "max_grad_norm",
        "max_grad_norm as text",
        "license",
        "id",
    ]
    assert table.column("id").to_pylist() == [line["id"] for line in lines]
    assert table.column("accuracy").to_pylist() == [float(line["accuracy"]) for line in lines]
    assert 1.0 in table.column("max_grad_norm").to_pylist()


def test_parquet_of_nothing_is_a_file_without_rows(web):
    assert parquet_table(web.get("/api/export.parquet?q=zzzznothing")).num_rows == 0


def test_values_that_no_column_can_hold_are_left_out_of_a_parquet_file(monkeypatch):
    from fixtures.web import services_over

    from catalog.query.state import SearchState
    from webui.api import parquet as ours

    odd = {
        "id": "a" * 64,
        "name": "half \ud83d",
        "status": "ok",
        "parameters": 3,
        "training": {"epochs": 2.5},
    }
    monkeypatch.setattr(ours, "GROUP_ROWS", 2)  # several row groups of few models
    rows = [odd, *({**odd, "id": f"{number:064x}", "parameters": 2**70} for number in range(4))]
    catalog = services_over(rows[:1]).catalogs.of()
    parts = list(ours._parts(*writer_and_columns(catalog, SearchState()), iter(rows)))
    from pyarrow import parquet

    table = parquet.read_table(io.BytesIO(b"".join(parts)))
    assert table.column("parameters").to_pylist() == [3, None, None, None, None]
    assert table.column("name").to_pylist()[0] == "half \\ud83d"
    assert len(parts) == 4


def writer_and_columns(catalog, state):
    from pyarrow import parquet

    from webui.api import parquet as ours

    return parquet.ParquetWriter, ours._whole_columns(catalog, state)


def test_without_pyarrow_parquet_is_refused_by_name(web, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    answer = web.get("/api/v1/export.parquet")
    assert answer.status_code == 400
    assert "modeldex[parquet]" in answer.json["error"]["advice"]
    assert web.get("/api/v1/export.csv").status_code == 200
