"""YAML 1.1 turns `no` into False, `1.10` into 1.1, `12:30:45` into 45045 and a git commit into infinity."""

import pytest

from crawler.extractors.model_card import ModelCardExtractor
from crawler.formats import yamls
from crawler.reader import bytes_reader

CARD = b"""---
language: no
version: 1.10
commit: 123e4567
license: mit
training: {lr: 5e-5, seed: 010}
time: 12:30:45
---
# Norwegian

A model for Norwegian text.
"""


def said(field):
    extraction = ModelCardExtractor().extract(bytes_reader("README.md", CARD))
    return [observation.raw for observation in extraction.observations if observation.field == field]


@pytest.mark.parametrize(
    ("field", "raw"),
    [
        ("language", ["no"]),
        ("version", ["1.10"]),
        ("code_version", ["123e4567"]),
        ("training.learning_rate", [5e-05]),
        ("extra.time", ["12:30:45"]),
    ],
)
def test_scalar_means_what_was_written(field, raw):
    assert said(field) == raw


@pytest.mark.parametrize(
    "text", ["no", "off", "1.10", "5e-5", "123e4567", "12:30:45", "010", "0x1F", "~", "2024-01-01", ".inf"]
)
def test_scalar_stays_the_text_it_was(text):
    value = yamls.load(f"key: {text}")["key"]
    assert value == text
    assert value.plain


def test_quoted_scalar_is_never_a_number_or_null():
    value = yamls.load("a: '5'\nb: \"null\"\nc: |\n  7\n")
    assert yamls.json_value(value) == {"a": "5", "b": "null", "c": "7\n"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", 5),
        ("5e-5", 5e-05),
        ("-0.5", -0.5),
        ("true", True),
        ("null", None),
        ("no", "no"),
        ("1e400", "1e400"),
        (".5", 0.5),
    ],
)
def test_json_value_reads_the_core_schema_only(text, value):
    assert yamls.json_value(yamls.load(f"- {text}")) == [value]
