"""Which models are the latest of their name, as the index is told, after whatever arrives, changes or goes."""

import pytest

from catalog.records import ModelId, ModelRecord, SourceId, model_id
from catalog.search.engine import IndexOutcome
from catalog.settings import Settings
from catalog.store import open_store
from catalog.store.records import RecordChange

SOURCE = SourceId("file:///models")


def change(path, name="fraud", **document):
    identity = model_id(SOURCE, path)
    content = {"id": identity, "name": name, "uri": f"file:///models/{path}", "status": "ok", **document}
    record = ModelRecord(id=identity, source=SOURCE, group_key=path, document=content, file_keys=(path,))
    return RecordChange(record=record, signature=f"{name} {document}"[:60])


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request, tmp_path):
    url = "" if request.param == "sqlite" else request.getfixturevalue("postgresql_url")
    with open_store(Settings(home=tmp_path, database_url=url), write=True) as opened:
        yield opened


@pytest.fixture
def lease(store):
    with store.lease("writer") as granted:
        yield granted


class Index:
    """What an index holds that takes everything it is given: the paths of the latest."""

    def __init__(self, store):
        self.store = store
        self.documents = {}
        self.taken = 0

    def latest(self):
        consumer = self.store.consumer("index")
        while actions := consumer.claim(100):
            self.taken += len(actions)
            self.documents |= {action.id: action.document for action in actions}
            consumer.settle(actions, IndexOutcome(done=[action.id for action in actions]))
        paths = [
            document["uri"].rpartition("/")[2]
            for document in self.documents.values()
            if document is not None and "latest" in document.get("flags", ())
        ]
        return sorted(paths)


@pytest.fixture
def index(store):
    return Index(store)


def test_versions_are_counted_and_dates_decide_where_there_are_none(store, lease, index):
    changes = [
        change("v2", version="v2"),
        change("v10", version="v10"),
        change("old", name="churn", best_date="2023-01-01T00:00:00+00:00"),
        change("new", name="churn", best_date="2024-01-01T00:00:00+00:00"),
        change("alone", name="solo"),
        change("one", name="same"),
        change("two", name="same"),
    ]
    store.records.commit(changes, lease=lease)
    assert index.latest() == ["alone", "new", "one", "two", "v10"]


def test_a_sibling_that_arrives_takes_the_place_of_the_latest(store, lease, index):
    store.records.commit([change("v1", version="1"), change("other", name="churn")], lease=lease)
    assert index.latest() == ["other", "v1"]
    before = index.taken
    store.records.commit([change("v2", version="2")], lease=lease)
    assert index.latest() == ["other", "v2"]
    assert index.taken == before + 2
    assert len(store.records.history(model_id(SOURCE, "v1"))) == 1


def test_the_one_before_is_the_latest_again_when_the_latest_goes(store, lease, index):
    store.records.commit([change("v1", version="1"), change("v2", version="2")], lease=lease)
    assert index.latest() == ["v2"]
    run = store.runs.start(SOURCE, SOURCE, lease)
    run = store.runs.start(SOURCE, SOURCE, lease)
    store.records.mark({ModelId(model_id(SOURCE, "v2")): "missing"}, run=run.id, lease=lease)
    assert index.latest() == ["v1"]


def test_a_model_that_is_renamed_or_versioned_anew_changes_its_series(store, lease, index):
    store.records.commit([change("v1", version="1"), change("v2", version="2")], lease=lease)
    store.records.commit([change("v1", version="3")], lease=lease)
    assert index.latest() == ["v1"]
    store.records.commit([change("v1", name="churn", version="3")], lease=lease)
    assert index.latest() == ["v1", "v2"]
