from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.layouts import names
from catalog.normalise.metrics import read_metric_name, resolve_metric_name
from catalog.text import canonical
from catalog.text.licences import licence
from catalog.text.slugs import stored_slug
from mappings.metrics import find, metrics, spellings


@given(st.text(max_size=300))
def test_a_slug_is_a_slug_and_stays_one(text: str) -> None:
    made = stored_slug(text)
    assert re.fullmatch(r"[a-z0-9_]{1,128}", made)
    assert stored_slug(made) == made


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("F1-Score", "f1_score"),
        ("R²", "r2"),
        ("rougeL", "rougel"),
        ("Präzision", "prazision"),
        ("mAP50-95(B)", "map50_95_b"),
        ("__x__", "x"),
    ],
)
def test_slugs_fold_case_accents_and_signs(text: str, expected: str) -> None:
    assert stored_slug(text) == expected


def test_names_without_latin_letters_keep_apart() -> None:
    assert stored_slug("精度") != stored_slug("再現率")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FP16", "F16"),
        ("half", "F16"),
        ("torch.bfloat16", "BF16"),
        ("<f4", "F32"),
        ("float8_e4m3fn", "F8_E4M3"),
        ("q4_k_m", "Q4_K_M"),
        ("U4", "U4"),  # was U32: NumPy's u4 counts bytes
        ("<u4", "U32"),
        ("float8_e4m3fnuz", "F8_E4M3FNUZ"),
        ("IQ2_XS", "IQ2_XS"),
        ("int8", "I8"),
        ("F32", "F32"),
        ("auto", None),
    ],
)
def test_a_dtype_has_one_name(text: str, expected: str | None) -> None:
    assert canonical.dtype(text) == expected


@pytest.mark.parametrize(
    ("path", "is_file", "expected"),
    [
        ("llama/model-00001-of-00009.safetensors", True, "llama"),
        ("m/llama-3-8b.Q4_K_M.gguf", True, "llama-3-8b"),
        ("x/Foo-IQ2_XS", True, "Foo"),
        ("a/model.onnx", True, "a"),
        ("model.safetensors", True, "model"),
        ("runs/bert/checkpoint-500", True, "bert"),
        ("yolov8n.pt", True, "yolov8n"),
        ("org/Llama-3.1-8B", False, "Llama-3.1-8B"),
        ("flowers/artifacts/model", False, "flowers"),
        ("db/artifacts/models/m-6a17f00ad81d4983aea1983447adc5e5/artifacts", False, "db"),
        ("vosk-model-small-en-us-0.15/am", False, "vosk-model-small-en-us-0.15"),
        ("", False, None),
    ],
)
def test_a_path_gives_a_name(path: str, is_file: bool, expected: str | None) -> None:
    assert names.model_name(path, is_file=is_file) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("apache-2.0", "apache-2.0"),
        ("Apache-2.0", "apache-2.0"),
        ("Apache License 2.0", "apache-2.0"),
        ("MIT", "mit"),
        ("llama3.1", "llama3.1"),
        ("other", "other"),
        ("MIT OR Apache-2.0", "mit OR apache-2.0"),
        ("GPL-3.0-only", "gpl-3.0"),
        ("gpl-3.0", "gpl-3.0"),
        ("GPL-3.0-or-later", "gpl-3.0-or-later"),
        ("my own licence", "my own licence"),
        ("((((", "(((("),
    ],
)
def test_a_licence_is_its_spdx_identifier_or_stays_as_written(text: str, expected: str) -> None:
    assert licence(text)[0] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SEQ_CLS", "text-classification"),
        ("Text Classification", "text-classification"),
        ("detect", "object-detection"),
    ],
)
def test_a_task_is_a_pipeline_tag(text: str, expected: str) -> None:
    assert canonical.task(text) == expected


def test_every_spelling_of_the_table_is_a_slug_and_means_one_metric() -> None:
    pairs = [
        (alias, metric.name) for metric in metrics().values() for alias in (metric.name, *metric.aliases)
    ]
    assert all(re.fullmatch(r"[a-z0-9_]+", alias) for alias, _ in pairs)
    assert len({alias for alias, _ in pairs}) == len(pairs)
    assert len(spellings()) == len(pairs)


@pytest.mark.parametrize(
    ("raw", "name", "split"),
    [
        ("acc", "accuracy", None),
        ("eval_accuracy", "accuracy", "validation"),
        ("test/acc", "accuracy", "test"),
        ("Test Accuracy", "accuracy", "test"),
        ("accuracy on the test set", "accuracy", "test"),
        ("F1 (test)", "f1", "test"),
        ("val_acc_epoch", "accuracy", "validation"),
        ("best_val_acc", "accuracy", "validation"),
        ("train_loss", "loss", "train"),
        ("Top-5", "accuracy_top5", None),
        ("acc_norm,none", "accuracy_norm", None),
        ("mAP@0.5", "map50", None),
        ("mAP@.5:.95", "map", None),
        ("metrics/mAP50-95(B)", "map", None),
        ("Recall@10", "recall_at_10", None),
        ("macro avg/f1-score", "f1_macro", None),
        ("valid_0 binary_logloss", "logloss", "validation"),
        ("validation_0-logloss", "logloss", "validation"),
        ("my_score", "my_score", None),
        ("max_thing", "max_thing", None),
        ("train", "train", None),
    ],
)
def test_a_metric_name_is_understood(raw: str, name: str, split: str | None) -> None:
    understood = read_metric_name(raw)
    assert (understood.name, understood.split) == (name, split)


def test_a_standard_error_is_no_metric() -> None:
    assert read_metric_name("acc_stderr,none").uncertainty
    assert resolve_metric_name("acc_stderr,none") is None


@given(st.text(max_size=60))
def test_understanding_a_metric_name_is_total_and_stable(raw: str) -> None:
    understood = read_metric_name(raw)
    assert re.fullmatch(r"[a-z0-9_]+", understood.name)
    if understood.metric is not None:
        found = find(understood.name)
        assert found is not None
        assert found.name == understood.name
