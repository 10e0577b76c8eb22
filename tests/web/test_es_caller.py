"""A slow search in Elasticsearch's own log leads back to who asked for it."""

from __future__ import annotations

import pytest
from fixtures.es_door import app_over

from catalog.query.request import SearchRequest
from indexer.engines import open_engine, open_writer

pytestmark = pytest.mark.filterwarnings("ignore:Elasticsearch built-in security features are not enabled")
KEY = {"Authorization": "ApiKey a-long-secret"}


def test_searches_carry_the_user_and_the_number_of_the_request(elasticsearch_settings, unruly_proxy):
    settings = elasticsearch_settings.but(elasticsearch_url=unruly_proxy.url, api_keys="ada:a-long-secret")
    writer, engine = open_writer(settings), open_engine(settings)
    app = app_over(engine, settings)
    try:
        writer.refresh()
        answer = app.test_client().post("/es/models/_search", json={"size": 0}, headers=KEY)
        assert answer.status_code == 200
        assert unruly_proxy.opaque_ids[-1] == f"ada/{answer.headers['X-Request-Id']}"
        engine.search(SearchRequest(size=0))
        assert unruly_proxy.opaque_ids[-1] is None
    finally:
        app.extensions["modeldex-es"].close()
        engine.close()
        writer.close()
