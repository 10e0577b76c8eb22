"""Which indices behind a name are ours: those of others that are named alike are never taken for them."""

import pytest

from catalog.errors import EngineUnavailable
from catalog.settings import Settings
from indexer.engines.elasticsearch.connection import connect
from indexer.engines.elasticsearch.versions import LOADING, Versions


def index(schema="abc", **settings):
    return {"mappings": {"_meta": {"schema_hash": schema}}, "settings": {"index": settings}}


FOREIGN = {"mappings": {}, "settings": {"index": {}}}


@pytest.fixture
def versions(scripted_cluster, tmp_path):
    client = connect(Settings(home=tmp_path, elasticsearch_url=scripted_cluster.url))
    yield Versions(client, "models")
    client.close()


def test_ours_are_in_the_order_of_their_numbers_and_not_of_their_names(scripted_cluster, versions):
    found = {"models-abc-10": index(), "models-def-9": index("def"), "models-abc-2": index()}
    scripted_cluster.script["GET /models-*"] = (200, found)
    assert versions.ours() == ["models-abc-2", "models-def-9", "models-abc-10"]
    assert versions.next_number() == 11


@pytest.mark.parametrize(
    "name",
    [
        "models-archive",
        "models-abc-1-old",
        "models-XYZ-1",
        "models-abc-",
        "models-write-abc-1",
        "xmodels-abc-1",
    ],
)
def test_an_index_that_is_only_named_alike_is_not_ours(scripted_cluster, versions, name):
    scripted_cluster.script["GET /models-*"] = (200, {name: index()})
    assert versions.ours() == []
    assert versions.next_number() == 1


def test_a_name_like_ours_without_our_mark_is_not_ours_and_its_number_is_taken(scripted_cluster, versions):
    scripted_cluster.script["GET /models-*"] = (200, {"models-abc-7": FOREIGN})
    assert versions.ours() == []
    assert versions.next_number() == 8


def test_an_index_whose_load_was_killed_is_none_to_go_back_to(scripted_cluster, versions):
    found = {"models-abc-1": index(), "models-abc-2": index(refresh_interval=LOADING)}
    scripted_cluster.script["GET /models-*"] = (200, found)
    assert versions.loaded() == ["models-abc-1"]


def test_an_alias_that_leads_to_somebody_elses_index_is_refused_by_name(scripted_cluster, versions):
    scripted_cluster.script["GET /models"] = (200, {"models-abc-1": index(), "customers": FOREIGN})
    with pytest.raises(
        EngineUnavailable, match=r"'models' leads to 'customers'.*MODELDEX_ELASTICSEARCH_INDEX"
    ):
        versions.behind("models")


def test_no_alias_means_no_index_and_is_no_error(scripted_cluster, versions):
    scripted_cluster.script["GET /models"] = (200, {})
    assert versions.behind("models") == {}


def test_a_pattern_in_the_name_of_the_alias_is_taken_as_letters(scripted_cluster, tmp_path):
    client = connect(Settings(home=tmp_path, elasticsearch_url=scripted_cluster.url))
    scripted_cluster.script["GET /m.dels-*"] = (200, {"models-abc-1": index(), "m.dels-abc-4": index()})
    assert Versions(client, "m.dels").ours() == ["m.dels-abc-4"]
    client.close()
