"""A person's values: they win over files, survive crawls, and are set by compare-and-set."""

import json
import subprocess
from pathlib import Path

import pytest
from fixtures.warm_python import warm_python

from catalog.errors import EditRefused, NotRemakable, RevisionConflict
from catalog.recording import making
from catalog.recording.authorship import Authorship
from catalog.recording.changes import change_of
from catalog.recording.edits import checked, edit_model, editable
from catalog.records import ModelId, Origin
from catalog.settings import Settings
from catalog.store import open_store
from catalog.store.batch import RecordBatch

ROOT = Path(__file__).parents[4]
CARD = """---
license: mit
language: en
tags: [x, y]
datasets: [d1]
base_model: a/b
library_name: transformers
pipeline_tag: fill-mask
---
# Net
A network.
"""
VALUES = {
    "adapter.type": "LORA",
    "framework": "onnx",
    "language": ["de"],
    "library": "keras",
    "license": "apache-2.0",
    "origin_framework": "onnx",
    "task": "text-classification",
    "training.precision": "BF16",
    "created_at": "2024-02-03T00:00:00.000Z",
    "released_at": "2024-02-03T00:00:00.000Z",
    "trained_at": "2024-02-03T00:00:00.000Z",
    "training_started_at": "2024-02-03T00:00:00.000Z",
}
BY_TYPE = {"long": 12, "double": 0.5, "boolean": True}


@pytest.fixture
def net(shop):
    """One model with a card, crawled."""
    shop.model("net/model.safetensors")
    shop.put("net/config.json", {"model_type": "bert", "architectures": ["BertModel"]})
    shop.put("net/README.md", CARD)
    shop.crawl()
    return ModelId(shop.documents()["net"]["id"])


def edited(shop, model, clear=(), **values):
    revision = shop.store.records.get(model).revision
    return edit_model(
        shop.store, model, expected=revision, values=values, clear=clear, by=Authorship(made_by="me")
    )


def value_at(document, name):
    head, _, rest = name.partition(".")
    value = document.get(head)
    if rest and isinstance(value, list):
        return [item.get(rest) for item in value]
    return value_at(value or {}, rest) if rest else value


@pytest.mark.parametrize("field", editable(), ids=lambda field: field.name)
def test_what_a_person_says_wins_in_every_field_that_can_be_set(shop, net, field):
    value = VALUES.get(field.name, BY_TYPE.get(field.type, ["p", "q"] if field.list else "some words"))
    edited(shop, net, **{field.name: value})
    model = shop.store.records.get(net)
    assert value_at(model.document, field.name) == value
    said = model.provenance[field.name]
    assert {winner.observation.origin for winner in said.winners} == {Origin.EDIT}
    assert all(loser.observation.origin is not Origin.EDIT for loser in said.losers)


def test_an_edit_survives_crawls_and_gives_way_when_it_is_cleared(shop, net):
    edited(shop, net, license="apache-2.0", tags=["mine"])
    assert shop.crawl().counts["changed"] == 0
    shop.put("net/README.md", CARD.replace("mit", "bsd-3-clause"))
    shop.crawl()
    shop.crawl(reread=True)
    document = shop.documents()["net"]
    assert (document["license"], document["tags"]) == ("apache-2.0", ["mine"])
    edited(shop, net, clear=["license", "tags"])
    document = shop.documents()["net"]
    assert (document["license"], document["tags"]) == ("bsd-3-clause", ["x", "y"])
    assert [revision.made_by for revision in shop.store.records.history(net)] == [
        "crawl",
        "edit",
        "crawl",  # the card has another size
        "edit",
    ]


def test_free_names_are_set_below_extra_and_hyperparameters(shop, net):
    edited(shop, net, **{"extra.ticket": "A-7", "hyperparameters.my_rate": "0.5"})
    document = shop.documents()["net"]
    assert document["extra"]["ticket"] == "A-7"
    assert document["hyperparameters"]["my_rate"] == 0.5


def test_the_loser_of_two_edits_is_told_and_nothing_of_his_happens(shop, net):
    first = edit_model(
        shop.store, net, expected=1, values={"license": "bsd-3-clause"}, by=Authorship(made_by="one")
    )
    assert first == 2
    with pytest.raises(RevisionConflict, match="is at revision 2 by now, not 1") as told:
        edit_model(
            shop.store,
            net,
            expected=1,
            values={"license": "isc", "task": "ner"},
            by=Authorship(made_by="two"),
        )
    assert (told.value.model, told.value.expected, told.value.present) == (net, 1, 2)
    assert shop.documents()["net"]["license"] == "bsd-3-clause"
    assert [edit.made_by for edit in shop.store.edits.of([net])[net]] == ["one"]


def test_an_edit_that_says_what_is_there_makes_no_revision(shop, net):
    edited(shop, net, license="isc")
    edited(shop, net, license="mit")
    before = shop.store.records.get(net).revision
    assert edited(shop, net, license="MIT") == before


