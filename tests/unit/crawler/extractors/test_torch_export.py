"""Exported programs of PyTorch: inputs, outputs and opset."""

from __future__ import annotations

import io
import json
import pickle
import shutil
import zipfile
from pathlib import Path
from typing import ClassVar

import pytest
from fixtures.extraction import extract_file, risk_details, values_of

from catalog.records import Severity
from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.torch_export import TorchExportExtractor
from crawler.reader import Budget
from crawler.reading import ObjectReader
from crawler.registry import Registry
from crawler.sources.local import LocalSource

DATA = Path(__file__).parents[3] / "corpus" / "data" / "torch"


class TestExportedProgram(ExtractorSuite):
    extractor = TorchExportExtractor
    expected: ClassVar = {
        "framework": "pytorch",
        "extra.opset_version": {"aten": 10},
        "inputs": [{"name": "input", "shape": ["s31", 3, 4, 4], "dtype": "F32"}],
        "outputs": [{"name": "linear", "shape": ["s31", 5], "dtype": "F32"}],
    }

    def sample(self):
        return Sample(key="exported.pt2", data=(DATA / "exported.pt2").read_bytes())


@pytest.fixture
def program(tmp_path):
    """A program with further members."""

    def write(**members):
        shutil.copy(DATA / "exported.pt2", tmp_path)
        with zipfile.ZipFile(tmp_path / "exported.pt2", "a") as archive:
            for name, content in members.items():
                archive.writestr(name, content)
        return extract_file(TorchExportExtractor, tmp_path, "exported.pt2")

    return write


def test_compiled_code_in_a_program_runs_when_it_is_loaded(program):
    """As AOTInductor packs it."""
    name = "exported/data/aotinductor/model/abc.wrapper.so"
    assert risk_details(program(**{name: b"\x7fELF"})) == [
        "Loading it runs compiled code of the file: abc.wrapper.so"
    ]


def zipped(**members):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, value in members.items():
            archive.writestr(name, value)
    return content.getvalue()


HARMLESS = zipped(**{"archive/data.pkl": pickle.dumps({"x": 1}, 2)})


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        (HARMLESS, None),
        (zipped(**{"archive/data.pkl": b"cos\nsystem\n(S'true'\ntR."}), "Calls os.system"),
        (zipped(inner=HARMLESS), "a zip inside a zip inside the zip"),
        (HARMLESS[:-9], "a zip inside the zip"),
    ],
    ids=["harmless", "hostile", "too deep", "cut short"],
)
def test_a_torch_file_in_a_program_is_looked_into_whatever_it_is_called(tmp_path, program, content, detail):
    program(**{"exported/extra/inputs": content})
    source = LocalSource(tmp_path)
    meta = next(meta for step in source.list() for meta in step.objects)
    risks = ObjectReader(source, Registry.installed(), Budget()).read(meta, None).extraction.risks
    said = [risk.detail for risk in risks if risk.severity >= Severity.MEDIUM]
    assert said == [] if detail is None else any(detail in sentence for sentence in said)


def unpacking(weight, *, smallest, largest):
    """The node that makes floats of a weight, as torch 2.15 writes it."""
    limits = {"quant_min": smallest, "quant_max": largest}
    inputs = [{"name": "input", "arg": {"as_tensor": {"name": weight}}, "kind": 1}]
    inputs += [{"name": name, "arg": {"as_int": limit}, "kind": 1} for name, limit in limits.items()]
    target = "torch.ops.quantized_decomposed.dequantize_per_channel.default"
    return {"target": target, "inputs": inputs, "outputs": [], "metadata": {}}


@pytest.mark.parametrize(
    ("limits", "bits"),
    [
        ({"p_0_weight": (-128, 127), "relu": (0, 15)}, 8),
        ({"p_0_weight": (-8, 7), "relu": (0, 255)}, 4),
        ({"p_0_weight": (-7, 7)}, 4),
        ({"p_0_weight": (None, None)}, None),
        ({"p_0_weight": (7, -8)}, None),
        ({"p_0_weight": (-8, 7), "p_0_bias": (-128, 127)}, None),
        ({"relu": (0, 255)}, None),
    ],
)
def test_bits_are_what_lies_between_the_limits_of_the_weights(tmp_path, limits, bits):
    """A quantiser of 4 bits, which keeps its values in bytes, was told as one of 8."""
    with zipfile.ZipFile(DATA / "exported.pt2") as read, zipfile.ZipFile(tmp_path / "q.pt2", "w") as written:
        for name in read.namelist():
            content = read.read(name)
            if name.endswith("/models/model.json"):
                document = json.loads(content)
                document["graph_module"]["graph"]["nodes"] += [
                    unpacking(weight, smallest=smallest, largest=largest)
                    for weight, (smallest, largest) in limits.items()
                ]
                content = json.dumps(document)
            written.writestr(name, content)
    said = values_of(extract_file(TorchExportExtractor, tmp_path, "q.pt2"))
    assert (said["quantization.method"], said.get("quantization.bits")) == ("pt2e", bits)
