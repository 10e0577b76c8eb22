"""Two real nodes as one cluster: the one that holds the primary dies, and nothing is lost."""

from contextlib import closing

import pytest
from fixtures.elasticsearch_node import Node, distribution, node_folder
from fixtures.patience import wait_until
from fixtures.ports import free_port

from catalog.query.request import SearchRequest
from catalog.search.engine import IndexAction
from catalog.settings import Settings
from catalog.testing.engines import DOCUMENTS, actions

pytest.importorskip("elasticsearch")
from elasticsearch import Elasticsearch

from indexer.engines.elasticsearch import ElasticsearchEngine, ElasticsearchWriter

pytestmark = pytest.mark.filterwarnings("ignore:Elasticsearch built-in security features are not enabled")


@pytest.fixture
def cluster():
    """A master that also holds data, and a second node that only holds data."""
    peers = {"one": free_port(), "two": free_port()}
    archive = distribution()
    with node_folder() as folder:
        nodes = []
        try:
            for name, roles in (("one", ["master", "data"]), ("two", ["data"])):
                place = folder / name
                place.mkdir()
                node = Node(archive, place, name=name, peers=peers, roles=roles)
                nodes.append(node)
                node.start()
            yield nodes
        finally:
            for node in nodes:
                node.stop()


def test_losing_the_primary_loses_nothing(cluster, tmp_path):
    one, two = cluster
    url = f"http://127.0.0.1:{one.port}"
    settings = Settings(
        home=tmp_path, elasticsearch_url=url, elasticsearch_index="models", elasticsearch_timeout_seconds=30.0
    )
    with closing(ElasticsearchWriter(settings)) as writer, closing(ElasticsearchEngine(settings)) as engine:
        with closing(Elasticsearch(url, request_timeout=60)) as client:
            client.cluster.health(wait_for_nodes="2", timeout="60s")
            writer.rebuild(actions(DOCUMENTS))
            _hold_primary_on(client, "two")
            two.kill()
            _wait_until_primary_is_on(client, "one")
        assert engine.search(SearchRequest()).total == len(DOCUMENTS)
        assert len(engine.get([document["id"] for document in DOCUMENTS])) == len(DOCUMENTS)
        assert writer.write([IndexAction(id="a" * 64, revision=2, document=None)]).done
        writer.refresh()
        assert engine.search(SearchRequest()).total == len(DOCUMENTS) - 1


def _hold_primary_on(client, name):
    """Move the only copy there, then let the other node copy it."""
    alone = {"auto_expand_replicas": False, "number_of_replicas": 0, "routing.allocation.require._name": name}
    client.indices.put_settings(index="models", settings=alone)
    _wait_until_primary_is_on(client, name)
    client.indices.put_settings(
        index="models", settings={"routing.allocation.require._name": None, "auto_expand_replicas": "0-1"}
    )
    health = client.cluster.health(wait_for_status="green", timeout="60s", wait_for_no_relocating_shards=True)
    assert health["status"] == "green"
    assert _primary(client) == name


def _wait_until_primary_is_on(client, name):
    wait_until(lambda: _primary(client) == name, pause_seconds=0.3)


def _primary(client):
    shards = client.cat.shards(index="models", format="json", h="prirep,state,node")
    return next((row["node"] for row in shards if row["prirep"] == "p" and row["state"] == "STARTED"), None)
