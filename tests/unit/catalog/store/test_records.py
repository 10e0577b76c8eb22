"""Records, revisions and their first consumer over a real database file."""

import json
from dataclasses import replace

import pytest
from sqlalchemy import update

from catalog.records import FieldProvenance, ModelId, ModelRecord, SourceId, model_id
from catalog.search.engine import IndexOutcome
from catalog.settings import Settings
from catalog.store import open_store
from catalog.store.canonical import document_sha256
from catalog.store.records import RecordChange
from catalog.store.tables import revisions

SOURCE = SourceId("file:///models")


def change(path, *, fingerprint=None, moved_from=None, **document):
    record = ModelRecord(
        id=model_id(SOURCE, path),
        source=SOURCE,
        group_key=path,
        document={
            "id": model_id(SOURCE, path),
            "name": path,
            "uri": f"file:///models/{path}",
            "status": "ok",
            **document,
        },
        file_keys=(path,),
    )
    signature = json.dumps(document, sort_keys=True, default=str)[:60]
    return RecordChange(record=record, signature=signature, fingerprint=fingerprint, moved_from=moved_from)


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request, tmp_path):
    url = "" if request.param == "sqlite" else request.getfixturevalue("postgresql_url")
    with open_store(Settings(home=tmp_path, database_url=url), write=True) as opened:
        yield opened


@pytest.fixture
def lease(store):
    with store.lease("writer") as held:
        yield held


def drained(store):
    actions = store.consumer("index").claim(100)
    store.consumer("index").settle(actions, IndexOutcome(done=[action.id for action in actions]))
    return {action.id: action for action in actions}


def test_a_new_record_has_revision_one_and_waits_for_the_engine(store, lease):
    store.runs.start(SOURCE, SOURCE, lease)
    done = store.records.commit([change("bert", parameters=12)], lease=lease)
    found = store.records.get(done.new[0])
    assert found.revision == 1
    assert found.document["parameters"] == 12
    assert found.document["revision"] == 1
    assert found.document["first_seen"] <= found.document["last_seen"]
    assert [action.document["name"] for action in store.consumer("index").claim()] == ["bert"]


def test_the_same_state_again_makes_no_revision_and_nothing_waits(store, lease):
    store.records.commit([change("bert", parameters=12)], lease=lease)
    drained(store)
    done = store.records.commit([change("bert", parameters=12)], lease=lease)
    assert (done.new, done.changed, len(done.unchanged)) == ([], [], 1)
    assert store.consumer("index").size() == 0
    assert len(store.records.history(done.unchanged[0])) == 1


def test_revisions_form_a_chain_of_hashes(store, lease):
    for parameters in (1, 2, 3):
        store.records.commit([change("bert", parameters=parameters)], lease=lease)
    history = store.records.history(model_id(SOURCE, "bert"))
    assert [revision.number for revision in history] == [1, 2, 3]
    assert [revision.parent_sha256 for revision in history] == [None, history[0].sha256, history[1].sha256]
    assert all(document_sha256(revision.document) == revision.sha256 for revision in history)


def test_a_drain_that_dies_before_it_settles_sends_the_model_again(store, lease):
    store.records.commit([change("bert")], lease=lease)
    first = store.consumer("index").claim()
    assert store.consumer("index").claim() == first


def test_a_model_that_changes_while_it_is_indexed_stays_pending(store, lease):
    store.records.commit([change("bert", parameters=1)], lease=lease)
    actions = store.consumer("index").claim()
    store.records.commit([change("bert", parameters=2)], lease=lease)
    store.consumer("index").settle(actions, IndexOutcome(done=[actions[0].id]))
    assert [action.revision for action in store.consumer("index").claim()] == [2]


def test_rejected_states_become_dead_letters_until_the_model_changes(store, lease):
    store.records.commit([change("bert")], lease=lease)
    actions = store.consumer("index").claim()
    store.consumer("index").settle(actions, IndexOutcome(rejected={actions[0].id: "too long"}))
    assert [(letter.id, letter.reason) for letter in store.consumer("index").dead_letters()] == [
        (actions[0].id, "too long")
    ]
    assert store.consumer("index").size() == 0
    store.records.commit([change("bert", parameters=3)], lease=lease)
    assert store.consumer("index").dead_letters() == []
    assert store.consumer("index").size() == 1


def test_what_could_not_be_written_waits_and_is_due_again_on_demand(store, lease):
    store.records.commit([change("bert")], lease=lease)
    actions = store.consumer("index").claim()
    store.consumer("index").settle(actions, IndexOutcome(retry={actions[0].id: "down"}))
    assert store.consumer("index").claim() == []
    assert store.consumer("index").size() == 1
    store.consumer("index").retry_now()
    assert len(store.consumer("index").claim()) == 1


