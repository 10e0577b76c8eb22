"""The page of crawls says why models cannot be found yet, or ever."""

import json

import pytest

from catalog.records import ModelRecord, SourceId, model_id
from catalog.search.engine import IndexOutcome
from catalog.settings import Settings
from catalog.store import open_store
from catalog.store.records import RecordChange
from webui.app import create_app
from webui.contracts import close_services, open_services

SOURCE = SourceId("file:///models")
FULL = "elasticsearch: its disk is full, so the index is read-only. Free space there."


def change(path):
    made = model_id(SOURCE, path)
    held = {"id": made, "name": path, "uri": f"file:///models/{path}", "status": "ok"}
    record = ModelRecord(id=made, source=SOURCE, group_key=path, document=held, file_keys=(path,))
    return RecordChange(record=record, signature="", fingerprint=None, moved_from=None)


@pytest.fixture
def client(tmp_path):
    settings = Settings(home=tmp_path)
    with open_store(settings, write=True) as store:
        with store.lease("writer") as lease:
            store.records.commit([change(name) for name in ("a", "b", "c", "d")], lease=lease)
        actions = store.consumer("index").claim()
        store.consumer("index").put_off(actions[:2], FULL)
        store.consumer("index").settle(
            actions[2:3], IndexOutcome(rejected={actions[2].id: "<b>no such field</b>"})
        )
    services = open_services(settings)
    app = create_app(settings, services)
    yield app.test_client()
    app.extensions["modeldex-es"].close()
    close_services(services)


def test_why_models_wait_or_cannot_be_searched_is_one_sentence_each(client):
    page = client.get("/runs").text
    assert f"2 models wait for the index: {FULL}" in page
    assert "1 model cannot be searched: &lt;b&gt;no such field&lt;/b&gt;" in page
    told = json.loads(client.get("/api/runs").text)
    assert (told["waiting"], len(told["index_problems"])) == (3, 2)
