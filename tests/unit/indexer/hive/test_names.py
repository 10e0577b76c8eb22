"""Which values of models name tables, and which places lie in theirs."""

from __future__ import annotations

import pytest

from indexer.hive.names import MAX_CHARACTERS, place, places_around, table_name

NAMES = {
    "ml.commoncrawl_2023": "ml.commoncrawl_2023",
    " ML.CommonCrawl ": "ml.commoncrawl",
    "`ml`.`crawl`": "ml.crawl",
    "hive.ml.crawl": "ml.crawl",
    "spark_catalog.ml.crawl": "ml.crawl",
    "hive:ml.crawl": "ml.crawl",
    "hive://ml.crawl": "ml.crawl",
    "hive://ml/crawl": "ml.crawl",
    "hive://host:9083/ml.crawl": "ml.crawl",
    "hive://host:9083/ml/crawl": "ml.crawl",
    "thrift://host:9083/ml/crawl/dt=1/hour=2": "ml.crawl",
    "ml.crawl/dt=2024-01-01": "ml.crawl",
    "2023.crawl": "2023.crawl",
    "crawl": None,
    "squad": None,
    "org/name": None,
    "org/name.v2": None,
    "unity.ml.crawl": None,
    "ml.crawl.": None,
    "ml.": None,
    ".": None,
    "": None,
    "/": None,
    "hive://": None,
    "hive:": None,
    "s3://bucket/ml.db/crawl": None,
    "ml.crawl; drop table x": None,
    "ml.\u0441rawl": None,
    f"ml.{'x' * 129}": None,
    f"ml.{'x' * MAX_CHARACTERS}": None,
}


@pytest.mark.parametrize("number", range(len(NAMES)))
def test_a_value_names_a_table_or_none(number):
    text, name = list(NAMES.items())[number]
    parts = table_name(text)
    assert (parts and ".".join(parts)) == name


EQUAL = [
    ("s3a://lake/ml/x/", "s3://lake/ml/x"),
    ("s3n://key:secret@Lake/ml/x", "s3://lake/ml/x"),
    ("cosn://lake-125/ml", "s3://lake-125/ml"),
    ("hdfs://nn:8020/warehouse/x", "hdfs://NN/warehouse/x"),
    ("file:/warehouse/x", "/warehouse/x"),
    ("file:///warehouse/x", "/warehouse/x"),
    ("abfss://data@account.dfs.core.windows.net/x", "abfss://data@account.dfs.core.windows.net/x/"),
]


@pytest.mark.parametrize(("one", "other"), EQUAL)
def test_spellings_of_one_place_are_equal(one, other):
    assert place(one) == place(other) is not None


def test_a_whole_storage_and_what_is_no_place_are_none():
    values = ("s3://lake", "s3://lake/", "/", "file:///", "data/train.csv", "ml.crawl", "", "x" * 3000)
    assert [place(value) for value in values] == [None] * len(values)
    assert place("s3://lake/a") != place("gs://lake/a")
    assert place("s3://lake/A") != place("s3://lake/a")


def test_a_place_lies_in_those_above_it_and_in_no_neighbour():
    assert list(places_around("s3a://lake/ml/events/dt=1/p.parquet")) == [
        "s3://lake/ml/events/dt=1/p.parquet",
        "s3://lake/ml/events/dt=1",
        "s3://lake/ml/events",
        "s3://lake/ml",
    ]
    assert list(places_around("/a/b")) == ["file:///a/b", "file:///a"]
    assert len(list(places_around("/" + "a/" * 900))) == 64
