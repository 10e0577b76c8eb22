"""The page for analysts does what it says: its programs run, unchanged but for the port."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from catalog.dsl.aggregations import _KINDS, _SINGLE
from catalog.dsl.clauses import _COMPOUNDS, _LEAVES
from webui.es.routing import ENDPOINTS

PAGE = Path(__file__).parents[2] / "docs" / "analysts.md"
ADDRESS = 'Elasticsearch("http://127.0.0.1:8080/es")'
TEXT = PAGE.read_text("utf-8")
PROGRAMS = re.findall(r"^```python\n(.*?)^```", TEXT, flags=re.MULTILINE | re.DOTALL)

pytestmark = pytest.mark.filterwarnings("ignore:Elasticsearch built-in security features are not enabled")


def test_programs_of_the_page_run_from_top_to_bottom(door, capsys):
    named: dict[str, object] = {}
    for program in PROGRAMS:
        ready = program.replace(ADDRESS, f'Elasticsearch("{door.url}", api_key=("ada", "first-secret"))')
        exec(compile(ready, str(PAGE), "exec"), named)
    named["client"].close()
    recent = [row for row in door.rows if str(row.get("best_date", "")) >= "2023"]
    table = named["table"]
    assert table["doc_count"].sum() == sum("task" in row for row in recent)
    assert table["largest.value"].max() == max(row.get("parameters", 0) for row in recent if "task" in row)
    accuracies = [row["metrics"]["accuracy"] for row in recent if "accuracy" in row.get("metrics", {})]
    assert table["best.value"].max() == pytest.approx(max(accuracies))
    assert len(named["models"]) == sum(bool(row.get("metrics")) for row in door.rows)
    sizes = sorted((row["parameters"] for row in door.rows if "parameters" in row), reverse=True)
    assert [size for _, size in named["largest"]] == sizes[:5]
    assert named["everything"] == sizes
    assert 0 < named["accurate"] < len(door.rows)
    said = capsys.readouterr().out
    assert "largest" in said
    assert "[regexp] is not allowed here; use prefix." in said


def test_first_program_is_ten_lines():
    lines = [line for line in PROGRAMS[0].splitlines() if line.strip()]
    assert len(lines) <= 10


def test_every_query_aggregation_and_path_is_named():
    kinds = {*_COMPOUNDS, *_LEAVES, *_KINDS, *_SINGLE, "percentiles"}
    assert sorted(kind for kind in kinds if f"`{kind}`" not in TEXT) == []
    assert sorted(path for path in ENDPOINTS if path not in TEXT) == []
