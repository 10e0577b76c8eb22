"""A CatBoost binary model: sizes of its trees and the key/value map that the trainer leaves in it.

Source: catboost/catboost catboost/libs/model/flatbuffers/model.fbs and features.fbs.
"""

from __future__ import annotations

import json
import re
import struct
from typing import TYPE_CHECKING, Any

from catalog.errors import ExtractError, LimitExceeded, Malformed
from catalog.lazy_dataclasses import dataclass, field
from crawler.formats import jsons
from crawler.formats.boosters import Booster, flattened
from crawler.formats.flatbuffer import Flatbuffer, Table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from crawler.reader import RangedReader

MAGIC = b"CBM1"
MAX_ENTRIES = 2_000
MAX_JSON_BYTES = 16 * 1024 * 1024
MAX_JSON_NODES = 2_000_000
MAX_VALUE_BYTES = 8 * 1024 * 1024
MAX_FEATURES = 200_000
FEATURES_NAMED = 500

_RELEASE = re.compile(r"(?:release|tags/v|Version:?)\s*v?(\d+\.\d+(?:\.\d+)*)")
_JSON_START = re.compile(rb'\s*\{\s*"features_info"\s*:\s*\{')
_KNOWN = frozenset(
    {"catboost_version_info", "class_params", "model_guid", "output_options", "params", "training"}
)
_LEAVES = ("boosting_options.", "tree_learner_options.", "data_processing_options.")


@dataclass(slots=True)
class CatboostModel:
    """A booster with what training reported: (metric, value, split) and the instant it ended."""

    booster: Booster
    metrics: list[tuple[str, Any, str]] = field(default_factory=list)
    best_iteration: int | None = None
    finished_at: str | None = None
    guid: str | None = None
    class_names: list[Any] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def read_model(reader: RangedReader) -> CatboostModel:
    """The model at the start of the file."""
    head = reader.take(0, 8)
    (size,) = struct.unpack_from("<I", head, 4)
    if head[:4] != MAGIC or size > reader.size_bytes - 8:
        raise Malformed("a CatBoost model whose core does not fit its file")
    core = Flatbuffer(reader, base=8, end=8 + size).root()
    booster = Booster(library="catboost", kind="gbdt")
    trees = core.table(1)
    if trees is not None:
        _read_sizes(trees, booster)
    model = CatboostModel(booster=booster)
    entries = {
        entry.text(0, limit=1024): entry.text(1, limit=MAX_VALUE_BYTES)
        for entry in core.tables(2, MAX_ENTRIES)
    }
    _read_entries(entries, model)
    return model


def looks_like_json(head: bytes) -> bool:
    """A model in JSON begins with its features, as its writer sorts the keys."""
    return _JSON_START.match(head) is not None and b"_features" in head[:256]


def read_json(reader: RangedReader) -> CatboostModel:
    """The model of a JSON file, which has the same properties as objects."""
    limits = jsons.JsonLimits(size_bytes=MAX_JSON_BYTES, nodes=MAX_JSON_NODES)
    if reader.size_bytes > limits.size_bytes:
        raise LimitExceeded(
            "bytes of a CatBoost model in JSON", limit=limits.size_bytes, found=reader.size_bytes
        )
    document: Any = jsons.load(reader.take(0, reader.size_bytes), limits=limits)
    features = document.get("features_info") if isinstance(document, dict) else None
    if not isinstance(features, dict):
        raise Malformed("a CatBoost model without features_info")
    booster = Booster(library="catboost", kind="gbdt")
    trees = document.get("oblivious_trees", document.get("trees"))
    booster.trees = len(trees) if isinstance(trees, list) else None
    described = [item for kind in features.values() if isinstance(kind, list) for item in kind]
    flat = [item for item in described if isinstance(item, dict) and "flat_feature_index" in item]
    booster.features = len(flat)
    names = [str(item.get("feature_id") or "") for item in flat[:FEATURES_NAMED]]
    booster.feature_names = names if all(names) else []
    model = CatboostModel(booster=booster)
    info = document.get("model_info")
    properties = info if isinstance(info, dict) else {}
    _read_entries(
        {name: value if isinstance(value, str) else json.dumps(value) for name, value in properties.items()},
        model,
    )
    return model


def _read_sizes(trees: Table, booster: Booster) -> None:
    sizes = trees.vector(2)
    booster.trees = None if sizes is None else len(sizes)
    named: list[tuple[int, str]] = []
    count = 0
    # FloatFeatures {HasNans, Index, FlatIndex, Borders, FeatureId}; the others {Index, FlatIndex, FeatureId}
    for place, flat_index, name in ((5, 2, 4), (4, 1, 2), (12, 1, 2)):
        features = trees.vector(place)
        if features is None:
            continue
        count += len(features)
        for index in range(min(len(features), FEATURES_NAMED)):
            feature = features.table(index)
            named.append((feature.integer(flat_index, "i"), feature.text(name, limit=1024)))
    booster.features = count
    names = [name for _, name in sorted(named)]
    booster.feature_names = names if all(names) else []


def _read_entries(entries: Mapping[str, str], model: CatboostModel) -> None:
    booster = model.booster
    release = _RELEASE.search(entries.get("catboost_version_info", ""))
    booster.library_version = None if release is None else release[1]
    model.guid = entries.get("model_guid") or None
    model.finished_at = entries.get("train_finish_time") or None
    classes = _object(entries, "class_params", model)
    names = classes.get("class_names")
    if isinstance(names, list) and names:
        booster.classes, model.class_names = len(names), names[:1000]
    _read_parameters(_object(entries, "params", model), booster)
    _read_training(_object(entries, "training", model), model)
    booster.properties = {
        name: value for name, value in entries.items() if name not in _KNOWN and name != "train_finish_time"
    }


def _read_parameters(parameters: Mapping[str, Any], booster: Booster) -> None:
    for name, value in flattened(parameters).items():
        if name.startswith(("system_options.", "metadata.", "flat_params.", "pool_metainfo_options.")):
            continue
        if name == "loss_function.type":
            booster.objective = str(value)[:200]
        elif name == "metrics.eval_metric.type":
            booster.settings["eval_metric"] = value
        elif name not in {"detailed_profile", "logging_level"}:
            prefix = next((prefix for prefix in _LEAVES if name.startswith(prefix)), "")
            booster.settings.setdefault(name[len(prefix) :], value)


def _read_training(training: Mapping[str, Any], model: CatboostModel) -> None:
    metrics = training.get("metrics")
    if not isinstance(metrics, dict):
        return
    best = metrics.get("best_iteration")
    model.best_iteration = best if isinstance(best, int) else None
    learned, tested = metrics.get("learn_best_error"), metrics.get("test_best_error")
    if isinstance(learned, dict):
        model.metrics += [(name, value, "train") for name, value in learned.items()]
    # one entry per evaluation set; the first is the one that early stopping looks at
    if isinstance(tested, list) and tested and isinstance(tested[0], dict):
        model.metrics += [(name, value, "validation") for name, value in tested[0].items()]


def _object(entries: Mapping[str, str], name: str, model: CatboostModel) -> dict[str, Any]:
    text = entries.get(name)
    if not text:
        return {}
    try:
        value = jsons.load_text(text)
    except ExtractError as error:
        model.problems.append(f"{name}: {error}")
        return {}
    return value if isinstance(value, dict) else {}
