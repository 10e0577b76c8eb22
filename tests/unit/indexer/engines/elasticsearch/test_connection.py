"""The address of Elasticsearch, before anything is sent there."""

import pytest

from catalog.errors import EngineUnavailable
from catalog.settings import Settings
from indexer.engines.elasticsearch.connection import connect


@pytest.mark.parametrize("url", ["foo", "user:hidden@host", "http://:hidden@"])
def test_an_address_that_is_no_url_is_one_sentence_without_its_password(tmp_path, url):
    with pytest.raises(EngineUnavailable, match="MODELDEX_ELASTICSEARCH_URL") as caught:
        connect(Settings(home=tmp_path, elasticsearch_url=url))
    assert "hidden" not in str(caught.value)
