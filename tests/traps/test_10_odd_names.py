"""File names are bytes; every one becomes exactly one model that can be shown."""

import json

import pytest

from catalog.query.state import SearchState
from catalog.search.service import SearchService
from catalog.testing.sources import ODD_KEYS
from indexer.drain import drain_now
from indexer.engines import open_engine


@pytest.mark.parametrize("name", [key for key in ODD_KEYS if "/" not in key], ids=ascii)
def test_a_model_of_any_name_is_indexed_once_and_shown_as_text(shop, name):
    shop.model(f"{name}.safetensors")
    shop.crawl()
    shop.crawl()
    (document,) = shop.documents().values()
    assert len(document["id"]) == 64
    json.dumps(document).encode("utf-8")
    json.dumps(document, ensure_ascii=False).encode("utf-8")
    assert document["uri"].isascii()
    (action,) = shop.store.consumer("index").claim()
    assert action.document["path"] == document["path"]


def test_composed_and_decomposed_names_are_two_files(shop):
    shop.model("caf\N{LATIN SMALL LETTER E WITH ACUTE}.safetensors")
    shop.model("cafe\N{COMBINING ACUTE ACCENT}.safetensors")
    shop.crawl()
    assert len(shop.documents()) == 2


@pytest.mark.parametrize(
    "typed", ["caf\N{LATIN SMALL LETTER E WITH ACUTE}", "cafe\N{COMBINING ACUTE ACCENT}", "cafe"]
)
def test_either_form_of_a_name_finds_both_files(shop, typed):
    shop.model("caf\N{LATIN SMALL LETTER E WITH ACUTE}.safetensors")
    shop.model("cafe\N{COMBINING ACUTE ACCENT}.safetensors", values=8)
    shop.crawl()
    drain_now(shop.settings, shop.store)
    engine = open_engine(shop.settings)
    try:
        page = SearchService(engine).page(SearchState(text=typed))
    finally:
        engine.close()
    assert {hit["id"] for hit in page.hits} == {document["id"] for document in shop.documents().values()}
    assert page.total == 2
