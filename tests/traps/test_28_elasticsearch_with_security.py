"""A real node with users, keys and TLS: what may be done is done, what may not is one sentence, and nothing is lost."""

from __future__ import annotations

import base64
import json
import ssl
from contextlib import closing

import pytest
from fixtures.patience import wait_until
from fixtures.unruly_proxy import UnrulyProxy

from catalog.errors import EngineUnavailable
from catalog.query.request import SearchRequest
from catalog.settings import Settings
from catalog.testing.engines import DOCUMENTS, actions
from indexer.settings import ElasticsearchSettings

pytest.importorskip("elasticsearch")
from indexer.engines.elasticsearch import ElasticsearchEngine, ElasticsearchWriter

KEY = "cmVhZGVyOmtleQ=="
HEADER = json.dumps({"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode()
WEIGHTS = len(HEADER).to_bytes(8, "little") + HEADER + bytes(8)


@pytest.fixture(scope="module")
def node(secure_node):
    return secure_node


@pytest.fixture
def door(node):
    """Knows one API key, whose rights are those of the user `reader`."""
    basic = base64.b64encode(b"reader:reader-password").decode()
    proxy = UnrulyProxy(
        node.url,
        keys={f"ApiKey {KEY}": f"Basic {basic}"},
        trusted=ssl.create_default_context(cafile=node.authority),
    )
    yield proxy
    proxy.close()


@pytest.fixture
def settings(node, tmp_path):
    return Settings(
        home=tmp_path,
        engine="elasticsearch",
        elasticsearch_url=node.url,
        elasticsearch_ca=str(node.authority),
        elasticsearch_user="indexer",
        elasticsearch_password="indexer-password",
        elasticsearch_timeout_seconds=30.0,
    )


@pytest.fixture
def filled(node, settings):
    with closing(ElasticsearchWriter(settings)) as writer:
        writer.rebuild(actions(DOCUMENTS))
    yield settings
    for name in list(node.admin.indices.get(index="models-*", allow_no_indices=True)):
        node.admin.indices.delete(index=name)


def changed(settings, **values):
    return settings.but(**{f"elasticsearch_{name}": value for name, value in values.items()})


def found(settings):
    with closing(ElasticsearchEngine(settings)) as engine:
        return engine.search(SearchRequest()).total


def write(settings):
    with closing(ElasticsearchWriter(settings)) as writer:
        return writer.write(actions(DOCUMENTS[:1], revision=2))


def test_a_user_with_rights_on_the_alias_alone_writes_and_reads(filled):
    assert found(filled) == len(DOCUMENTS)
    assert write(filled).done == ["a" * 64]


def test_a_key_that_may_only_read_searches_and_is_told_that_it_may_not_write(door, filled):
    reader = changed(filled, url=door.url, user="", password="", api_key=KEY, ca="")
    with closing(ElasticsearchEngine(reader)) as engine:
        assert engine.search(SearchRequest()).total == len(DOCUMENTS)
        assert engine.info().documents == len(DOCUMENTS)
        assert len(list(engine.scan(SearchRequest()))) == len(DOCUMENTS)
        with closing(engine.point_in_time(keep_seconds=30)) as point:
            assert point.search(SearchRequest()).total == len(DOCUMENTS)
    with pytest.raises(EngineUnavailable, match=r"may not do this.*rights on the alias"):
        write(reader)
    with (
        closing(ElasticsearchWriter(reader)) as writer,
        pytest.raises(EngineUnavailable, match="may not do this"),
    ):
        writer.rebuild(actions(DOCUMENTS))
    assert found(reader) == len(DOCUMENTS)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (
            {"password": "wrong"},
            "refused the credentials.*MODELDEX_ELASTICSEARCH_API_KEY, or _USER and _PASSWORD",
        ),
        ({"user": "", "api_key": "bm86c3VjaC1rZXk="}, "refused the credentials"),
        ({"user": ""}, "refused the credentials"),
        ({"ca": ""}, "certificate.*MODELDEX_ELASTICSEARCH_CA"),
        ({"ca": "/no/such/ca.crt"}, "MODELDEX_ELASTICSEARCH_CA"),
        ({"ca": __file__}, "MODELDEX_ELASTICSEARCH_CA"),
    ],
    ids=["password", "key", "nobody", "unknown authority", "no such file", "no certificate"],
)
def test_each_wrong_setting_is_one_sentence_that_names_it(filled, values, sentence):
    wrong = changed(filled, **values)
    with pytest.raises(EngineUnavailable, match=sentence) as search:
        found(wrong)
    assert "\n" not in str(search.value)
    with pytest.raises(EngineUnavailable, match=sentence):
        write(wrong)


def test_plain_http_where_tls_is_asked_is_one_sentence(filled):
    with pytest.raises(EngineUnavailable, match="MODELDEX_ELASTICSEARCH_URL"):
        found(changed(filled, url=filled.section(ElasticsearchSettings).url.replace("https", "http"), ca=""))


def test_a_user_without_any_right_is_one_sentence(filled):
    stranger = changed(filled, user="stranger", password="stranger-password")
    with pytest.raises(EngineUnavailable, match="may not do this"):
        found(stranger)


def test_a_red_index_is_one_sentence(node, settings):
    """The only copy of the index is on no node."""
    nowhere = {"number_of_replicas": 0, "routing.allocation.require._name": "nobody"}
    node.admin.indices.create(
        index="models-0a-1",
        settings=nowhere,
        mappings={"_meta": {"schema_hash": "0a"}},
        aliases={"models": {}},
        wait_for_active_shards=0,
    )
    try:
        with pytest.raises(EngineUnavailable, match=r"the cluster cannot answer now.*_cluster/health"):
            found(changed(settings, timeout_seconds=5.0))
    finally:
        node.admin.indices.delete(index="models-0a-1")


@pytest.mark.usefixtures("quick_retries")
def test_a_full_disk_keeps_everything_waiting_and_readable(node, filled):
    """The flood-stage mark of the disk is set above what is free, so the node itself closes the index for writing."""
    marks = {
        f"cluster.routing.allocation.disk.watermark.{name}": "1000tb"
        for name in ("low", "high", "flood_stage")
    }
    calm = dict.fromkeys(marks)
    threshold = "cluster.routing.allocation.disk.threshold_enabled"
    node.admin.cluster.put_settings(persistent={**marks, threshold: True})
    try:
        wait_until(lambda: "blocks" in _index_settings(node))
        outcome = write(filled)
        assert not outcome.done
        assert not outcome.rejected
        assert outcome.retry["a" * 64].startswith(
            "elasticsearch: its disk is full, so the index is read-only."
        )
        assert found(filled) == len(DOCUMENTS)
    finally:
        node.admin.cluster.put_settings(persistent={**calm, threshold: False})
    node.admin.indices.put_settings(index="models", settings={"index.blocks.read_only_allow_delete": None})
    assert write(filled).done == ["a" * 64]


def _index_settings(node):
    (held,) = node.admin.indices.get_settings(index="models").values()
    return held["settings"]["index"]
