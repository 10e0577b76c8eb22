"""PyTorch's zip files as torch, Lightning and Ultralytics write them, with torch's own counts."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path
from typing import ClassVar

import pytest
from fixtures.extraction import elements_of, extract_file, risk_details, values_of

from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.torch_distributed import TorchDistributedExtractor
from crawler.extractors.torch_export import TorchExportExtractor
from crawler.extractors.torch_legacy import TorchLegacyExtractor
from crawler.extractors.torch_zip import TorchZipExtractor

DATA = Path(__file__).parents[3] / "corpus" / "data" / "torch"


TRUTH = json.loads((DATA / "truth.json").read_text())


ULTRALYTICS = json.loads((DATA / "ultralytics.json").read_text())


class TestStateDict(ExtractorSuite):
    extractor = TorchZipExtractor
    expected: ClassVar = {"framework": "pytorch"}

    def sample(self):
        return Sample(key="flowers/pytorch_model.bin", data=(DATA / "state_dict.pt").read_bytes())


class TestCheckpoint(ExtractorSuite):
    extractor = TorchZipExtractor
    expected: ClassVar = {
        "framework": "pytorch",
        "training.epochs": 7,
        "training.steps": 1400,
        "metrics.best_acc": 0.875,
        "metrics.val_loss": 0.25,
        "hyperparameters.lr": 0.0002,
        "hyperparameters.batch_size": 32,
        "hyperparameters.arch": "resnet_tiny",
        "hyperparameters.data": "/data/flowers",
        "hyperparameters.weight_decay": 0.02,
    }

    def sample(self):
        return Sample(key="run/checkpoint.pt", data=(DATA / "checkpoint.pt").read_bytes())


class TestLightning(ExtractorSuite):
    extractor = TorchZipExtractor
    expected: ClassVar = {
        "framework": "pytorch-lightning",
        "framework_version": TRUTH["versions"]["lightning"],
        "training.steps": TRUTH["lightning.ckpt"]["global_step"],
        "metrics.val_loss": TRUTH["lightning.ckpt"]["val_loss"],
        "training.epochs": 2,
        "extra.monitor": "val_loss",
        "hyperparameters.width": 4,
        "hyperparameters.lr": 0.03,
        "datasets": "flowers",
    }

    def sample(self):
        return Sample(key="run/lightning.ckpt", data=(DATA / "lightning.ckpt").read_bytes())


class TestUltralytics(ExtractorSuite):
    extractor = TorchZipExtractor
    expected: ClassVar = {
        "framework": "ultralytics",
        "framework_version": ULTRALYTICS["versions"]["ultralytics"],
        "architecture": "DetectionModel",
        "task": "object-detection",
        "trained_at": "2026-03-04T05:06:07.123456",
        "license": "AGPL-3.0 (https://ultralytics.com/license)",
        "classes": 2,
        "extra.class_names": ["tulip", "rose"],
        "metrics.metrics/mAP50(B)": 0.61,
        "hyperparameters.batch": 8,
    }

    def sample(self):
        return Sample(key="best.pt", data=(DATA / "ultralytics.pt").read_bytes())


class TestTorchScript(ExtractorSuite):
    extractor = TorchZipExtractor
    expected: ClassVar = {
        "framework": "pytorch",
        "architecture": "Sequential",
        "extra.class": "torch.nn.modules.container.Sequential",
        "layers": 4,
    }

    def sample(self):
        return Sample(key="scripted.pt", data=(DATA / "scripted.pt").read_bytes())


COUNTS = [
    ("state_dict.pt", TorchZipExtractor, "pytorch"),
    ("bfloat16.bin", TorchZipExtractor, "pytorch"),
    ("legacy.pth", TorchLegacyExtractor, "pytorch"),
    ("checkpoint.pt", TorchZipExtractor, "pytorch"),
    ("module.pt", TorchZipExtractor, "pytorch"),
    ("tied.pt", TorchZipExtractor, "pytorch"),
    ("lightning.ckpt", TorchZipExtractor, "pytorch"),
    ("scripted.pt", TorchZipExtractor, "torchscript"),
    ("traced.pt", TorchZipExtractor, "torchscript"),
    ("exported.pt2", TorchExportExtractor, "pt2"),
    ("dcp/.metadata", TorchDistributedExtractor, "torch_dcp"),
]


@pytest.mark.parametrize(("name", "extractor", "file_format"), COUNTS, ids=[row[0] for row in COUNTS])
def test_parameters_are_what_torch_counts(name, extractor, file_format):
    extraction = extract_file(extractor, DATA, name)
    assert extraction.format == file_format
    assert elements_of(extraction, "model", "buffer") == TRUTH[name]["parameters"] + TRUTH[name].get(
        "buffers", 0
    )
    if "buffers" in TRUTH[name]:
        assert elements_of(extraction, "buffer") == TRUTH[name]["buffers"]
    assert extraction.tensors.unknown_tensors == 0
    assert risk_details(extraction) == []


def test_optimizer_states_and_averages_are_told_apart_from_the_model():
    extraction = extract_file(TorchZipExtractor, DATA, "checkpoint.pt")
    assert elements_of(extraction, "optimizer") == TRUTH["checkpoint.pt"]["optimizer"]
    assert elements_of(extraction, "ema") == TRUTH["checkpoint.pt"]["parameters"]


def test_tied_weights_count_once_and_are_named():
    extraction = extract_file(TorchZipExtractor, DATA, "tied.pt")
    assert values_of(extraction)["extra.tied_tensors"] == TRUTH["tied.pt"]["tied"]


def test_views_of_one_storage_are_tensors_of_their_own():
    extraction = extract_file(TorchZipExtractor, DATA, "views.pt")
    assert {t.name: list(t.shape) for t in extraction.tensors.tensors} == TRUTH["views.pt"]["shapes"]


def test_every_kind_of_tensor_is_recognised_with_its_logical_shape():
    extraction = extract_file(TorchZipExtractor, DATA, "kinds.pt")
    assert {t.name: list(t.shape) for t in extraction.tensors.tensors} == TRUTH["kinds.pt"]["shapes"]
    assert {t.name: t.dtype for t in extraction.tensors.tensors} == {
        "boolean": "BOOL",
        "complex": "C64",
        "float8": "F8_E4M3",
        "half": "F16",
        "meta": "F32",
        "parameter": "F32",
        "quantized": "U8",
        "scalar": "I64",
        "sparse": "F32",
        "unsigned": "U16",
    }


def test_whole_module_tells_its_class_and_the_names_of_its_state_dict():
    extraction = extract_file(TorchZipExtractor, DATA, "module.pt")
    assert values_of(extraction)["architecture"] == "Sequential"
    plain = extract_file(TorchZipExtractor, DATA, "state_dict.pt")
    assert [t.name for t in extraction.tensors.tensors] == [t.name for t in plain.tensors.tensors]
    assert [risk.kind for risk in extraction.risks] == ["needs-trust"]


def test_pickled_module_counts_what_its_state_dict_would_hold():
    """Anchors and strides are attributes of the detector, not weights."""
    extraction = extract_file(TorchZipExtractor, DATA, "ultralytics.pt")
    assert elements_of(extraction, "model", "buffer") == ULTRALYTICS["parameters"]
    assert {t.name for t in extraction.tensors.tensors if t.part == "auxiliary"} >= {"stride"}
    assert risk_details(extraction) == []


def test_the_same_weights_have_the_same_identity_in_every_container():
    identities = {
        extract_file(extractor, DATA, name).tensors.names_sha256
        for name, extractor in (("state_dict.pt", TorchZipExtractor), ("legacy.pth", TorchLegacyExtractor))
    }
    assert len(identities) == 1


@pytest.mark.parametrize(
    ("name", "key", "score", "best"),
    [
        ("epoch=5-val_loss=3.25.ckpt", "run/epoch=5-val_loss=3.25.ckpt", 3.25, []),
        ("epoch=9-val_loss=3.50.ckpt", "run/epoch=9-val_loss=3.50.ckpt", 3.5, [3.25]),
        ("epoch=9-val_loss=3.50.ckpt", "run/last.ckpt", 3.5, [3.25]),
    ],
)
def test_every_file_of_a_lightning_run_knows_the_best_score_and_only_the_best_file_has_it(
    name, key, score, best
):
    extraction = extract_file(TorchZipExtractor, DATA.parent / "lightning", name, key)
    seen = {item.field: item.raw for item in extraction.observations}
    assert seen["metrics.val_loss"] == pytest.approx(score)
    assert [value for field, value in seen.items() if field == "extra.best_model_score"] == best


def test_package_counts_the_tensors_of_its_model():
    extraction = extract_file(TorchZipExtractor, DATA, "packaged.pt")
    assert elements_of(extraction, "model") == 10
    assert values_of(extraction)["architecture"] == "Sequential"
    assert [risk.kind for risk in extraction.risks] == ["needs-trust"]


def test_package_with_python_code_runs_it_when_it_is_loaded(tmp_path):
    shutil.copy(DATA / "packaged.pt", tmp_path)
    with zipfile.ZipFile(tmp_path / "packaged.pt", "a") as package:
        package.writestr("packaged/net.py", "import os")
    assert risk_details(extract_file(TorchZipExtractor, tmp_path, "packaged.pt")) == [
        "Loading it runs Python code of the file: net.py"
    ]


def test_scalings_of_quantised_layers_are_no_parameters():
    """Two linear layers of 8 by 8 and 8 by 2 with biases."""
    extraction = extract_file(TorchZipExtractor, DATA, "dynamic_int8.pt")
    assert elements_of(extraction, "model") == 90
