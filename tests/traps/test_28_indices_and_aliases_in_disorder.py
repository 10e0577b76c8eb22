"""Somebody was at the cluster: indices named like ours, aliases bent, an index deleted or closed. Ours is mended, theirs
is left alone, and no model is lost."""

from contextlib import closing

import pytest
from fixtures.a_server import running

from catalog.errors import EngineUnavailable
from catalog.query.request import SearchRequest
from catalog.records import ModelRecord, SourceId, model_id
from catalog.search.engine import IndexAction
from catalog.store import open_store
from catalog.store.records import RecordChange
from catalog.testing.engines import DOCUMENTS, actions
from indexer.drain import drain_now

pytest.importorskip("elasticsearch")
from elasticsearch import Elasticsearch

from indexer.engines.elasticsearch import ElasticsearchEngine, ElasticsearchWriter
from indexer.settings import ElasticsearchSettings
from mappings.generate import mapping

pytestmark = pytest.mark.filterwarnings("ignore:Elasticsearch built-in security features are not enabled")
SOURCE = SourceId("file:///models")


@pytest.fixture
def settings(elasticsearch_settings):
    return elasticsearch_settings


@pytest.fixture
def client(settings):
    with closing(Elasticsearch(settings.section(ElasticsearchSettings).url, request_timeout=60)) as opened:
        yield opened


@pytest.fixture
def alias(settings, client):
    """The name under which we search; what a test makes beside it is removed."""
    yield settings.section(ElasticsearchSettings).index
    for name in (
        settings.section(ElasticsearchSettings).index,
        f"{settings.section(ElasticsearchSettings).index}-write",
    ):
        if client.indices.exists(index=name) and not client.indices.exists_alias(name=name):
            client.indices.delete(index=name)


@pytest.fixture
def store(settings):
    with open_store(settings, write=True) as opened:
        with opened.lease("writer") as lease:
            opened.records.commit([change("one"), change("two")], lease=lease)
        yield opened


def change(path):
    made = model_id(SOURCE, path)
    held = {"id": made, "name": path, "uri": f"file:///models/{path}", "status": "ok"}
    record = ModelRecord(id=made, source=SOURCE, group_key=path, document=held, file_keys=(path,))
    return RecordChange(record=record, signature="", fingerprint=None, moved_from=None)


@pytest.fixture
def writer(settings):
    with closing(ElasticsearchWriter(settings)) as opened:
        yield opened


def total(settings):
    with closing(ElasticsearchEngine(settings)) as engine:
        return engine.search(SearchRequest()).total


def indices(client, alias):
    return sorted(client.indices.get(index=f"{alias}*", allow_no_indices=True))


def current(client, alias):
    (name,) = client.indices.get_alias(name=alias)
    return name


def test_indices_of_others_that_are_named_alike_survive_rebuilds(writer, client, alias):
    """The sweep after a rebuild once deleted every index that began with the alias and ended in a number."""
    theirs = [f"{alias}-2024", f"{alias}-staging-0a1b-1", f"{alias}-0a1b-7"]
    client.indices.create(index=theirs[0])
    client.indices.create(index=theirs[1], mappings=mapping()["mappings"])  # another Modeldex, another alias
    client.indices.create(index=theirs[2])
    for _ in range(3):
        writer.rebuild(actions(DOCUMENTS))
    assert set(theirs) <= set(indices(client, alias))
    assert len(indices(client, alias)) == len(theirs) + 2  # ours, and the one before it


@pytest.mark.parametrize("ending", ["", "-write"])
def test_a_name_that_somebody_else_took_is_one_sentence_and_stays_theirs(
    writer, settings, store, client, alias, ending
):
    client.index(index=f"{alias}{ending}", id="theirs", document={"mine": True}, refresh=True)
    with pytest.raises(EngineUnavailable, match=r"Modeldex did not make.*MODELDEX_ELASTICSEARCH_INDEX"):
        writer.rebuild(actions(DOCUMENTS))
    report = drain_now(settings, store)
    assert report.waiting == 2
    assert "Modeldex did not make" in report.unavailable
    if not ending:
        with pytest.raises(EngineUnavailable, match="Modeldex did not make"):
            total(settings)  # not a page of somebody else's documents
    assert client.count(index=f"{alias}{ending}")["count"] == 1
    assert indices(client, alias) == [f"{alias}{ending}"]


def test_an_alias_of_somebody_else_is_not_bent(writer, settings, client, alias):
    client.indices.create(index=f"{alias}-theirs", aliases={alias: {}})
    with pytest.raises(EngineUnavailable, match="Modeldex did not make"):
        writer.write(actions(DOCUMENTS))
    assert current(client, alias) == f"{alias}-theirs"


def test_a_write_alias_that_is_missing_is_mended_and_no_index_takes_its_name(settings, store, client, alias):
    drain_now(settings, store)
    client.indices.delete_alias(index=current(client, alias), name=f"{alias}-write")
    store.consumer("index").all_again()
    report = drain_now(settings, store)
    assert (report.waiting, report.rebuilt) == (0, "its aliases do not point at one index")
    assert current(client, f"{alias}-write") == current(client, alias)
    assert total(settings) == 2
    assert not store.consumer("index").dead_letters()