def test_a_snapshot_and_what_changed_since_make_the_present_state(store, lease):
    store.records.commit([change("a"), change("b")], lease=lease)
    documents, watermark = store.consumer("index").snapshot()
    store.records.commit([change("b", parameters=5), change("c")], lease=lease)
    drained(store)  # a drain during the rebuild must not hide these from the catch-up
    assert {action.document["name"] for action in documents} >= {"a", "b"}
    assert {action.document["name"] for action in store.consumer("index").since(watermark)} == {"b", "c"}


def test_a_rebuilt_index_needs_no_drain_for_what_it_holds(store, lease):
    store.records.commit([change("a"), change("b")], lease=lease)
    _, watermark = store.consumer("index").snapshot()
    store.records.commit([change("b", parameters=5)], lease=lease)
    store.consumer("index").rebuilt(watermark)
    assert [action.document["name"] for action in store.consumer("index").claim()] == ["b"]


def test_equal_weights_are_one_duplicate_group_until_one_copy_is_gone(store, lease):
    run = store.runs.start(SOURCE, SOURCE, lease)
    store.records.commit(
        [change("a", fingerprint="f1"), change("b", fingerprint="f1"), change("c", fingerprint="f2")],
        lease=lease,
    )
    a, b, c = (store.records.get(model_id(SOURCE, name)).document for name in "abc")
    assert a["duplicate_group"] == b["duplicate_group"] == "f1"
    assert "duplicate" in a["flags"]
    assert a["locations"] == ["file:///models/b"]
    assert "duplicate_group" not in c
    store.records.mark({model_id(SOURCE, "b"): "missing"}, lease=lease, run=run.id)
    a = store.records.get(model_id(SOURCE, "a")).document
    assert "duplicate_group" not in a
    assert "flags" not in a


def test_a_copy_that_is_unchanged_keeps_its_group_when_committed_again(store, lease):
    both = [change("a", fingerprint="f1"), change("b", fingerprint="f1")]
    store.records.commit(both, lease=lease)
    done = store.records.commit(both[:1], lease=lease)
    assert len(done.unchanged) == 1
    assert store.records.get(model_id(SOURCE, "a")).document["duplicate_group"] == "f1"


def test_missing_models_stay_and_gone_ones_leave_the_index_but_not_the_store(store, lease):
    run = store.runs.start(SOURCE, SOURCE, lease)
    store.records.commit([change("a")], lease=lease)
    model = model_id(SOURCE, "a")
    store.records.mark({model: "missing"}, lease=lease, run=run.id)
    missing = store.records.get(model).document
    assert (missing["status"], missing["flags"]) == ("missing", ["missing"])
    assert store.records.count() == 1
    store.records.mark({model: "gone"}, lease=lease, run=run.id)
    assert store.records.get(model).document["status"] == "gone"
    assert [action.document for action in store.consumer("index").claim()] == [None]
    assert store.records.count() == 0


def damage_documents(store):
    """No revision can be read any more."""
    with store._engine.begin() as connection:
        connection.execute(update(revisions).values(document=b"damaged"))


def test_a_model_whose_newest_revision_is_damaged_says_so_when_it_goes(store, lease):
    """Its next state was made of what the views show, without a word, and without id, name and source: lists ended in a traceback."""
    run = store.runs.start(SOURCE, SOURCE, lease)
    store.records.commit([change("a", task="ner", notes="kept")], lease=lease)
    damage_documents(store)
    model = model_id(SOURCE, "a")
    store.records.mark({model: "missing"}, lease=lease, run=run.id)
    left = store.records.get(model).document
    assert (left["id"], left["name"], left["source"], left["task"]) == (model, "a", SOURCE, "ner")
    assert [problem["code"] for problem in left["problems"]] == ["damaged"]
    assert left["status"] == "missing"


def test_a_live_model_whose_newest_revision_is_damaged_is_made_anew(store, lease):
    """A copy that came made a lean revision of it, and its signature said that there was nothing to do."""
    store.records.commit([change("a", fingerprint="f1", notes="kept")], lease=lease)
    damage_documents(store)
    store.records.commit([change("b", fingerprint="f1")], lease=lease)
    assert [file.key for file in store.records.not_made(SOURCE, 9)] == ["a"]
    assert "damaged" in store.records.not_made(SOURCE, 9)[0].reason
    store.records.commit([change("a", fingerprint="f1", notes="kept")], lease=lease)
    assert store.records.not_made(SOURCE, 9) == []
    assert store.records.get(model_id(SOURCE, "a")).document["notes"] == "kept"


def test_a_model_that_comes_back_is_live_with_its_history(store, lease):
    run = store.runs.start(SOURCE, SOURCE, lease)
    store.records.commit([change("a")], lease=lease)
    model = model_id(SOURCE, "a")
    first_seen = store.records.get(model).document["first_seen"]
    store.records.mark({model: "missing"}, lease=lease, run=run.id)
    done = store.records.commit([change("a")], lease=lease)
    again = store.records.get(model).document
    assert done.changed == [model]
    assert (again["status"], again["first_seen"], again["revision"]) == ("ok", first_seen, 3)


