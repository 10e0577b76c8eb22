"""`modeldex show` leaves no value out."""

from __future__ import annotations

from types import SimpleNamespace

from catalog.commands.model_report import described


def test_inputs_outputs_and_alternatives_are_printed():
    document = {
        "name": "net",
        "inputs": [{"name": "pixels", "dtype": "F32", "shape": [None, 8]}],
        "outputs": [{"name": "digit", "dtype": "F32"}],
        "alternatives": [{"format": "onnx", "files": ["net.onnx"], "parameters": 7}],
        "dtypes": {"F32": 7},
    }
    lines = "\n".join(described(SimpleNamespace(document=document, revision=1, provenance={})))
    for text in ('name: "pixels"', "shape: [null, 8]", 'name: "digit"', 'files: ["net.onnx"]', "F32: 7"):
        assert text in lines
