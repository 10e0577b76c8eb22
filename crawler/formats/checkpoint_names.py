"""What trainers write into the names of checkpoints: the epoch, the step, and the values that were measured there.

Source: Lightning `callbacks/model_checkpoint.py` (`epoch=9-val_loss=3.50.ckpt`); Keras `callbacks/model_checkpoint.py`
(`weights.{epoch:02d}-{val_loss:.2f}.hdf5`); ignite `handlers/checkpoint.py` (`model_12_val_acc=0.93.pt`).
"""

from __future__ import annotations

import re

from catalog.records import Evidence, Origin
from catalog.text.patterns import pattern
from crawler.extractor import Findings

_SUFFIX = pattern(r"\.(?:ckpt|pt|pth|bin|h5|hdf5|keras|safetensors|pkl|tar|weights)$", re.IGNORECASE)
_PAIR = pattern(
    r"(?:^|(?<=[-_ ,.]))(?P<name>[A-Za-z][A-Za-z0-9_@/]{0,40})=(?P<value>-?\d+(?:\.\d+)?(?:e-?\d+)?)(?=$|[-_ ,.])"
)
_BEFORE = pattern(r"^(?:.*\d_|(?:model|best|last|checkpoint|ckpt|net|weights)_)+")
"""What stands before a metric in a name and is none of it: `model_12_val_acc`."""
_KERAS = pattern(r"(?:.*?[._-])?(?P<epoch>\d{1,4})-(?P<score>\d{1,3}\.\d{1,6})")
_SCORE_AT_END = pattern(r".*[A-Za-z]{2}[_-](?P<score>0\.\d{2,6})")
_PLACES = {"epoch": "training.epochs", "step": "training.steps", "global_step": "training.steps"}


def tell_name(findings: Findings) -> None:
    """What the file's name says of its epoch and its scores, where the file itself says nothing. Whose score a bare number
    is nobody knows: it is kept, and is no metric.
    """
    stem = findings.file_name
    while (shorter := _SUFFIX.sub("", stem)) != stem:
        stem = shorter
    pairs = list(_PAIR.finditer(stem))
    has_metrics = findings.says_metrics()
    for pair in pairs:
        name, value = _BEFORE.sub("", pair["name"]), float(pair["value"])
        if name.lower() in _PLACES:
            _say(findings, _PLACES[name.lower()], int(value))
        elif not has_metrics:
            findings.metric_of_name(name, value)
    if not pairs and (match := _KERAS.fullmatch(stem)):
        _say(findings, "training.epochs", int(match["epoch"]))
        _say(findings, "extra.score_in_name", float(match["score"]))
    elif not pairs and (match := _SCORE_AT_END.fullmatch(stem)):
        _say(findings, "extra.score_in_name", float(match["score"]))


def _say(findings: Findings, field: str, value: float) -> None:
    findings.say(field, value, "name:", origin=Origin.FILENAME, evidence=Evidence.INFERRED)
