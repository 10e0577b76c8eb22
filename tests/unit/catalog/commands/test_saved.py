"""`modeldex saved` and `modeldex search --saved`: for scripts and CI."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from fixtures.crawling import safetensors
from fixtures.shell import run

from catalog.access.opening import open_catalog
from catalog.access.principals import READER
from catalog.access.saved_searches import SavedSearches, state_of
from catalog.query.state import SearchState
from catalog.settings import Settings


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A catalog of two models with accuracies."""
    root, home = tmp_path_factory.mktemp("models"), tmp_path_factory.mktemp("home")
    for name, accuracy in (("good", 0.95), ("fair", 0.7)):
        (root / name).mkdir()
        (root / name / "model.safetensors").write_bytes(safetensors(fill=accuracy))
        (root / name / "README.md").write_text(
            f"---\nmodel-index:\n- name: {name}\n  results:\n  - task: {{type: text-classification}}\n"
            f"    dataset: {{name: imdb, type: imdb, split: test}}\n    metrics:\n    - {{type: accuracy, value: {accuracy}}}\n---\n"
        )
    assert run("--home", str(home), "crawl", str(root)).exit_code == 0
    return str(home)


def test_saved_search_is_asked_again_by_name_and_gates_a_script(home):
    assert run("--home", home, "saved", "add", "Good ones", "accuracy > 0.9").exit_code == 0
    asked = run("--home", home, "search", "--saved", "good-ones", "--json", "--fail-if-empty")
    assert asked.exit_code == 0
    assert [row["name"] for row in json.loads(asked.stdout)] == ["good"]
    assert (
        run("--home", home, "search", "--saved", "Good ones", "name:fair", "--fail-if-empty").exit_code == 1
    )
    unknown = run("--home", home, "search", "--saved", "nothing", "--fail-if-empty")
    assert unknown.exit_code == 2
    assert "Good ones" in unknown.stderr


def test_saved_searches_are_listed_changed_and_removed(home):
    run("--home", home, "saved", "add", "Fair", "accuracy < 0.9", "--share")
    (row,) = [
        row
        for row in json.loads(run("--home", home, "saved", "list", "--json").stdout)
        if row["name"] == "Fair"
    ]
    assert row["shared"]
    assert row["query"] == "q=accuracy%3C0.9"
    assert (
        run("--home", home, "saved", "edit", "fair", "--name", "All", "--query", "accuracy>0").exit_code == 0
    )
    news = json.loads(run("--home", home, "saved", "show", "all", "--json").stdout)["news"]
    assert (news["total"], news["new"], news["gone"]) == (2, 0, 0)
    assert news["best"]["value"] == 0.95
    assert run("--home", home, "saved", "seen", "all").exit_code == 0
    assert run("--home", home, "saved", "remove", "all").exit_code == 0
    assert run("--home", home, "saved", "show", "all").exit_code == 2


def test_another_query_leaves_the_facets_and_the_order_of_a_saved_search(home):
    """They were dropped without a word: the search told of models that nobody had chosen."""
    chosen = SearchState(text="accuracy>0.5", selections={"framework": ("pytorch",)}, sort="-size")
    searches = SavedSearches(Settings(home=Path(home)), READER.get().id)
    with open_catalog(Settings(home=Path(home))) as catalog:
        searches.add("Chosen", chosen, catalog)
    edited = run("--home", home, "saved", "edit", "Chosen", "--query", "accuracy>0.9")
    assert "accuracy>0.9 framework:pytorch sort:-size" in edited.stderr
    assert state_of(searches.named("Chosen")) == replace(chosen, text="accuracy>0.9")
    assert run("--home", home, "saved", "edit", "Chosen", "--sort", "", "--drop-facets").exit_code == 0
    assert state_of(searches.named("Chosen")) == SearchState(text="accuracy>0.9")


def test_taken_name_is_refused(home):
    run("--home", home, "saved", "add", "Twice", "bert")
    again = run("--home", home, "saved", "add", "twice", "bert")
    assert again.exit_code == 2
    assert "already" in again.stderr


def test_query_that_is_not_understood_is_not_kept(home):
    """It was kept without a word, and asked for all models wherever a notice is read by nobody."""
    added = run("--home", home, "saved", "add", "Sized", "size:abc")
    assert added.exit_code == 2
    assert "'abc'" in added.stderr
    run("--home", home, "saved", "add", "Kept", "accuracy > 0.8")
    assert run("--home", home, "saved", "edit", "Kept", "--query", "size:abc").exit_code == 2
    rows = {
        row["name"]: row["query"] for row in json.loads(run("--home", home, "saved", "list", "--json").stdout)
    }
    assert rows["Kept"] == "q=accuracy%3E0.8"
    assert "Sized" not in rows


def test_model_that_is_no_longer_found_is_told_by_its_name(home):
    """It was told by the beginning of its id, which nobody knows."""
    (model,) = json.loads(run("--home", home, "search", "name:good", "--json").stdout)
    assert run("--home", home, "edit", model["id"], "owner=ann").exit_code == 0
    run("--home", home, "saved", "add", "Of Ann", "owner:ann")
    assert run("--home", home, "edit", model["id"], "owner=bob").exit_code == 0
    told = run("--home", home, "saved", "show", "of-ann").stdout
    assert f"  - good  {model['id'][:12]}" in told.splitlines()
