"""Boosted trees and fastText models, as their own libraries write them and count in them."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import ClassVar

import pytest

from catalog.testing.extractors import ExtractorSuite, Sample, Storage
from crawler.extractors.catboost import CatboostExtractor
from crawler.extractors.fasttext import FasttextExtractor
from crawler.extractors.lightgbm import LightgbmExtractor
from crawler.extractors.xgboost import XgboostExtractor
from crawler.reader import BLOCK_BYTES, RangedReader

DATA = Path(__file__).parents[1] / "corpus" / "data" / "boosters"
TRUTH = json.loads((DATA / "truth.json").read_text())
NAMES = ["sepal_length", "sepal_width", "petal_length", "petal_width"]


def extract(extractor, name, data):
    return extractor().extract(RangedReader(name, len(data), Storage(data).fetch))


def said(extraction):
    return {observation.field: observation.raw for observation in extraction.observations}


class TestXgboostJson(ExtractorSuite):
    extractor = XgboostExtractor
    expected: ClassVar = {
        "framework": "xgboost",
        "framework_version": "3.2.0",
        "training.objective": "multi:softprob",
        "trees": TRUTH["xgboost"]["trees"],
        "features": TRUTH["xgboost"]["features"],
        "classes": 3,
        "extra.feature_names": NAMES,
        "extra.best_score": TRUTH["xgboost"]["best_score"],
        "metrics.accuracy": "0.91",
        "extra.team": "flowers",
    }

    def sample(self):
        return Sample(key="iris.json", data=(DATA / "iris.json").read_bytes())


class TestXgboostUbj(TestXgboostJson):
    def sample(self):
        return Sample(key="iris.ubj", data=(DATA / "iris.ubj").read_bytes())


class TestLightgbm(ExtractorSuite):
    extractor = LightgbmExtractor
    expected: ClassVar = {
        "framework": "lightgbm",
        "training.objective": "multiclass",
        "training.learning_rate": "0.07",
        "training.seed": "3",
        "trees": TRUTH["lightgbm"]["trees"],
        "features": TRUTH["lightgbm"]["features"],
        "classes": 3,
        "extra.feature_names": NAMES,
        "hyperparameters.num_leaves": "7",
    }

    def sample(self):
        return Sample(key="model.txt", data=(DATA / "iris.lgb.txt").read_bytes())


class TestCatboost(ExtractorSuite):
    extractor = CatboostExtractor
    expected: ClassVar = {
        "framework": "catboost",
        "framework_version": "1.2.10",
        "training.objective": "MultiClass",
        "training.learning_rate": 0.15000000596046448,
        "training.seed": 5,
        "hyperparameters.depth": 3,
        "trees": TRUTH["catboost"]["trees"],
        "features": TRUTH["catboost"]["features"],
        "classes": TRUTH["catboost"]["classes"],
        "trained_at": TRUTH["catboost"]["train_finish_time"],
        "metrics.Accuracy": TRUTH["catboost"]["best_score"]["validation"]["Accuracy"],
        "owner": "flowers-team",
        "extra.feature_names": NAMES,
    }

    def sample(self):
        return Sample(key="iris.cbm", data=(DATA / "iris.cbm").read_bytes())


class TestFasttext(ExtractorSuite):
    extractor = FasttextExtractor
    expected: ClassVar = {
        "framework": "fasttext",
        "task": "text-classification",
        "embedding_dimension": TRUTH["fasttext"]["dim"],
        "classes": TRUTH["fasttext"]["labels"],
        "extra.words": TRUTH["fasttext"]["words"],
        "training.epochs": 4,
    }

    def sample(self):
        return Sample(key="labels.bin", data=(DATA / "labels.bin").read_bytes())


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("labels.bin", TRUTH["fasttext"]["parameters"]), ("words.bin", TRUTH["fasttext_vectors"])],
)
def test_fasttext_matrices_have_the_size_that_fasttext_says(name, parameters):
    extraction = extract(FasttextExtractor, name, (DATA / name).read_bytes())
    assert sum(tally.elements for tally in extraction.tensors.tallies) == parameters


def test_quantised_fasttext_has_a_derived_count():
    truth = TRUTH["fasttext_quantised"]
    rows = truth["words"] + truth["bucket"] + truth["labels"]
    extraction = extract(FasttextExtractor, "labels.ftz", (DATA / "labels.ftz").read_bytes())
    assert said(extraction)["parameters"] == rows * truth["dim"]
    assert extraction.tensors is None


def test_catboost_metrics_keep_their_split():
    extraction = extract(CatboostExtractor, "iris.cbm", (DATA / "iris.cbm").read_bytes())
    found = {
        (o.field, o.context["split"]): o.raw
        for o in extraction.observations
        if o.field.startswith("metrics.")
    }
    best = TRUTH["catboost"]["best_score"]
    assert found["metrics.Accuracy", "train"] == best["learn"]["Accuracy"]
    assert found["metrics.MultiClass", "validation"] == best["validation"]["MultiClass"]


def test_dart_and_linear_boosters():
    dart = said(extract(XgboostExtractor, "m.ubj", (DATA / "binary-dart.ubj").read_bytes()))
    assert (dart["model_type"], dart["trees"], dart["classes"]) == ("dart", 3, 2)
    linear = extract(XgboostExtractor, "m.json", (DATA / "linear.json").read_bytes())
    assert said(linear)["model_type"] == "gblinear"
    assert linear.tensors.tallies[0].elements == 5  # four weights and the bias


@pytest.mark.parametrize("name", ["iris.json", "iris.ubj"])
def test_large_xgboost_model_is_read_at_its_two_ends(name):
    """The same model with two megabytes of trees: at most two requests, and all but the trees is still said."""
    small = (DATA / name).read_bytes()
    if name.endswith("json"):
        marker, filler = b'"trees":[', b'{"base_weights":[' + b"0.125," * 400_000 + b"0]},"
    else:
        marker, filler = b"L" + struct.pack(">q", 5) + b"trees[", b""
        weights = (
            b"{L"
            + struct.pack(">q", 12)
            + b"base_weights[$d#L"
            + struct.pack(">q", 600_000)
            + bytes(2_400_000)
        )
        filler = weights + b"}"
    at = small.index(marker) + len(marker)
    if name.endswith("ubj"):
        count_end = at + 2 + 8  # `#L` and the number of trees, which one more tree joins
        (trees,) = struct.unpack(">q", small[at + 2 : count_end])
        large = small[: at + 2] + struct.pack(">q", trees + 1) + filler + small[count_end:]
    else:
        large = small[:at] + filler + small[at:]
    storage = Storage(large)
    extraction = XgboostExtractor().extract(RangedReader(name, len(large), storage.fetch))
    assert said(extraction) == said(extract(XgboostExtractor, name, small))
    assert len(storage.ranges) <= 3
    assert storage.bytes_served < 12 * BLOCK_BYTES


def test_xgboost_in_its_old_binary_format():
    """The layout of LearnerModelParam in XGBoost 1.0: 136 bytes, then objective and booster as counted texts."""
    parameters = struct.pack("<fIi", 0.5, 12, 3) + bytes(124)
    names = b"".join(struct.pack("<Q", len(text)) + text for text in (b"multi:softmax", b"gbtree"))
    found = said(extract(XgboostExtractor, "old.model", b"binf" + parameters + names + bytes(64)))
    assert (found["training.objective"], found["model_type"]) == ("multi:softmax", "gbtree")
    assert (found["features"], found["classes"]) == (12, 3)


class TestCatboostJson(ExtractorSuite):
    extractor = CatboostExtractor
    expected: ClassVar = {
        "framework": "catboost",
        "trees": TRUTH["catboost"]["trees"],
        "features": TRUTH["catboost"]["features"],
        "classes": TRUTH["catboost"]["classes"],
        "extra.feature_names": NAMES,
        "training.seed": 5,
    }

    def sample(self):
        return Sample(key="iris.json", data=(DATA / "iris-catboost.json").read_bytes())


def test_xgboost_s_oldest_binary_format_has_no_magic_and_is_told_by_its_struct():
    names = b"".join(struct.pack("<Q", len(name)) + name for name in (b"binary:logistic", b"gbtree"))
    data = struct.pack("<fIi", 0.5, 127, 0) + bytes(124) + names + bytes(200)
    assert XgboostExtractor().claims("mushroom.model", data[:4096]).format == "xgboost"
    told = said(extract(XgboostExtractor, "mushroom.model", data))
    assert (told["features"], told["training.objective"], told["classes"]) == (127, "binary:logistic", 2)
    assert XgboostExtractor().claims("zeros.model", bytes(4096)) is None


def test_fasttext_of_version_11_is_laid_out_as_version_12():
    data = bytearray((DATA / "words.bin").read_bytes())
    told = said(extract(FasttextExtractor, "words.bin", bytes(data)))
    data[4:8] = struct.pack("<i", 11)
    assert said(extract(FasttextExtractor, "words.bin", bytes(data))) == told