def test_a_moved_model_keeps_first_seen_and_the_old_place_says_where(store, lease):
    run = store.runs.start(SOURCE, SOURCE, lease)
    store.records.commit([change("old")], lease=lease)
    old, new = model_id(SOURCE, "old"), model_id(SOURCE, "new")
    store.records.commit([change("new", moved_from=old)], lease=lease)
    store.records.mark({old: "missing"}, lease=lease, run=run.id, moved={old: new})
    before = store.records.get(old).document
    assert before["extra"]["moved_to"] == new
    assert before["problems"][-1] == {"code": "moved", "message": "moved to file:///models/new"}
    assert store.records.get(new).document["first_seen"] == before["first_seen"]


def test_no_file_says_where_a_model_moved(store, lease):
    """Pages lead on to the model that it names."""
    forged = {"moved_to": "f" * 64}
    store.records.commit([change("a", extra={**forged, "kept": 1}), change("b", extra=forged)], lease=lease)
    assert store.records.get(model_id(SOURCE, "a")).document["extra"] == {"kept": 1}
    assert "extra" not in store.records.get(model_id(SOURCE, "b")).document


def test_values_no_database_or_engine_can_hold_are_made_fit(store, lease):
    bad = {
        "description": "a\0b \udcff",
        "extra": {"seed": 2**64, "nan": float("nan")},
        "tags": ["x", float("inf")],
    }
    store.records.commit([change("a", **bad)], lease=lease)
    document = store.records.get(model_id(SOURCE, "a")).document
    assert document["description"] == "a\u2400b \\udcff"
    assert document["extra"] == {"seed": str(2**64)}
    assert document["tags"] == ["x", None]


@pytest.mark.parametrize(("typed", "count"), [("", 0), ("zz", 0), ("bert", 1), ("BERT", 1)])
def test_a_record_is_found_by_its_name(store, lease, typed, count):
    store.records.commit([change("bert")], lease=lease)
    assert len(store.records.find(typed)) == count


def test_find_by_beginning_of_the_id(store, lease):
    store.records.commit([change("bert"), change("gpt")], lease=lease)
    model = model_id(SOURCE, "bert")
    assert store.records.find(model[:10]) == [model]
    assert store.records.find(model) == [ModelId(model)]


def test_iterate_walks_all_pages_in_id_order(store, lease):
    store.records.commit([change(f"m{number}") for number in range(1203)], lease=lease)
    ids = [model.id for model in store.records.iterate()]
    assert len(ids) == 1203
    assert ids == sorted(ids)


@pytest.mark.parametrize(
    "write",
    [
        lambda store, lease: store.records.commit([change("a")], lease=lease),
        lambda store, lease: store.records.note_seen([change("a").record.id], lease=lease),
        lambda store, lease: store.records.note_unseen([change("a").record.id], since=None, lease=lease),
    ],
    ids=["commit", "seen", "unseen"],
)
def test_a_stolen_lease_refuses_the_old_writer(store, lease, write):
    """A crawler that slept through its lease must not write over what the new one did."""
    from sqlalchemy import update

    from catalog.errors import LeaseLost
    from catalog.store.tables import leases

    with store._engine.begin() as connection:
        connection.execute(update(leases).values(expires=0.0))
    with store.lease("writer"), pytest.raises(LeaseLost):
        write(store, lease)
    assert store.records.count() == 0


def test_a_crash_inside_a_commit_leaves_no_record_and_nothing_waits(store, lease, monkeypatch):
    unwritable = FieldProvenance(field=object(), winners=())
    broken = replace(change("b"), record=replace(change("b").record, provenance={"name": unwritable}))
    with pytest.raises(TypeError):
        store.records.commit([change("a"), broken], lease=lease)
    assert store.records.count() == 0
    assert store.consumer("index").size() == 0


def test_card_of_a_model_is_the_one_that_lies_nearest_and_keeps_no_secret(shop):
    secret = "hf_" + "aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY"
    shop.model("ner/model.safetensors")
    shop.put("ner/README.md", f"---\nlicense: mit\n---\n# ner\n\nIts *words*, token={secret}\n")
    shop.model("bare/model.safetensors", fill=2.0)
    shop.crawl()
    ids = {document["name"]: document["id"] for document in shop.documents().values()}
    card = shop.store.records.card(ids["ner"])
    assert card.key == "ner/README.md"
    assert "Its *words*" in card.text
    assert secret not in card.text
    assert shop.store.records.card(ids["bare"]) is None
    assert shop.store.records.card("0" * 64) is None
