"""Records in the forms of other tools: judged by their schemas, read by their libraries, and read again by a crawl."""

import json
import re

import pytest
import yaml
from cyclonedx.model.bom import Bom
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from fixtures.crawling import safetensors
from fixtures.shelf import model_documents

from catalog.exports.cyclonedx import cyclonedx
from catalog.exports.model_card import model_card
from catalog.testing.documents import documents

ROWS = {f"row{number}": row for number, row in enumerate([*model_documents(), *documents(40)])}
HOSTILE = {
    "id": "f" * 64,
    "name": 'a"b\n---\n# <script>alert(1)</script> [x](javascript:y)',
    "description": "| a | b |\n\n---\n# Head\n`code` *bold*",
    "license": "no SPDX licence, but words: yes",
    "language": ["no", "on", "y"],
    "tags": ["- x", "{a: b}", "#5", "1.10", "é\u202e"],
    "version": "1.10",
    "owner": "null",
    "metrics": {"accuracy": 0.5},
    "evaluations": [
        {"metric": "accuracy", "value": 0.5, "dataset_id": "o: p", "split": "test"},
        {"metric": "loss", "flag": "not-a-number"},
    ],
    "files": [{"key": "a b.pt", "size_bytes": 3}, {"key": "a b.pt", "size_bytes": 3}],
    "task": "fill-mask",
    "library": "transformers",
    "model_type": "bert",
    "architecture": "BertModel",
    "license_name": "words",
    "datasets": ["o/p"],
    "base_model": [{"id": "a/b", "relation": "finetune"}],
    "trained_at": "2024-01-01T00:00:00.000Z",
    "trained_at_precision": "month",
    "created_at": "2024-03-04T05:06:07.000Z",
    "code_version": "0123456789abcdef0123456789abcdef01234567",
    "training": {"learning_rate": 0.5, "epochs": 3},
    "hyperparameters": {"x: y": "z # w", "list": [1, 2]},
}
ALL = {**ROWS, "hostile": HOSTILE, "bare": {"id": "e" * 64}}
READ_BACK = (
    "name",
    "version",
    "license",
    "license_name",
    "language",
    "tags",
    "datasets",
    "task",
    "library",
    "model_type",
    "architecture",
    "owner",
    "base_model",
    "metrics",
    "hyperparameters",
    "trained_at",
    "created_at",
    "code_version",
    "description",
    "training",
)


@pytest.mark.parametrize("name", ALL)
def test_a_bill_of_materials_is_as_its_schema_says_and_its_own_library_reads_it(name):
    text = json.dumps(cyclonedx(ALL[name]))
    error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    assert error is None, error
    bom = Bom.from_json(json.loads(text))
    assert bom.metadata.component.type.value == "machine-learning-model"
    assert bom.metadata.component.name == (ALL[name].get("name") or ALL[name].get("path") or ALL[name]["id"])


@pytest.mark.parametrize("name", ALL)
def test_every_result_of_a_card_has_what_the_hub_asks_for(name):
    """Source: huggingface_hub, repocard_data.py, model_index_to_eval_results: it takes none of them where one lacks a key."""
    head = yaml.safe_load(model_card(ALL[name]).split("\n---\n")[0])
    for model in head["model-index"]:
        assert all(result["task"]["type"] and result["dataset"]["type"] for result in model["results"])
        assert all(result["dataset"]["name"] and result["metrics"] for result in model["results"])


def test_a_bill_of_the_same_revision_is_the_same():
    first, second = (cyclonedx(HOSTILE) for _ in range(2))
    assert first == second
    assert cyclonedx({**HOSTILE, "revision": 2})["serialNumber"] == first["serialNumber"]


@pytest.mark.parametrize(
    ("licence", "written"),
    [
        ("apache-2.0", {"expression": "Apache-2.0"}),
        ("mit OR apache-2.0", {"expression": "MIT OR Apache-2.0"}),
        ("llama2", {"license": {"name": "llama2"}}),
    ],
    ids=["one", "expression", "no-spdx"],
)
def test_a_licence_is_written_as_spdx_spells_it(licence, written):
    assert cyclonedx({**HOSTILE, "license": licence})["metadata"]["component"]["licenses"] == [written]


def crawled(folder, rows):
    """Every row's card beside a model of its own, in one crawl: documents by name of the row."""
    from catalog import plugins
    from catalog.settings import Settings
    from catalog.store import open_store
    from crawler.crawl import crawl
    from crawler.registry import Registry
    from crawler.sources.local import LocalSource

    for number, row in enumerate(rows.values()):
        place = folder / "models" / f"m{number}"
        place.mkdir(parents=True)
        (place / "model.safetensors").write_bytes(safetensors(fill=number))
        (place / "README.md").write_text(model_card(row), "utf-8")
    settings = Settings(home=folder / "home")
    registry = Registry([plugins.load("extractor", name)() for name in ("safetensors", "model-card")])
    with open_store(settings, write=True) as store:
        crawl(store, LocalSource(folder / "models"), settings, registry=registry)
        by_place = {
            stored.document["path"].partition("/")[0]: stored.document for stored in store.records.iterate()
        }
    return {name: by_place[f"m{number}"] for number, name in enumerate(rows)}


@pytest.fixture(scope="module")
def generations(tmp_path_factory):
    """Records, and the records of their exported cards."""
    first = crawled(tmp_path_factory.mktemp("first"), ALL)
    return first, crawled(tmp_path_factory.mktemp("second"), first)


def facts(document):
    """What is measured, whatever file says it."""
    parts = ("metric", "value", "dataset_id", "split")
    return sorted(
        [
            repr([entry.get(part) for part in parts])
            for entry in document.get("evaluations", [])
            if "value" in entry
        ]
    )


@pytest.mark.parametrize("name", ALL)
def test_a_card_that_is_crawled_again_says_what_the_record_said(generations, name):
    before, after = (generation[name] for generation in generations)
    assert {field: after.get(field) for field in READ_BACK} == {
        field: before.get(field) for field in READ_BACK
    }
    assert facts(after) == facts(before)


def test_a_card_of_hostile_values_is_one_card_with_those_values(generations):
    document = generations[0]["hostile"]
    assert document["version"] == "1.10"
    assert document["language"] == ["no", "on", "y"]
    assert "{a: b}" in document["tags"]
    assert document["metrics"] == {"accuracy": 0.5}
    assert document["name"] == " ".join(HOSTILE["name"].split())
    card = model_card(HOSTILE)
    assert card.count("\n---\n") == 1
    assert re.search(r"(?<!\\)<script", card.partition("\n---\n")[2]) is None


def test_the_records_that_are_compared_say_something(generations):
    said = [field for document in generations[0].values() for field in READ_BACK if document.get(field)]
    assert set(READ_BACK) - set(said) == set()
