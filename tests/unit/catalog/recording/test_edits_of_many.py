"""One change of many models is one batch: told who was left, undone in one go, and never against what came later."""

import pytest

from catalog.access.edits_in_force import edits_in_force
from catalog.errors import EditRefused, UserError
from catalog.recording.authorship import Authorship, new_batch
from catalog.recording.edits import Target, edit_model, edit_models, undo_batch
from catalog.recording.field_changes import Action, FieldChange
from catalog.records import ModelId
from catalog.records.leaves import value_at

CARD = "---\nlicense: mit\ntags: [x, y]\n---\n# Net\n"
LICENSE = FieldChange(field="license", value="apache-2.0")
TAG = FieldChange(field="tags", action=Action.ADD, value=["prod"])


@pytest.fixture
def nets(shop):
    """Four crawled models, by place."""
    for number in range(4):
        shop.model(f"n{number}/model.safetensors", values=4 + number)
        shop.put(f"n{number}/README.md", CARD)
    shop.crawl()
    return [ModelId(shop.documents()[path]["id"]) for path in sorted(shop.documents())]


def targets(shop, models):
    return [Target(model=model, revision=shop.store.records.get(model).revision) for model in models]


def of(shop, model, name):
    return shop.store.records.get(model).document.get(name)


def test_a_batch_is_undone_in_one_go_where_nobody_changed_it_since(shop, nets):
    first = edit_model(
        shop.store, nets[0], expected=1, values={"license": "isc"}, by=Authorship(made_by="ann")
    )
    assert first == 2
    batch = new_batch()
    done = edit_models(
        shop.store, targets(shop, nets), [LICENSE, TAG], by=Authorship(made_by="bob", batch=batch)
    )
    assert (len(done.changed), done.left) == (4, {})
    later = shop.store.records.get(nets[3]).revision
    edit_model(
        shop.store, nets[3], expected=later, values={"license": "bsd-3-clause"}, by=Authorship(made_by="ann")
    )
    shop.crawl(reread=True)
    undone = undo_batch(shop.store, batch, by=Authorship(made_by="bob"))
    assert sorted(undone.changed) == sorted(nets)
    assert undone.left == {nets[3]: "license changed since"}
    assert [of(shop, model, "license") for model in nets] == ["isc", "mit", "mit", "bsd-3-clause"]
    assert [of(shop, model, "tags") for model in nets] == [["x", "y"]] * 4
    again = undo_batch(shop.store, undone.batch, by=Authorship(made_by="bob"))  # an undo is a batch, too
    assert [of(shop, model, "license") for model in nets[:3]] == ["apache-2.0"] * 3
    assert len(again.changed) == 4
    kinds = [revision.made_by for revision in shop.store.records.history(nets[1])]
    assert [kind for kind in kinds if kind != "crawl"] == ["bulk", "undo", "undo"]
    with pytest.raises(UserError, match="There is no edit 'nothing'"):
        undo_batch(shop.store, "nothing", by=Authorship(made_by="bob"))


def test_a_model_that_changed_meanwhile_is_left_and_told_and_costs_nobody_else(shop, nets):
    seen = targets(shop, nets)
    edit_model(shop.store, nets[1], expected=1, values={"license": "isc"}, by=Authorship(made_by="ann"))
    gone = Target(model=ModelId("f" * 64), revision=1)
    done = edit_models(shop.store, [*seen, gone], [LICENSE], by=Authorship(made_by="bob"))
    assert len(done.changed) == 3
    assert done.left[nets[1]] == "it is at revision 2 by now, not 1"
    assert "there is none" in done.left[gone.model]
    assert of(shop, nets[1], "license") == "isc"
    with pytest.raises(EditRefused):
        edit_models(
            shop.store,
            seen,
            [FieldChange(field="size_bytes", value=1)],
            by=Authorship(made_by="bob"),
        )


def test_the_same_batch_again_changes_nothing(shop, nets):
    edit_models(shop.store, targets(shop, nets), [LICENSE, TAG], by=Authorship(made_by="bob"))
    revisions = [target.revision for target in targets(shop, nets)]
    again = edit_models(shop.store, targets(shop, nets), [LICENSE, TAG], by=Authorship(made_by="bob"))
    assert (again.changed, len(again.unchanged)) == ([], 4)
    assert [target.revision for target in targets(shop, nets)] == revisions


def test_a_batch_is_undone_at_the_place_to_which_a_model_moved(shop, nets):
    batch = new_batch()
    edit_models(shop.store, targets(shop, nets), [LICENSE], by=Authorship(made_by="bob", batch=batch))
    (shop.root / "n0").rename(shop.root / "moved")
    shop.crawl()
    moved = ModelId(shop.documents()["moved/model.safetensors"]["id"])
    assert of(shop, moved, "license") == "apache-2.0"
    undone = undo_batch(shop.store, batch, by=Authorship(made_by="bob"))
    assert moved in undone.changed
    assert nets[0] not in undone.changed
    assert of(shop, moved, "license") == "mit"


