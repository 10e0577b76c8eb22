"""Free properties: which field a key speaks of, and that every such field exists."""

from __future__ import annotations

import pytest

from catalog.records import Origin, Role
from crawler.extractor import Findings
from crawler.extractors.onnx import OnnxExtractor
from crawler.formats.properties import _IDENTITY, tell_properties, tell_property
from crawler.reader import bytes_reader
from mappings import fields


def tell(name, value):
    findings = Findings(
        bytes_reader("m", b""), OnnxExtractor(), format="onnx", role=Role.WEIGHTS, origin=Origin.EMBEDDED
    )
    tell_property(findings, name, value, "meta:x")
    return [(observation.field, observation.raw) for observation in findings.extraction().observations]


def test_every_identity_field_is_in_the_table_and_may_be_observed():
    assert {name for name in _IDENTITY.values() if fields()[name].rule != "derived"} == set(
        _IDENTITY.values()
    )


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("accuracy", "0.94", [("metrics.accuracy", "0.94")]),
        ("Test Accuracy", "94 %", [("metrics.Test Accuracy", "94 %")]),
        ("precision", "fp16", [("training.precision", "fp16")]),
        ("metrics.foo", 3, [("metrics.foo", 3)]),
        ("metrics", '{"acc": 0.5, "note": "x"}', [("metrics.acc", 0.5), ("hyperparameters.note", "x")]),
        ("Author", "Ada", [("owner", "Ada")]),
        ("lr", 0.1, [("training.learning_rate", 0.1)]),
        (
            "hyperparameters",
            '{"lr": 0.1, "depth": 6}',
            [("training.learning_rate", 0.1), ("hyperparameters.depth", 6)],
        ),
        ("stage", "prod", [("extra.stage", "prod")]),
        ("", "x", [("extra.unnamed", "x")]),
    ],
)
def test_a_property_becomes_the_field_it_names(name, value, expected):
    assert tell(name, value) == expected


def test_exports_of_ultralytics_mean_their_library_by_version():
    findings = Findings(
        bytes_reader("m", b""), OnnxExtractor(), format="onnx", role=Role.WEIGHTS, origin=Origin.EMBEDDED
    )
    names = "{0: 'person', 1: 'bicycle', 2: 'car, truck'}"
    items = [("author", "Ultralytics"), ("version", "8.3.1"), ("names", names), ("task", "detect")]
    tell_properties(findings, items, "meta:props", block="props")
    said = {observation.field: observation.raw for observation in findings.extraction().observations}
    assert said["extra.ultralytics_version"] == "8.3.1"
    assert "version" not in said
    assert (said["classes"], said["task"]) == (3, "detect")
