"""What becomes of each document of a bulk request, and of aliases, as a server answers."""

import json
from contextlib import closing

import pytest
from fixtures.scripted_cluster import OURS, SCHEMA, failure

from catalog.errors import EngineUnavailable
from catalog.search.engine import IndexAction
from catalog.settings import Settings
from catalog.store import INDEX, open_store
from indexer.engines.elasticsearch import writer as module
from indexer.engines.elasticsearch.writer import CHUNK_ACTIONS, ElasticsearchWriter
from indexer.following import ANOTHER_INDEX, takes_its_place

UUID = "rWb0mCZSRsyLKOVqSCzdVQ"
STATE = "GET /_cluster/state/version"
BULK = "PUT /models-write/_bulk"


@pytest.fixture
def writer(scripted_cluster, tmp_path, quick_retries):
    opened = ElasticsearchWriter(Settings(home=tmp_path, elasticsearch_url=scripted_cluster.url))
    yield opened
    opened.close()


def action(name, **document):
    return IndexAction(id=name, revision=3, document={"name": name, **document})


def deletion(name):
    return IndexAction(id=name, revision=4, document=None)


def sent(body):
    """The action lines of a bulk request, in order, without the documents."""
    lines = [json.loads(line) for line in body.splitlines()]
    return [line for line in lines if line.keys() <= {"index", "delete"}]


def answering(fates):
    """A server that gives every document the status and error that `fates` has for it, else 200."""

    def respond(body):
        items = []
        for line in sent(body):
            ((operation, told),) = line.items()
            status, error = fates.get(told["_id"], (200, None))
            item = {"_id": told["_id"], "status": status}
            items.append({operation: item if error is None else {**item, "error": error}})
        return 200, {"items": items}

    return respond


BLOCK = {"type": "cluster_block_exception", "reason": "disk usage exceeded flood-stage watermark"}


@pytest.mark.parametrize(
    ("status", "error", "fate"),
    [
        (201, None, "done"),
        (409, {"type": "version_conflict_engine_exception", "reason": "newer"}, "done"),
        (400, {"type": "document_parsing_exception", "reason": "bad field"}, "rejected"),
        (413, {"type": "too_large", "reason": "body"}, "rejected"),
        (403, BLOCK, "retry"),
        (500, {"type": "internal", "reason": "oops"}, "retry"),
        (404, {"type": "index_not_found_exception", "reason": "index_not_found"}, "retry"),
        (400, {"type": "illegal_argument_exception", "reason": "no write index is defined"}, "retry"),
    ],
)
def test_every_document_has_its_own_fate(scripted_cluster, writer, status, error, fate):
    scripted_cluster.script[BULK] = answering({"odd": (status, error)})
    outcome = writer.write([action("fine"), action("odd"), action("fine too")])
    assert {"fine", "fine too"} <= set(outcome.done)
    place = {"done": outcome.done, "rejected": outcome.rejected, "retry": outcome.retry}
    assert [name for name, documents in place.items() if "odd" in documents] == [fate]
    assert fate == "done" or len(outcome.done) == 2


def test_a_busy_document_is_sent_again_alone(scripted_cluster, writer):
    busy = {"slow": (429, {"type": "es_rejected_execution_exception", "reason": "queue"})}

    def respond(body):
        answer = answering(busy)(body)
        busy.clear()
        return answer

    scripted_cluster.script[BULK] = respond
    outcome = writer.write([action("fine"), action("slow")])
    assert sorted(outcome.done) == ["fine", "slow"]
    first, again = (sent(body) for body in scripted_cluster.asked(BULK))
    assert [line["index"]["_id"] for line in first] == ["fine", "slow"]
    assert [line["index"]["_id"] for line in again] == ["slow"]


def test_a_document_that_stays_busy_waits_for_the_next_try(scripted_cluster, writer, monkeypatch):
    monkeypatch.setattr(module, "BULK_RETRIES", 1)
    error = {"type": "es_rejected_execution_exception", "reason": "queue"}
    scripted_cluster.script[BULK] = answering({"slow": (429, error)})
    outcome = writer.write([action("slow"), action("fine")])
    assert outcome.done == ["fine"]
    assert "cannot write now" in outcome.retry["slow"]


@pytest.mark.parametrize(
    ("error", "fate"), [(None, "done"), ({"type": "index_not_found_exception", "reason": "no"}, "retry")]
)
def test_deleting_what_is_not_there_is_done_unless_the_index_is_gone(scripted_cluster, writer, error, fate):
    scripted_cluster.script[BULK] = answering({"gone": (404, error)})
    outcome = writer.write([deletion("gone")])
    assert list(outcome.done) == (["gone"] if fate == "done" else [])
    assert list(outcome.retry) == (["gone"] if fate == "retry" else [])