@pytest.mark.parametrize("ending", ["", "-write"])
def test_an_alias_that_points_at_two_indices_is_mended(settings, store, writer, client, alias, ending):
    drain_now(settings, store)
    before = current(client, alias)
    with closing(ElasticsearchWriter(settings)) as other:
        other.rebuild(store.consumer("index").snapshot()[0])
    client.indices.put_alias(index=before, name=f"{alias}{ending}")
    store.consumer("index").all_again()
    report = drain_now(settings, store)
    assert (report.waiting, report.rebuilt) == (0, "its aliases do not point at one index")
    assert current(client, f"{alias}-write") == current(client, alias)
    assert (total(settings), store.consumer("index").dead_letters()) == (2, [])


def test_an_index_that_was_deleted_is_built_again_from_the_store(settings, store, client, alias):
    drain_now(settings, store)
    client.indices.delete(index=current(client, alias))
    assert total(settings) == 0
    with store.lease("writer") as lease:
        store.records.commit([change("three")], lease=lease)
    report = drain_now(settings, store)
    assert (report.rebuilt, report.waiting) == ("there is no index yet", 0)
    assert total(settings) == 3


def test_an_index_that_is_deleted_while_it_is_written_makes_no_stray_index(writer, client, alias):
    """A server makes an index of any name that is written to; deletions of what is not there count as done."""
    writer.write(actions(DOCUMENTS))
    client.indices.delete(index=current(client, alias))
    gone = IndexAction(id="a" * 64, revision=2, document=None)
    outcome = writer.write([gone, *actions(DOCUMENTS[1:])])
    assert (outcome.done, outcome.rejected) == ([], {})
    assert len(outcome.retry) == len(DOCUMENTS)
    assert indices(client, alias) == []


def test_a_rebuild_that_was_killed_is_no_index_to_go_back_to(writer, settings, client, alias):
    writer.write(actions(DOCUMENTS[:1]))
    first = current(client, alias)
    writer.rebuild(actions(DOCUMENTS))
    writer._create(loading=True)  # and the process is killed here
    writer.roll_back()
    assert (current(client, alias), current(client, f"{alias}-write")) == (first, first)
    writer.refresh()
    assert total(settings) == 1


@pytest.mark.usefixtures("quick_retries")
@pytest.mark.parametrize(
    ("block", "sentence"),
    [
        ("read_only_allow_delete", "its disk is full, so the index is read-only"),
        ("write", "somebody closed the index"),
        ("read_only", "somebody closed the index"),
    ],
)
def test_an_index_that_may_not_be_written_keeps_models_waiting_with_the_reason(
    settings, store, client, alias, block, sentence
):
    drain_now(settings, store)
    client.indices.put_settings(index=alias, settings={f"index.blocks.{block}": True})
    with store.lease("writer") as lease:
        store.records.commit([change("three")], lease=lease)
    report = drain_now(settings, store)
    assert report.waiting == 1
    assert report.unavailable.startswith(f"elasticsearch: {sentence}")
    (trouble,) = store.consumer("index").troubles()
    assert (trouble.models, trouble.final, trouble.reason) == (1, False, report.unavailable)
    assert total(settings) == 2
    client.indices.put_settings(index=alias, settings={f"index.blocks.{block}": None})
    assert drain_now(settings, store).waiting == 0  # at once: whoever mended it need not wait
    assert (total(settings), store.consumer("index").troubles()) == (3, [])


def test_two_writers_at_once_write_each_model_once(settings, store, client, alias):
    drain_now(settings, store)
    with closing(ElasticsearchWriter(settings)) as one, closing(ElasticsearchWriter(settings)) as two:
        older, newer = actions(DOCUMENTS, revision=1), actions(DOCUMENTS, revision=2)
        assert two.write(newer).done
        assert sorted(one.write(older).done) == sorted(document["id"] for document in DOCUMENTS)
        one.refresh()
    held = client.get(index=alias, id="a" * 64)
    assert held["_version"] == 2


@pytest.mark.parametrize(
    ("status", "kind", "body"),
    [
        ("200 OK", "text/html", b"<h1>It works</h1>"),
        ("404 Not Found", "text/html", b"no such page"),
        ("200 OK", "application/json", b'{"hello": "world"}'),
        ("200 OK", "application/json", b"[1"),
        ("302 Found", "text/html", b""),
        ("502 Bad Gateway", "text/html", b"<h1>bad gateway</h1>"),
    ],
    ids=["page", "not found", "JSON", "half JSON", "redirect", "gateway"],
)
def test_a_wrong_address_that_answers_is_one_sentence(settings, store, status, kind, body):
    def somebody(_environ, start_response):
        start_response(status, [("Content-Type", kind), ("Location", "/login")])
        return [body]

    with running(somebody) as url:
        wrong = settings.but(elasticsearch_url=url)
        report = drain_now(wrong, store)
        with (
            closing(ElasticsearchEngine(wrong)) as engine,
            pytest.raises(EngineUnavailable, match=r"MODELDEX_ELASTICSEARCH_URL|_cluster/health") as told,
        ):
            engine.search(SearchRequest())
    assert report.waiting == 2
    for sentence in (report.unavailable, str(told.value)):
        assert sentence.startswith("elasticsearch: ")
        assert "\n" not in sentence