@pytest.mark.parametrize(
    ("values", "clear", "told"),
    [
        ({"parameters": 5}, (), "parameters is measured or made by Modeldex"),
        ({"content_hash": "x"}, (), "content_hash is measured"),
        ({"metrics": {"accuracy": 1}}, (), "metrics is measured or made"),
        ({"licence": "mit"}, (), "no field 'licence', did you mean license?"),
        ({"": "x"}, (), "there is no field ''"),
        ({"extra.": "x"}, (), "there is no field 'extra.'"),
        ({"license": None}, (), "license has no value"),
        ({"context_length": "many"}, (), "context_length cannot be 'many' (not-a-number)"),
        ({"created_at": "some day"}, (), "created_at cannot be 'some day' (date-"),
        ({"task": "x" * 200_000}, (), "longer than 100,000 characters"),
        ({"license": "mit"}, ("license",), "license is both set and cleared"),
        ({}, ("sise",), "there is no field 'sise'"),
        (
            {"parameters": 1, "licence": "x"},
            (),
            "parameters is measured or made by Modeldex and cannot be set; there",
        ),
    ],
)
def test_what_cannot_be_set_is_refused_with_all_its_reasons(values, clear, told):
    with pytest.raises(EditRefused) as refused:
        checked(values, clear)
    assert told in str(refused.value)


def test_a_secret_is_masked_before_it_is_kept(shop, net):
    edited(shop, net, description="use hf_abcdefghijklmnopqrstuvwxyz012345 to load")
    (kept,) = shop.store.edits.of([net])[net]
    assert "hf_abc" not in kept.value
    assert "[masked]" in kept.value


def test_a_model_that_is_gone_or_elsewhere_cannot_be_edited(shop, net):
    shop.model("kept.safetensors", values=9)
    shop.crawl()
    (shop.root / "net").rename(shop.root / "new")
    shop.crawl()
    with pytest.raises(NotRemakable, match="it is elsewhere now"):
        edited(shop, net, license="isc")
    assert shop.store.edits.of([net]) == {}


def test_an_edit_made_while_the_crawl_normalises_is_not_lost(shop, net, monkeypatch):
    """The crawl read the edits of its page before; the record that it commits must show this one, too."""
    made = []

    def slow(group, **options):
        change = change_of(group, **options)
        if not made:
            made.append(edited(shop, net, license="isc"))
        return change

    shop.put("net/README.md", CARD.replace("A network.", "Another one."))
    monkeypatch.setattr(making, "change_of", slow)
    shop.crawl()
    assert made
    document = shop.documents()["net"]
    assert document["license"] == "isc"
    assert document["description"] == "Another one."


@pytest.fixture
def run(shop, net):
    shop.store.close()

    def run(*arguments):
        program = [*warm_python(), "-m", "catalog", "--home", str(shop.settings.home), *arguments]
        return subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)

    return run


def test_the_command_sets_typed_values_and_the_index_follows(run, shop, net):
    done = run(
        "edit", net[:12], "license=apache-2.0", "training.epochs=3", "tags=a, b", 'language=["de","fr"]',
        "context_length=4096", "extra.ticket=A-7",
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"net is at revision 2. See it with: modeldex show {net[:12]}\n"
    (document,) = json.loads(run("search", "license:apache-2.0 tags:b", "--json").stdout)
    assert document["training"]["epochs"] == 3
    assert (document["language"], document["context_length"]) == (["de", "fr"], 4096)
    assert run("edit", "net", "--clear", "license").returncode == 0
    assert "license:apache-2.0" not in run("search", "license:mit", "--json").stdout
    assert json.loads(run("search", "license:mit", "--json").stdout)[0]["id"] == net
    assert "edit by" in run("show", net[:12]).stdout


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["net"], 2, "Nothing to change. Give FIELD=VALUE, or --clear FIELD."),
        (["net", "license"], 2, "'license' sets nothing."),
        (["net", "size_bytes=4"], 2, "size_bytes is measured or made by Modeldex and cannot be set."),
        (["net", "tags=[1"], 2, "begins like a JSON list and is none"),
        (["nothing", "license=mit"], 2, "No model has the id or name 'nothing'."),
        (
            ["net", "license=isc", "--revision", "7"],
            1,
            "is at revision 1 by now, not 7, and nothing was changed.",
        ),
    ],
    ids=["nothing", "no-value", "measured", "json", "unknown", "conflict"],
)
def test_the_command_says_in_one_sentence_what_is_wrong(run, arguments, code, told):
    done = run("edit", *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert told in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_model_of_an_older_store_says_that_it_must_be_crawled_once(shop, net):
    from sqlalchemy import update

    from catalog.store.tables import records

    with shop.store._engine.begin() as connection:
        connection.execute(update(records).values(grouping=None))
    with pytest.raises(NotRemakable, match="Crawl its folder once with: modeldex crawl FOLDER"):
        edited(shop, net, license="isc")
    assert shop.store.edits.of([net]) == {}
    with open_store(Settings(home=shop.settings.home), write=False) as store:
        assert store.records.get(net).revision == 1


def test_of_many_settings_changed_at_once_the_record_is_read_once(shop, net, monkeypatch):
    """It was read for each of them: 2,000 took 36 s, in which nobody else could write."""
    read = []
    plain = RecordBatch.provenance
    monkeypatch.setattr(
        RecordBatch, "provenance", lambda self, model: (read.append(model), plain(self, model))[1]
    )
    edited(shop, net, **{f"hyperparameters.a{number}": number for number in range(40)})
    assert len(read) == 1
    assert len(shop.documents()[next(iter(shop.documents()))]["hyperparameters"]) >= 40
