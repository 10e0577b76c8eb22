"""XGBoost models in JSON, UBJSON and the old binary format.

Source: xgboost.readthedocs.io, "Introduction to Model IO".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from catalog.errors import ExtractError
from catalog.records import Origin, Role, TensorInfo
from crawler.extractor import Claim, Findings
from crawler.formats import jsons, tensors
from crawler.formats.boosters import Booster, tell_booster
from crawler.formats.xgboost_model import (
    OLD_BINARY,
    booster_of,
    linear_weights,
    looks_like_json,
    looks_like_old_binary,
    looks_like_ubj,
    read_document,
    read_old_binary,
)
from crawler.promises import Promise

if TYPE_CHECKING:
    from catalog.records import Extraction
    from crawler.reader import RangedReader


class XgboostExtractor:
    name = "xgboost"
    version = 2
    description = "XGBoost models: JSON, UBJSON, old binary"
    reads = "objective, trees, features, classes, feature names, attributes with the best score, version"
    limits = "the first 512 kB and the last 64 kB of files above 1 MB"
    promises = Promise(formats={".ubj": "xgboost"})

    def claims(self, key: str, head: bytes) -> Claim | None:
        suffix = key.lower().rpartition(".")[2]
        if looks_like_ubj(head) or (looks_like_json(head) and suffix != "txt"):
            return Claim(format="xgboost", role=Role.WEIGHTS, confidence=95)
        if head[:4] == OLD_BINARY or looks_like_old_binary(head):
            return Claim(format="xgboost", role=Role.WEIGHTS, confidence=85)
        if suffix in {"ubj", "xgb"}:
            return Claim(format="xgboost", role=Role.WEIGHTS, confidence=40)
        return None

    def extract(self, reader: RangedReader) -> Extraction:
        findings = Findings(reader, self, format="xgboost", role=Role.WEIGHTS, origin=Origin.EMBEDDED)
        if reader.head(4) == OLD_BINARY or looks_like_old_binary(reader.head(4096)):
            tell_booster(findings, read_old_binary(reader), "binary:")
            findings.problem("unsupported", "XGBoost's old binary format has no version and no attributes")
            return findings.extraction()
        document, whole = read_document(reader)
        booster = booster_of(document)
        _open_wrapper(booster)
        tell_booster(findings, booster, "json:/learner")
        weights = linear_weights(document) if whole else None
        if weights is not None and booster.kind == "gblinear":
            weight = TensorInfo(
                name="weights", dtype="F32", shape=(weights,), elements=weights, bytes=weights * 4
            )
            findings.tensors = tensors.summarise([weight])
        return findings.extraction()


def _open_wrapper(booster: Booster) -> None:
    """The scikit-learn wrapper keeps its constructor's arguments as JSON in one attribute."""
    text = booster.properties.pop("scikit_learn", None)
    if not isinstance(text, str):
        return
    try:
        settings: Any = jsons.load_text(text)
    except ExtractError:
        return
    if isinstance(settings, dict):
        plain = {name: value for name, value in settings.items() if isinstance(value, (int, float, str))}
        booster.settings.update((name, value) for name, value in plain.items() if not name.startswith("_"))
