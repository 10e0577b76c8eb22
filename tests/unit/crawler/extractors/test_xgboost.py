"""XGBoost models in JSON, UBJSON and the old binary form, with what XGBoost counts in them."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import ClassVar

import pytest
from fixtures.extraction import extract, values_of

from catalog.testing.extractors import ExtractorSuite, Sample, Storage
from crawler.extractors.xgboost import XgboostExtractor
from crawler.reader import BLOCK_BYTES, RangedReader

DATA = Path(__file__).parents[3] / "corpus" / "data" / "boosters"


TRUTH = json.loads((DATA / "truth.json").read_text())


NAMES = ["sepal_length", "sepal_width", "petal_length", "petal_width"]


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


def test_dart_and_linear_boosters():
    dart = values_of(extract(XgboostExtractor, "m.ubj", (DATA / "binary-dart.ubj").read_bytes()))
    assert (dart["model_type"], dart["trees"], dart["classes"]) == ("dart", 3, 2)
    linear = extract(XgboostExtractor, "m.json", (DATA / "linear.json").read_bytes())
    assert values_of(linear)["model_type"] == "gblinear"
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
    assert values_of(extraction) == values_of(extract(XgboostExtractor, name, small))
    assert len(storage.ranges) <= 3
    assert storage.bytes_served < 12 * BLOCK_BYTES


def test_xgboost_in_its_old_binary_format():
    """The layout of LearnerModelParam in XGBoost 1.0: 136 bytes, then objective and booster as counted texts."""
    parameters = struct.pack("<fIi", 0.5, 12, 3) + bytes(124)
    names = b"".join(struct.pack("<Q", len(text)) + text for text in (b"multi:softmax", b"gbtree"))
    found = values_of(extract(XgboostExtractor, "old.model", b"binf" + parameters + names + bytes(64)))
    assert (found["training.objective"], found["model_type"]) == ("multi:softmax", "gbtree")
    assert (found["features"], found["classes"]) == (12, 3)


def test_xgboost_s_oldest_binary_format_has_no_magic_and_is_told_by_its_struct():
    names = b"".join(struct.pack("<Q", len(name)) + name for name in (b"binary:logistic", b"gbtree"))
    data = struct.pack("<fIi", 0.5, 127, 0) + bytes(124) + names + bytes(200)
    assert XgboostExtractor().claims("mushroom.model", data[:4096]).format == "xgboost"
    told = values_of(extract(XgboostExtractor, "mushroom.model", data))
    assert (told["features"], told["training.objective"], told["classes"]) == (127, "binary:logistic", 2)
    assert XgboostExtractor().claims("zeros.model", bytes(4096)) is None
