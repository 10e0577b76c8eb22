"""The client's settings before anything is sent, and what each error of a server means."""

import pytest
from fixtures.ports import free_port
from fixtures.scripted_cluster import failure

from catalog.errors import EngineUnavailable, RequestRefused
from catalog.search.caller import CALLER
from catalog.settings import Settings
from indexer.engines.elasticsearch.connection import cause, check_version, connect, honest, named, put_off


@pytest.mark.parametrize("url", ["foo", "user:hidden@host", "http://:hidden@"])
def test_an_address_that_is_no_url_is_one_sentence_without_its_password(tmp_path, url):
    with pytest.raises(EngineUnavailable, match="MODELDEX_ELASTICSEARCH_URL") as caught:
        connect(Settings(home=tmp_path, elasticsearch_url=url))
    assert "hidden" not in str(caught.value)


@pytest.fixture
def client(scripted_cluster, tmp_path):
    opened = connect(Settings(home=tmp_path, elasticsearch_url=scripted_cluster.url))
    yield opened
    opened.close()


def nodes(*versions):
    return 200, {"nodes": {f"n{at}": {"version": version} for at, version in enumerate(versions)}}


@pytest.mark.parametrize("version", ["8.15.0", "8.19.4", "9.0.0", "9.99.1-SNAPSHOT"])
def test_a_version_that_we_speak_with_is_named(scripted_cluster, client, version):
    scripted_cluster.script["GET /_nodes"] = nodes(version)
    assert check_version(client) == version


@pytest.mark.parametrize("versions", [("8.14.9",), ("7.17.0",), ("10.0.0",), ("9.1.0", "8.2.0")])
def test_one_node_of_a_version_that_we_do_not_speak_with_is_enough_to_refuse(
    scripted_cluster, client, versions
):
    scripted_cluster.script["GET /_nodes"] = nodes(*versions)
    with pytest.raises(EngineUnavailable, match=r"works with 8\.15 to 9\.x"):
        check_version(client)


def test_versions_of_a_cluster_that_is_being_upgraded_are_all_named_once(scripted_cluster, client):
    scripted_cluster.script["GET /_nodes"] = nodes("9.1.0", "8.19.0", "9.1.0")
    assert check_version(client) == "8.19.0, 9.1.0"


def test_a_key_that_may_not_see_the_nodes_is_enough(scripted_cluster, client):
    scripted_cluster.script["GET /_nodes"] = (403, failure("security_exception", "no", 403))
    assert check_version(client) == "unknown"


@pytest.mark.parametrize(
    ("status", "kind", "reason", "sentence"),
    [
        (401, "security_exception", "unable to authenticate", "refused the credentials.*API_KEY"),
        (403, "security_exception", "action is unauthorized", "may not do this.*rights on the alias"),
        (403, "cluster_block_exception", "index read-only; ", "somebody closed the index.*index.blocks"),
        (429, "cluster_block_exception", "flood-stage watermark", "disk is full.*Free space"),
        (429, "es_rejected_execution_exception", "queue", "cannot answer now.*_cluster/health"),
        (503, "search_phase_execution_exception", "all shards failed", "cannot answer now"),
        (400, "media_type_header_exception", "compatible-with", "another major version"),
        (400, "parsing_exception", "unknown key", "refused a request .parsing_exception: unknown key"),
    ],
)
def test_an_error_of_the_server_is_one_sentence_with_what_to_do(
    scripted_cluster, client, status, kind, reason, sentence
):
    scripted_cluster.script["GET /models"] = (status, failure(kind, reason, status))
    with pytest.raises(EngineUnavailable, match=sentence), honest():
        client.options(max_retries=0).indices.get(index="models")


def test_too_many_buckets_are_refused_as_every_engine_does(scripted_cluster, client):
    error = {
        "type": "search_phase_execution_exception",
        "reason": "",
        "caused_by": {"type": "too_many_buckets_exception", "reason": "too many"},
    }
    scripted_cluster.script["POST /models/_search"] = (503, {"error": error})
    with pytest.raises(RequestRefused, match="buckets"), honest():
        client.options(max_retries=0).search(index="models")


def test_an_answer_of_something_else_is_not_taken_for_elasticsearch(scripted_cluster, client):
    scripted_cluster.product = "Somebody"
    with pytest.raises(EngineUnavailable, match="what answers there is not Elasticsearch"), honest():
        client.indices.get(index="models")


def test_a_server_that_is_gone_does_not_answer_and_nothing_is_lost(tmp_path):
    with (
        pytest.raises(EngineUnavailable, match=r"does not answer.*kept for the next try"),
        honest(),
        connect(Settings(home=tmp_path, elasticsearch_url=f"http://127.0.0.1:{free_port()}")) as client,
    ):
        client.options(max_retries=0).indices.get(index="models")


def test_a_certificate_authority_that_is_no_file_is_named(tmp_path):
    settings = Settings(
        home=tmp_path, elasticsearch_url="https://127.0.0.1:9200", elasticsearch_ca=str(tmp_path / "no.pem")
    )
    with pytest.raises(EngineUnavailable, match=r"no file .*no\.pem.*MODELDEX_ELASTICSEARCH_CA"):
        connect(settings)


def test_the_server_is_told_who_asks_where_somebody_does(scripted_cluster, client):
    assert named(client) is client
    token = CALLER.set("anna")
    try:
        assert named(client) is not client
        assert named(client).indices.get(index="models")
    finally:
        CALLER.reset(token)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"error": {"type": "a", "reason": "b"}}, ("a", "b")),
        ({"error": {"type": "a", "root_cause": [{"type": "c", "reason": "d"}]}}, ("c", "d")),
        (
            {
                "error": {
                    "type": "a",
                    "caused_by": {"type": "b", "caused_by": {"type": "deep", "reason": "est"}},
                }
            },
            ("deep", "est"),
        ),
        ({"error": "plain text"}, ("error", "plain text")),
        ("<html>", ("error", "")),
        ({"error": {"type": "a", "reason": "x" * 2000}}, ("a", "x" * 500)),
    ],
)
def test_the_deepest_cause_of_an_error_is_told(body, expected):
    assert cause(body) == expected


def test_a_document_that_waits_says_the_sentence_of_a_whole_request():
    assert "disk is full" in put_off({"type": "cluster_block_exception", "reason": "flood-stage watermark"})
    assert "cannot write now (x: y)" in put_off({"type": "x", "reason": "y"})