def test_what_is_added_and_taken_away_stays_so_whatever_files_say_later(shop, nets):
    changes = [TAG, FieldChange(field="tags", action=Action.REMOVE, value=["X"])]
    edit_models(shop.store, targets(shop, nets[:1]), changes, by=Authorship(made_by="bob"))
    assert of(shop, nets[0], "tags") == ["y", "prod"]
    shop.put("n0/README.md", CARD.replace("[x, y]", "[x, z]"))
    shop.crawl()
    document = shop.store.records.get(nets[0]).document
    assert document["tags"] == ["z", "prod"]
    assert document["flags"] == ["edited"]  # words that come and go contradict nobody


@pytest.mark.parametrize(
    ("change", "card", "contradicted"),
    [
        (LICENSE, CARD, False),
        (LICENSE, CARD.replace("mit", "isc"), True),
        (LICENSE, CARD.replace("mit", "apache-2.0"), False),
        (LICENSE, CARD.replace("license: mit\n", ""), False),
        (FieldChange(field="license", action=Action.EMPTY), CARD.replace("mit", "isc"), True),
        (FieldChange(field="tags", value=["mine"]), CARD.replace("[x, y]", "[x]"), False),
        (FieldChange(field="tags", value=["mine"]), CARD.replace("[x, y]", "[x, new]"), True),
        (FieldChange(field="tags", value=["mine"]), CARD.replace("[x, y]", "[x, MINE]"), False),
        (FieldChange(field="notes", value="kept"), CARD.replace("---\n#", "notes: another\n---\n#"), False),
    ],
    ids=[
        "as-before", "another", "the-same-as-the-edit", "no-more", "emptied", "fewer-words", "a-new-word",
        "a-word-of-the-edit", "a-card-has-no-notes",
    ],
)  # fmt: skip
def test_a_file_that_later_says_otherwise_is_told(shop, nets, change, card, contradicted):
    edit_models(shop.store, targets(shop, nets[:1]), [change], by=Authorship(made_by="bob"))
    shop.put("n0/README.md", card + "More.\n")
    shop.crawl()
    model = shop.store.records.get(nets[0])
    assert ("contradicted" in model.document["flags"]) == contradicted
    (edit,) = edits_in_force(model.provenance)
    assert (edit.field, edit.contradicted) == (change.field, contradicted)
    problems = [problem["code"] for problem in model.document.get("problems", ())]
    assert (f"{change.field}-contradicted" in problems) == contradicted
    said = shop.store.records.get(nets[0]).revision
    if contradicted:  # who says it again has seen what files say now
        edit_models(shop.store, targets(shop, nets[:1]), [change], by=Authorship(made_by="bob"))
        assert shop.store.records.get(nets[0]).revision == said + 1
        assert "contradicted" not in shop.store.records.get(nets[0]).document["flags"]


@pytest.mark.parametrize(
    "name", ["license", "tags", "name", "description", "framework", "extra.mine", "base_model.id"]
)
def test_an_emptied_field_stays_empty_and_shows_what_it_overrides(shop, nets, name):
    shop.put(
        "n0/README.md",
        CARD.replace("tags", "name: Best\nbase_model: a/b\nlibrary_name: keras\ntags")
        + "It tells cats from dogs.\n",
    )
    shop.put("n0/modeldex.yaml", "extra:\n  mine: 7\nframework: keras\n")
    shop.crawl()
    (model,) = [row for row in shop.store.records.iterate() if row.document["path"].startswith("n0")]
    empty = FieldChange(field=name, action=Action.EMPTY)
    edit_models(shop.store, targets(shop, [model.id]), [empty], by=Authorship(made_by="bob"))
    shop.crawl(reread=True)
    emptied = shop.store.records.get(model.id)
    present = value_at(emptied.document, name)
    assert present is None
    (edit,) = edits_in_force(emptied.provenance)
    assert (edit.field, edit.emptied, bool(edit.files_say)) == (name, True, True)


def test_the_cost_of_an_edit_does_not_grow_with_the_catalog(shop, nets, statements):
    """Statements and rows written by an edit among 4 models and among 64."""
    with statements(shop.store) as few:
        edit_models(shop.store, targets(shop, nets[:1]), [LICENSE], by=Authorship(made_by="bob"))
    for number in range(60):
        shop.model(f"many/m{number}.safetensors", values=200 + number)
    shop.crawl()
    with statements(shop.store) as many:
        edit_models(shop.store, targets(shop, nets[1:2]), [LICENSE], by=Authorship(made_by="bob"))
    assert few == many
    assert len(few) < 25


@pytest.fixture
def statements():
    """Collects what a store sends to its database meanwhile."""
    from contextlib import contextmanager

    from sqlalchemy import event

    @contextmanager
    def collected(store):
        sent = []

        def note(_connection, _cursor, statement, _parameters, _context, _many):
            sent.append(" ".join(statement.split())[:200])

        event.listen(store._engine, "before_cursor_execute", note)
        try:
            yield sent
        finally:
            event.remove(store._engine, "before_cursor_execute", note)

    return collected
