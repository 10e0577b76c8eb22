"""What people pickle beside an estimator in one dictionary: scores, settings, names of features, a version."""

from __future__ import annotations

from typing import Any

from crawler.extractor import Findings
from crawler.formats.pickle_nodes import Call, Dict
from crawler.formats.pickle_values import flattened, mapping, plain
from crawler.formats.properties import tell_property, tell_setting

MAX_ENTRIES = 200
SCORES = frozenset(
    {"metrics", "scores", "results", "evaluation", "performance", "test_metrics", "val_metrics", "eval"}
)
SETTINGS = frozenset(
    {"params", "hyperparameters", "hyperparams", "hparams", "config", "best_params", "settings"}
)
LISTS = frozenset(
    {"features", "feature_names", "columns", "classes", "class_names", "labels", "target_names"}
)


def tell_bundle(findings: Findings, root: Any) -> None:
    """Everything plain in a dictionary that holds an estimator; the estimator itself is told by others."""
    pairs = root if type(root) is Dict else None
    for number, (name, node) in enumerate(pairs.named() if pairs is not None else ()):
        if number >= MAX_ENTRIES:
            return
        pointer, key = f"pickle:/{name}", name.lower()
        if key in SCORES and mapping(node) is not None:
            for metric, value in flattened(node):
                if isinstance(value, int | float) and not isinstance(value, bool):
                    findings.metric(metric, value, f"{pointer}/{metric}", block=name)
        elif key in SETTINGS and mapping(node) is not None:
            for setting, value in flattened(node):
                tell_setting(findings, setting, value, f"{pointer}/{setting}")
        elif key in LISTS and type(node) in {list, tuple}:
            findings.say(f"extra.{name}", plain(node), pointer)
        elif type(node) in {str, int, float} or (type(node) is Call and node.pairs is None):
            value = plain(node)
            if isinstance(value, str | int | float) and not isinstance(value, bool):
                tell_property(findings, name, value, pointer, block="bundle")
