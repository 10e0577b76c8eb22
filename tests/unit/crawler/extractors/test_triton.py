"""config.pbtxt of Triton's model repository, and text of protocol buffers."""

from __future__ import annotations

from typing import ClassVar

import pytest
from fixtures.extraction import extract, values_of

from catalog.errors import ExtractError, LimitExceeded, Malformed
from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.triton import TritonExtractor
from crawler.formats import prototext

CONFIG = b"""# what is served
name: "densenet_onnx"
platform: "onnxruntime_onnx"
max_batch_size : 8
input [
  {
    name: "data_0"
    data_type: TYPE_FP32
    format: FORMAT_NCHW
    dims: [ 3, 224, -1 ]
    reshape { shape: [ 1, 3, 224, 224 ] }
  }
]
output { name: 'fc6_1' data_type: TYPE_FP16 dims: [ 1000 ] label_filename: "labels.txt" };
version_policy: { specific { versions: [1, 3] } }
instance_group [ { count: 2 kind: KIND_GPU gpus: [ 0 ] } ]
dynamic_batching < preferred_batch_size: [ 4, 8 ] >
parameters { key: "threshold" value: { string_value: "0." "5" } }
"""


class TestTriton(ExtractorSuite):
    extractor = TritonExtractor
    expected: ClassVar = {
        "name": "densenet_onnx",
        "framework": "onnx",
        "inputs": [{"name": "data_0", "dtype": "F32", "shape": [None, 3, 224, None]}],
        "outputs": [{"name": "fc6_1", "dtype": "F16", "shape": [None, 1000]}],
        "extra.triton.max_batch_size": 8,
        "extra.triton.platform": "onnxruntime_onnx",
        "extra.triton.parameters.threshold": "0.5",
    }

    def sample(self):
        return Sample(key="repository/densenet_onnx/config.pbtxt", data=CONFIG)


def test_dimensions_of_a_model_without_a_batch_are_all_of_them():
    config = b'backend: "tensorrt"\nmax_batch_size: 0\ninput { name: "images" data_type: TYPE_FP16 dims: [1, 3, 640, 640] }'
    values = values_of(extract(TritonExtractor, "yolo/config.pbtxt", config))
    assert values["inputs"] == [{"name": "images", "dtype": "F16", "shape": [1, 3, 640, 640]}]
    assert values["framework"] == "tensorrt"


@pytest.mark.parametrize("backend", ["python", "ensemble", "dali"], ids=str)
def test_what_runs_no_format_of_weights_names_no_framework(backend):
    values = values_of(extract(TritonExtractor, "prep/config.pbtxt", f'backend: "{backend}"'.encode()))
    assert "framework" not in values


def test_text_of_another_program_is_left_alone():
    assert TritonExtractor().claims("labels/config.pbtxt", b'item { id: 1 name: "cat" }') is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1 b: -2.5f c: 0x1F d: true e: KIND_CPU", {"a": [1], "b": [-2.5], "c": [31], "d": [True], "e": ["KIND_CPU"]}),
        (r'a: "x\n\x41\101\"" "b"', {"a": ['x\nAA"b']}),
        ("a { b: [1, 2] b: 3 } a < c { } >", {"a": [{"b": [1, 2, 3]}, {"c": [{}]}]}),
        ("a: [{ b: 1 }, { b: 2 }] [ext.name]: 4", {"a": [{"b": [1]}, {"b": [2]}], "[ext.name]": [4]}),
        ("# nothing", {}),
    ],
    ids=["numbers", "texts", "messages", "lists", "nothing"],
)  # fmt: skip
def test_text_of_protocol_buffers_is_fields_with_all_their_values(text, message):
    assert prototext.load(text) == message


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("a {", Malformed),
        ("a: [1,", Malformed),
        ("a: [{ b: 1 }", Malformed),
        ("a: }", Malformed),
        ("a 1", Malformed),
        ("a:", Malformed),
        ("a: %", Malformed),
        ("}", Malformed),
        ('a: "' + "\\", Malformed),
        ("a {" * 40, LimitExceeded),
        ("a: 1 " * 100_000, LimitExceeded),
        ("a: [" + "1," * 150_000, LimitExceeded),
    ],
    ids=lambda value: value[:6] if isinstance(value, str) else value.__name__,
)
def test_text_that_is_cut_short_or_goes_on_for_ever_is_refused(text, error):
    assert issubclass(error, ExtractError)
    with pytest.raises(error):
        prototext.load(text)


def test_half_of_a_character_in_a_configuration_is_no_text():
    """The record of the model could not be made: no database holds half of a character."""
    values = values_of(
        extract(TritonExtractor, "net/config.pbtxt", b'name: "net \\ud800"\nmax_batch_size: 1')
    )
    assert values["name"] == "net \N{REPLACEMENT CHARACTER}"
