"""Modeldex's own sidecar: every field by its name, and clear words for what is no field."""

import json

import pytest

from catalog.errors import Malformed
from crawler.extractors.modeldex_sidecar import ModeldexSidecarExtractor
from crawler.reader import bytes_reader
from mappings import fields


def read(text, name="modeldex.yaml"):
    return ModeldexSidecarExtractor().extract(bytes_reader(name, text.encode()))


def said(text):
    found = {}
    for observation in read(text).observations:
        found.setdefault(observation.field, []).append(observation.raw)
    return found


def problems(text):
    return [(problem.code, problem.message) for problem in read(text).problems]


OBSERVED = [
    field
    for field in fields().values()
    if field.rule != "derived" and field.type in {"keyword", "text", "name", "long", "double", "date"}
]
VALUES = {"long": 3, "double": 0.5, "date": "2024-05-31"}


@pytest.mark.parametrize("field", OBSERVED, ids=lambda field: field.name)
def test_every_observed_field_can_be_written_dotted_or_nested(field):
    value = VALUES.get(field.type, "word")
    nested = value
    for part in reversed(field.name.split(".")):
        nested = {part: nested}
    assert said(json.dumps({field.name: value})) == {field.name: [value]}
    assert said(json.dumps(nested)) == {field.name: [value]}


@pytest.mark.parametrize(
    "name", ["modeldex.yaml", "modeldex.yml", "modeldex.json", "model.onnx.modeldex.yaml", "x.modeldex.json"]
)
def test_sidecar_is_claimed_by_its_name(name):
    assert ModeldexSidecarExtractor().claims(f"a/{name}", b"").confidence == 100


@pytest.mark.parametrize(
    "name", ["modeldex.toml", "mymodeldex.yaml", "modeldex.yaml.bak", "modeldex/readme.md"]
)
def test_other_names_are_not_claimed(name):
    assert ModeldexSidecarExtractor().claims(name, b"") is None


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("licens: mit", "unknown-field", "'licens' is no field; kept under extra. Did you mean 'license'?"),
        ("training: {learnin_rate: 1}", "unknown-field", "Did you mean 'training.learning_rate'?"),
        ("zzzzzz: 1", "unknown-field", "'zzzzzz' is no field; kept under extra."),
        ("status: ok", "derived-field", "worked out by Modeldex"),
        ("parameters: many", "wrong-type", "takes a number, not 'many'"),
        ("trained_at: yesterday", "wrong-type", "takes a date such as 2024-05-31"),
        ("license: [mit, apache-2.0]", "one-value", "takes one value, 2 are given"),
        ("name: {a: b}", "wrong-type", "takes a single value"),
        ("metrics: good", "wrong-type", "metrics are a map"),
        ("metrics: [{value: 3}]", "metric-entry", "needs a metric and a value"),
        ("hyperparameters: 3", "wrong-type", "is a map of names to values"),
    ],
)  # fmt: skip
def test_problem_says_what_is_wrong_and_what_was_meant(text, code, words):
    ((found, message),) = problems(text)
    assert found == code
    assert words in message


def test_wrong_value_is_kept_under_extra_and_the_rest_is_said():
    assert said("parameters: many\nname: x\nteam: {lead: A}") == {
        "extra.parameters": ["many"],
        "name": ["x"],
        "extra.team.lead": ["A"],
    }


METRICS = {
    "a map": ("metrics: {accuracy: 0.9, f1: 0.8}", [("accuracy", 0.9, {}), ("f1", 0.8, {})]),
    "a list": (
        "metrics: [{metric: accuracy, value: 0.9, dataset: imdb, split: test}]",
        [("accuracy", 0.9, {"dataset": "imdb", "split": "test"})],
    ),
    "a map with entries": ("metrics: {acc: {value: 91%, split: test}}", [("acc", "91%", {"split": "test"})]),
    "below a data set and a split": (
        "metrics: {imdb: {test: {accuracy: 0.9}}}",
        [("accuracy", 0.9, {"dataset": "imdb", "split": "test"})],
    ),
    "a mean": ("metrics: {accuracy: {mean: 0.9, std: 0.1}}", [("accuracy", {"mean": 0.9, "std": 0.1}, {})]),
    "at the top": ("accuracy: 0.9", [("accuracy", 0.9, {})]),
    "evaluations": ("evaluations: [{metric: bleu, value: 34.2, dataset: {id: wmt14}}]", [("bleu", 34.2, {"dataset": "wmt14"})]),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), METRICS.values(), ids=METRICS)
def test_metrics_are_read_in_every_shape(text, expected):
    found = read(text)
    metrics = [
        (
            o.field.removeprefix("metrics."),
            o.raw,
            {key: o.context[key] for key in o.context if key != "block"},
        )
        for o in found.observations
    ]
    assert metrics == expected
    assert found.problems == ()


def test_aliases_and_units_are_left_to_the_normaliser():
    assert said("author: A\nlr: 5e-5\nparams: 7B\nsize: 2 GB") == {
        "owner": ["A"],
        "training.learning_rate": [5e-05],
        "parameters": ["7B"],
        "size_bytes": ["2 GB"],
    }


def test_sidecar_that_is_no_map_is_malformed():
    with pytest.raises(Malformed, match="a list of keys with values"):
        read("- a\n- b")


def test_empty_sidecar_is_a_problem_not_an_error():
    assert problems("") == [("empty-sidecar", "the sidecar says nothing")]
