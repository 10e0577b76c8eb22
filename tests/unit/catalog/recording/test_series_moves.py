"""Stages and aliases: one model of a series has them at a time, and giving them to another is one step."""

import pytest

from catalog.errors import EditRefused, NotAllowed
from catalog.recording.authorship import Authorship
from catalog.recording.edits import Target, edit_model, edit_models, undo_batch
from catalog.recording.field_changes import Action, FieldChange
from catalog.records import ModelId
from catalog.records.accounts import Happening

CHAMPION = FieldChange(field="aliases", action=Action.ADD, value=["champion"])
PRODUCTION = FieldChange(field="stage", value="Production")


@pytest.fixture
def series(shop):
    """Three versions of one name, and a model of another."""
    for version in ("1", "2", "3"):
        shop.model(f"fraud-{version}/model.safetensors", fill=float(version))
        shop.put(f"fraud-{version}/modeldex.yaml", f"name: fraud\nversion: '{version}'\n")
    shop.model("spam/model.safetensors", fill=9.0)
    shop.crawl()
    return {folder(path): ModelId(document["id"]) for path, document in shop.documents().items()}


def give(shop, model, change, *, by=None, **options):
    revision = shop.store.records.get(model).revision
    by = by or Authorship(made_by="ada")
    return edit_model(shop.store, model, expected=revision, changes=[change], by=by, **options)


def said(shop, field):
    documents = shop.documents().items()
    return {folder(path): document[field] for path, document in documents if field in document}


def folder(path):
    return path.partition("/")[0]


def test_an_alias_leaves_the_model_of_the_series_that_has_it_in_the_same_step(shop, series):
    give(shop, series["spam"], CHAMPION)
    give(shop, series["fraud-1"], CHAMPION)
    give(shop, series["fraud-2"], CHAMPION, by=Authorship(made_by="ada", batch="move"))
    assert said(shop, "aliases") == {"fraud-2": ["champion"], "spam": ["champion"]}
    assert [model for model, _ in shop.store.edits.batch("move")] == sorted(
        [series["fraud-1"], series["fraud-2"]]
    )
    undo_batch(shop.store, "move", by=Authorship(made_by="ada", batch="back"))
    assert said(shop, "aliases") == {"fraud-1": ["champion"], "spam": ["champion"]}


def test_the_model_in_production_is_archived_by_its_successor_whatever_the_spelling(shop, series):
    give(shop, series["fraud-1"], PRODUCTION)
    give(shop, series["fraud-2"], FieldChange(field="stage", value="staging"))
    give(shop, series["fraud-3"], FieldChange(field="stage", value="PRODUCTION"))
    assert said(shop, "stage") == {"fraud-1": "archived", "fraud-2": "staging", "fraud-3": "production"}


@pytest.mark.parametrize("stage", ["archived", "shadow"])
def test_other_stages_are_had_by_several(shop, series, stage):
    for path in ("fraud-1", "fraud-2"):
        give(shop, series[path], FieldChange(field="stage", value=stage))
    assert said(shop, "stage") == {"fraud-1": stage, "fraud-2": stage}


def test_two_are_in_production_where_that_is_asked_for(shop, series):
    give(shop, series["fraud-1"], PRODUCTION)
    give(shop, series["fraud-2"], PRODUCTION, beside=True)
    assert said(shop, "stage") == {"fraud-1": "production", "fraud-2": "production"}


def test_a_move_is_one_line_of_the_audit_that_names_who_lost(shop, series):
    give(shop, series["fraud-1"], PRODUCTION)

    def tell(_document, revision):
        return Happening(
            actor="ada", action="models.edit", resource="x", origin="test", after={"revision": revision}
        )

    give(shop, series["fraud-2"], PRODUCTION, tell=tell)
    (line,) = shop.store.audit.latest(10)
    assert line.happening.after["taken_from"] == [series["fraud-1"]]


def test_an_alias_given_to_two_models_of_a_series_at_once_is_refused_whole(shop, series):
    targets = [
        Target(model=model, revision=shop.store.records.get(model).revision) for model in series.values()
    ]
    with pytest.raises(EditRefused, match=r"'champion'.*'fraud' has several"):
        edit_models(shop.store, targets, [CHAMPION], by=Authorship(made_by="ada", batch="many"))
    assert said(shop, "aliases") == {}


def test_one_model_each_of_several_series_get_an_alias_by_one_edit(shop, series):
    give(shop, series["fraud-1"], CHAMPION)
    targets = [
        Target(model=series[path], revision=shop.store.records.get(series[path]).revision)
        for path in ("fraud-2", "spam")
    ]
    edit_models(shop.store, targets, [CHAMPION], by=Authorship(made_by="ada", batch="many"))
    assert said(shop, "aliases") == {"fraud-2": ["champion"], "spam": ["champion"]}


def test_undoing_an_older_move_leaves_the_alias_with_whom_has_it_since(shop, series):
    give(shop, series["fraud-1"], CHAMPION)
    give(shop, series["fraud-2"], CHAMPION, by=Authorship(made_by="ada", batch="older"))
    give(shop, series["fraud-3"], CHAMPION)
    outcome = undo_batch(shop.store, "older", by=Authorship(made_by="ada", batch="back"))
    assert said(shop, "aliases") == {"fraud-3": ["champion"]}
    assert "another model of its series has the aliases 'champion' since" in outcome.left[series["fraud-1"]]


def test_what_is_taken_from_must_be_the_authors_to_change(shop, series):
    def is_other(document):
        return folder(document["path"]) != "fraud-1"

    give(shop, series["fraud-1"], PRODUCTION)
    with pytest.raises(NotAllowed, match="take the stage 'production'"):
        give(shop, series["fraud-2"], PRODUCTION, by=Authorship(made_by="ada", may_edit=is_other))
    give(shop, series["fraud-2"], PRODUCTION, by=Authorship(made_by="ada", sees=is_other))
    assert said(shop, "stage") == {"fraud-1": "production", "fraud-2": "production"}