def test_a_key_that_may_not_write_rejects_no_document(scripted_cluster, writer):
    error = {"type": "security_exception", "reason": "action is unauthorized"}
    scripted_cluster.script[BULK] = answering({"one": (403, error)})
    with pytest.raises(EngineUnavailable, match="rights on the alias"):
        writer.write([action("one")])


def test_a_document_that_cannot_be_indexed_is_rejected_here_and_never_sent(scripted_cluster, writer):
    scripted_cluster.script[BULK] = answering({})
    outcome = writer.write([action("bad", parameters="many"), action("fine")])
    assert list(outcome.done) == ["fine"]
    assert "parameters" in outcome.rejected["bad"]
    assert [line["index"]["_id"] for line in sent(scripted_cluster.asked(BULK)[0])] == ["fine"]


def test_revisions_are_external_versions_so_that_a_late_state_does_no_harm(scripted_cluster, writer):
    scripted_cluster.script[BULK] = answering({})
    writer.write([action("one"), deletion("two")])
    first, second = sent(scripted_cluster.asked(BULK)[0])
    assert first["index"] == {"_id": "one", "version": 3, "version_type": "external_gte"}
    assert second["delete"] == {"_id": "two", "version": 4, "version_type": "external_gte"}


def test_many_documents_are_sent_in_bounded_requests_and_none_is_lost(scripted_cluster, writer):
    scripted_cluster.script[BULK] = answering({})
    names = [f"m{number}" for number in range(2 * CHUNK_ACTIONS + 1)]
    assert sorted(writer.write([action(name) for name in names]).done) == sorted(names)
    assert sorted(len(sent(body)) for body in scripted_cluster.asked(BULK)) == [
        1,
        CHUNK_ACTIONS,
        CHUNK_ACTIONS,
    ]


def held(schema, name=OURS):
    return 200, {name: {"mappings": {"_meta": {"schema_hash": schema}}}}


@pytest.mark.parametrize(
    ("read", "written", "reason"),
    [
        (held(SCHEMA), held(SCHEMA), None),
        ((200, {}), (200, {}), "there is no index yet"),
        (held("0ld", "models-0fd-1"), held("0ld", "models-0fd-1"), "another version of Modeldex"),
        (held(SCHEMA), (200, {}), "do not point at one index"),
        (held(SCHEMA), held(SCHEMA, f"models-{SCHEMA}-2"), "do not point at one index"),
    ],
)
def test_an_index_that_single_changes_cannot_mend_is_to_be_rebuilt(
    scripted_cluster, writer, read, written, reason
):
    scripted_cluster.script |= {"GET /models": read, "GET /models-write": written}
    found = writer.needs_rebuild
    assert found is None if reason is None else reason in found


def test_nothing_is_written_to_an_index_of_another_version(scripted_cluster, writer):
    scripted_cluster.script |= {"GET /models": held("0ld", "models-0fd-1"), "GET /models-write": (200, {})}
    with pytest.raises(EngineUnavailable, match="modeldex reindex"):
        writer.write([action("one")])
    assert not scripted_cluster.asked(BULK)


def rebuilding(scripted_cluster, count):
    """The script of a cluster that takes a new index and counts so many models in it."""
    fresh = f"models-{SCHEMA}-2"
    scripted_cluster.script |= {
        "GET /models-*": scripted_cluster.script["GET /models"],
        f"PUT /{fresh}": (200, {"acknowledged": True}),
        f"PUT /{fresh}/_bulk": answering({}),
        f"POST /{fresh}/_refresh": (200, {}),
        f"POST /{fresh}/_count": (200, {"count": count}),
        f"PUT /{fresh}/_settings": (200, {}),
        "POST /_aliases": (200, {}),
        f"DELETE /{fresh}": (200, {}),
    }
    return fresh


def test_a_rebuild_moves_both_aliases_in_one_request(scripted_cluster, writer):
    fresh = rebuilding(scripted_cluster, 2)
    outcome = writer.rebuild([action("a"), action("b")], catch_up=[action("c")])
    assert sorted(outcome.done) == ["a", "b", "c"]
    (body,) = scripted_cluster.asked("POST /_aliases")
    steps = [
        (kind, told["index"], told["alias"])
        for step in json.loads(body)["actions"]
        for kind, told in step.items()
    ]
    assert steps == [
        ("remove", OURS, "models"),
        ("add", fresh, "models"),
        ("remove", OURS, "models-write"),
        ("add", fresh, "models-write"),
    ]
    assert not scripted_cluster.asked(f"DELETE /{OURS}"), "the one before is kept to go back to"


