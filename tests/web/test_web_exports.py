"""A model in the forms of other tools, by address and by command."""

import json

import pytest
from click.testing import CliRunner
from fixtures.crawling import safetensors
from fixtures.shelf import model_documents

from catalog.cli import cli
from catalog.exports.cyclonedx import cyclonedx
from catalog.exports.model_card import model_card
from catalog.exports.withheld import without

FIRST = model_documents()[0]


@pytest.mark.parametrize(
    ("name", "kind"),
    [("card.md", "text/markdown"), ("cyclonedx.json", "application/vnd.cyclonedx+json")],
)
def test_a_model_is_had_in_forms_of_other_tools(web, name, kind):
    answer = web.get(f"/api/models/{FIRST['id'][:12]}/{name}")
    assert (answer.status_code, answer.mimetype) == (200, kind)
    document = web.get(f"/api/models/{FIRST['id']}").json["document"]
    if name == "card.md":
        assert answer.text == model_card(document)
    else:
        assert answer.json == cyclonedx(document)
    again = web.get(
        f"/api/models/{FIRST['id'][:12]}/{name}", headers={"If-None-Match": answer.headers["ETag"]}
    )
    assert again.status_code == 304
    assert web.get(f"/api/models/nothing/{name}").status_code == 404


def test_the_page_of_a_model_links_to_its_card_and_its_bill_of_materials(web):
    page = web.get(f"/models/{FIRST['id']}").text
    for name in ("card.md", "cyclonedx.json"):
        assert f'href="/api/models/{FIRST["id"]}/{name}" download' in page


@pytest.fixture
def home(tmp_path):
    (tmp_path / "models").mkdir()
    (tmp_path / "models/net.safetensors").write_bytes(safetensors())
    (tmp_path / "models/net.modeldex.json").write_text('{"license": "mit", "metrics": {"accuracy": 0.9}}')
    assert run(tmp_path, "crawl", str(tmp_path / "models")).exit_code == 0
    return tmp_path


def run(folder, *arguments):
    return CliRunner().invoke(cli, ["--home", str(folder / "home"), *arguments])


def test_the_commands_write_a_card_and_a_bill(home):
    assert "license: mit\n" in run(home, "export", "card", "net").stdout
    bill = json.loads(run(home, "export", "cyclonedx", "net").stdout)
    assert bill["metadata"]["component"]["licenses"] == [{"expression": "MIT"}]


def test_the_command_writes_the_site_of_a_query(home):
    done = run(home, "export", "site", str(home / "site"), "--query", "accuracy>0.5", "--json")
    assert json.loads(done.stdout) == {"page": (home / "site/index.html").as_uri(), "models": 1}
    refused = run(home, "export", "site", str(home / "other"), "--query", "accuracy>nine")
    assert refused.exit_code != 0
    assert not (home / "other").exists()


def test_what_a_source_calls_sensitive_leaves_in_no_form(home):
    name = str(home / "models")
    changed = run(home, "sources", "set", name, "--sensitive", "license", "--sensitive", "metrics")
    assert changed.exit_code == 0, changed.output
    run(home, "export", "site", str(home / "secret"))
    (page,) = (home / "secret/models").iterdir()
    card = run(home, "export", "card", "net").stdout
    assert ("license" in card, "accuracy" in card) == (False, False)
    assert "licenses" not in run(home, "export", "cyclonedx", "net").stdout
    assert '"license"' not in (home / "secret/models.js").read_text()
    assert "<td>mit" not in page.read_text()


@pytest.mark.parametrize(
    ("name", "left"),
    [
        ("license", {"training": {"seed": 1, "epochs": 2}, "base_model": [{"id": "a", "relation": "b"}]}),
        (
            "training.seed",
            {"license": "mit", "training": {"epochs": 2}, "base_model": [{"id": "a", "relation": "b"}]},
        ),
        (
            "base_model.id",
            {"license": "mit", "training": {"seed": 1, "epochs": 2}, "base_model": [{"relation": "b"}]},
        ),
    ],
)
def test_a_field_is_withheld_wherever_it_stands(name, left):
    document = {
        "license": "mit",
        "training": {"seed": 1, "epochs": 2},
        "base_model": [{"id": "a", "relation": "b"}],
    }
    assert without(document, [name]) == left
