"""Texts before another one, found by an expression over the terms of an index: the order of Python's texts."""

import pytest
import tantivy

from catalog.query.validate import MAX_ORDERED_CHARACTERS
from catalog.text.natural import version_key, version_of
from indexer.engines.tantivy.text_order import before

VERSIONS = [
    "1",
    "1.0",
    "1.9",
    "1.9.1",
    "1.10",
    "v2",
    "2.0-rc1",
    "2.0",
    "2.0.0",
    "2024.11.30",
    "2024-01",
    "2024-01-05",
    "2.0+cu118",
    "1.2.3.4",
    "final",
    "é9",
]
KEYS = [version_key(version) for version in VERSIONS]


@pytest.fixture(scope="module")
def found():
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("key", stored=True, fast=True, tokenizer_name="raw", index_option="basic")
    schema = builder.build()
    index = tantivy.Index(schema)
    writer = index.writer(15_000_000, 1)
    for key in KEYS:
        writer.add_document(tantivy.Document(key=key))
    writer.commit()
    index.reload()
    searcher = index.searcher()

    def matching(expression):
        hits = searcher.search(tantivy.Query.regex_query(schema, "key", expression), 100).hits
        return sorted(searcher.doc(address)["key"][0] for _, address in hits)

    return matching


@pytest.mark.parametrize("included", [False, True])
@pytest.mark.parametrize("key", [*KEYS, "0", "\x00", "zz", "0" * MAX_ORDERED_CHARACTERS, "\U0010ffff" * 20])
def test_what_comes_before_a_text_is_what_python_sorts_before_it(found, key, included):
    expected = sorted(other for other in KEYS if other < key or (included and other == key))
    assert found(before(key, included=included)) == expected


def test_versions_are_sorted_as_people_count_them():
    in_order = ["1.9", "1.9-2-gabc", "v1.9.1", "1.10", "2.0-rc1", "2.0", "2.0+cu118", "2024-01", "2024-01-05"]
    assert sorted(in_order, key=version_key) == in_order


@pytest.mark.parametrize("version", ["1.9", "2.0-rc1", "0", "10.0.1", "final", "2.1+cu118", "1.0-2-gabc"])
def test_version_of_a_key_is_the_version(version):
    assert version_of(version_key(version)) == version


def test_key_that_is_of_no_version_has_none():
    assert version_of("1.") is None