def test_a_rebuild_that_lost_documents_leaves_the_old_index_in_use(scripted_cluster, writer):
    fresh = rebuilding(scripted_cluster, 1)
    with pytest.raises(EngineUnavailable, match="holds 1 models where 2 were sent"):
        writer.rebuild([action("a"), action("b")])
    assert not scripted_cluster.asked("POST /_aliases")
    assert scripted_cluster.asked(f"DELETE /{fresh}")


def test_going_back_without_an_earlier_index_is_refused(scripted_cluster, writer):
    scripted_cluster.script["GET /models-*"] = scripted_cluster.script["GET /models"]
    with pytest.raises(EngineUnavailable, match="no earlier index"):
        writer.roll_back()


def test_an_error_of_the_whole_request_rejects_nothing(scripted_cluster, writer):
    scripted_cluster.script["GET /_nodes"] = (503, failure("x", "starting", 503))
    with pytest.raises(EngineUnavailable, match="cannot answer now"):
        writer.write([action("one")])


def test_the_position_in_the_log_is_noted_in_the_mapping_every_ten_seconds(
    scripted_cluster, writer, monkeypatch
):
    noted = {"schema_hash": SCHEMA, "followed": "7 abc", "followed_at": 1000}
    scripted_cluster.script |= {
        "GET /models-write": (200, {OURS: {"mappings": {"_meta": noted}}}),
        f"PUT /{OURS}/_mapping": (200, {"acknowledged": True}),
    }
    assert writer.followed() == "7 abc"
    monkeypatch.setattr(module.time, "time", lambda: 1009)
    writer.follow("8 def")
    assert not scripted_cluster.asked(f"PUT /{OURS}/_mapping")
    monkeypatch.setattr(module.time, "time", lambda: 1010)
    writer.follow("9 def")
    (body,) = scripted_cluster.asked(f"PUT /{OURS}/_mapping")
    assert json.loads(body) == {"_meta": {"schema_hash": SCHEMA, "followed": "9 def", "followed_at": 1010}}


@pytest.mark.parametrize(
    ("answer", "place", "known"),
    [
        ((200, {"cluster_uuid": UUID}), f"elasticsearch:models@{UUID}", f"elasticsearch:models@{UUID}"),
        ((200, {"cluster_uuid": "_na_"}), "elasticsearch:models", "elasticsearch:models"),
        (
            (403, failure("security_exception", "action is unauthorized", 403)),
            "elasticsearch:models",
            "elasticsearch:models",
        ),
    ],
    ids=["an id", "no id yet", "may not ask"],
)
def test_a_place_is_of_one_cluster_and_one_without_an_id_may_be_any(
    scripted_cluster, writer, answer, place, known
):
    """Two clusters with one alias were one place: an index that lacked what the other took was not noticed."""
    scripted_cluster.script[STATE] = answer
    other = "elasticsearch:models@another-cluster"
    assert writer.place() == place
    assert writer.same_place("elasticsearch:models") == known
    assert writer.same_place(other) == (None if "@" in place else other)
    assert writer.same_place("elasticsearch:others") is None
    assert writer.same_place("") is None
    assert len(scripted_cluster.asked(STATE)) == 1


def test_the_place_of_a_long_alias_keeps_the_id_of_its_cluster(scripted_cluster, writer):
    scripted_cluster.script[STATE] = (200, {"cluster_uuid": UUID})
    writer.alias = "m" * 200
    assert (len(writer.place()), writer.place()[-23:]) == (64, f"@{UUID}")
    assert writer.same_place(f"elasticsearch:{'m' * 50}") == writer.place()


def test_another_cluster_with_the_same_alias_is_built_anew_and_the_one_that_was_noted_before_ids_is_not(
    scripted_cluster, writer, tmp_path
):
    with (
        open_store(Settings(home=tmp_path), write=True) as store,
        closing(
            ElasticsearchWriter(Settings(home=tmp_path, elasticsearch_url=scripted_cluster.url))
        ) as other,
    ):
        index = store.consumer(INDEX)
        index.move_to("elasticsearch:models")
        scripted_cluster.script[STATE] = (200, {"cluster_uuid": UUID})
        assert takes_its_place(index, writer, None) is None
        assert index.place() == f"elasticsearch:models@{UUID}"
        scripted_cluster.script[STATE] = (200, {"cluster_uuid": "another-cluster"})
        assert takes_its_place(index, other, None) == ANOTHER_INDEX
        assert index.place() == "elasticsearch:models@another-cluster"


def test_who_may_not_change_mappings_does_without_the_note(scripted_cluster, writer):
    scripted_cluster.script |= {
        "GET /models-write": held(SCHEMA),
        f"PUT /{OURS}/_mapping": (403, failure("security_exception", "action is unauthorized", 403)),
    }
    writer.follow("9 def")
    assert len(scripted_cluster.asked(f"PUT /{OURS}/_mapping")) == 1
