"""An XGBoost model from its beginning and its end: the trees between them are not read.

Both writers sort their keys, so attributes and feature names come first, objective and version last.

Source: xgboost.readthedocs.io, "Introduction to Model IO" and its JSON schema (dmlc/xgboost doc/model.schema).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from catalog.errors import Malformed
from catalog.text.patterns import pattern
from crawler.formats import jsons, ubjson
from crawler.formats.boosters import Booster
from crawler.reader import WHOLE_FILE_BYTES

if TYPE_CHECKING:
    from crawler.reader import RangedReader

HEAD_BYTES = 512 * 1024
TAIL_BYTES = 64 * 1024
MAX_NODES = 1_000_000
OLD_BINARY = b"binf"

_JSON_START = re.compile(rb'\s*\{\s*"(learner|Config|version)"\s*:')
_UBJ_START = re.compile(rb"\{[LliIU][\0-\xff]{1,8}?learner\{", re.DOTALL)
_OLD_STRUCT = re.compile(
    rb".{28}\0{108}[\x02-\x3f]\0{7}[a-z][a-z0-9:_-]+(?:\x06\0{7}gbtree|\x08\0{7}gblinear|\x04\0{7}dart)",
    re.DOTALL,
)
_UBJ_PARAMETERS = b"L" + struct.pack(">q", 19) + b"learner_model_param"
_UBJ_LEARNER = b"{L" + struct.pack(">q", 7) + b"learner{"
_TREES = pattern(r',?\s*"(iteration_indptr|tree_info|trees|weights)"\s*:')
_BRACKET_OR_STRING = pattern(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[\]{}]', re.DOTALL)
_NUMBER = pattern(r"-?\d+")


def looks_like_json(head: bytes) -> bool:
    """A model or a saved configuration in JSON."""
    return bool(_JSON_START.match(head)) and (b'"learner"' in head[:256])


def looks_like_ubj(head: bytes) -> bool:
    return bool(_UBJ_START.match(head))


def looks_like_old_binary(head: bytes) -> bool:
    """The binary format without its magic: the C struct with its reserved zeros, then the names of objective and booster."""
    return _OLD_STRUCT.match(head) is not None


def read_document(reader: RangedReader) -> tuple[dict[str, Any], bool]:
    """The document as far as it was read, and whether that was all of it."""
    head = reader.head(64)
    binary = not head.lstrip().startswith(b'{"') and not looks_like_json(reader.head(4096))
    if reader.size_bytes <= WHOLE_FILE_BYTES:
        data = reader.take(0, reader.size_bytes)
        limits = jsons.JsonLimits(size_bytes=WHOLE_FILE_BYTES, nodes=MAX_NODES)
        document = ubjson.load(data) if binary else jsons.load(data, limits=limits)
        return _object(document), True
    first, last = reader.read(0, HEAD_BYTES), reader.tail(TAIL_BYTES)
    parts = (_ubj_ends if binary else _json_ends)(first, last)
    return _merged(*parts), False


def booster_of(document: Mapping[str, Any]) -> Booster:
    """The booster that a document describes; a document without a learner is Malformed."""
    learner = document.get("learner")
    if not isinstance(learner, Mapping):
        raise Malformed("an XGBoost model without a learner")
    gradient = _mapping(learner.get("gradient_booster"))
    parameters = _mapping(learner.get("learner_model_param"))
    objective = _text(_mapping(learner.get("objective")).get("name"))
    kind = _text(gradient.get("name"))
    classes = _int(parameters.get("num_class"))
    names = learner.get("feature_names")
    booster = Booster(library="xgboost", kind=kind, objective=objective)
    booster.library_version = _version(document.get("version"))
    booster.trees = _trees(gradient)
    booster.features = _int(parameters.get("num_feature"))
    booster.classes = classes or (2 if objective is not None and objective.startswith("binary:") else None)
    booster.feature_names = [str(name) for name in names] if isinstance(names, list) else []
    base_score = _text(parameters.get("base_score"))
    if base_score is not None:
        booster.settings["base_score"] = base_score
    attributes = _mapping(learner.get("attributes"))
    booster.properties = {name: value for name, value in attributes.items() if isinstance(value, (str, int))}
    return booster


def linear_weights(document: Mapping[str, Any]) -> int | None:
    """How many weights a linear booster has."""
    model = _mapping(_mapping(_mapping(document.get("learner")).get("gradient_booster")).get("model"))
    weights = model.get("weights")
    if isinstance(weights, ubjson.Skipped):
        return weights.elements
    return len(weights) if isinstance(weights, list) else None


def read_old_binary(reader: RangedReader) -> Booster:
    """The binary format of XGBoost before 3.1: a C struct, the objective's and the booster's name behind it.

    Source: dmlc/xgboost v1.0 src/learner.cc, `LearnerModelParam` (136 bytes: base_score, num_feature, num_class, …).
    """
    head = reader.head(4096)
    start = 4 if head[:4] == OLD_BINARY else 0
    if len(head) < start + 136 + 16:
        raise Malformed("an XGBoost binary model is cut off")
    _, features, classes = struct.unpack_from("<fIi", head, start)
    objective, at = _counted_text(head, start + 136)
    kind, _ = _counted_text(head, at)
    if features > 2**31 or not 0 <= classes < 2**24:
        raise Malformed("an XGBoost binary model with impossible sizes")
    booster = Booster(library="xgboost", kind=kind, objective=objective, features=features)
    booster.classes = classes or (2 if objective.startswith("binary:") else None)
    return booster


def _counted_text(data: bytes, at: int) -> tuple[str, int]:
    if at + 8 > len(data):
        raise Malformed("an XGBoost binary model is cut off")
    (length,) = struct.unpack_from("<Q", data, at)
    text = data[at + 8 : at + 8 + length] if length <= 64 else b""
    if not re.fullmatch(rb"[a-z][a-z0-9:_-]{1,63}", text):
        raise Malformed("an XGBoost binary model without the name of its objective")
    return text.decode("ascii"), at + 8 + length


def _json_ends(first: bytes, last: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    text = first.decode("utf-8", errors="replace")
    cut = _TREES.search(text)
    head = _closed(text[: cut.start()]) if cut is not None else "{}"
    tail = last.decode("utf-8", errors="replace")
    at = tail.rfind('"learner_model_param"')
    ending = '{"learner":{' + tail[at:] if at >= 0 else "{}"
    start, end = _object(jsons.load_text(head)), _object(jsons.load_text(ending))
    names = re.findall(r'"name"\s*:\s*"(\w+)"', tail[:at]) if at >= 0 else []
    return start, _with_kind(end, names[-1] if names else None)


def _closed(text: str) -> str:
    """JSON that was cut between two members, with its brackets closed."""
    opened: list[str] = []
    for match in _BRACKET_OR_STRING.finditer(text):
        mark = match[0]
        if mark in "{[":
            opened.append("}" if mark == "{" else "]")
        elif mark in "}]" and opened:
            opened.pop()
    return text.rstrip().rstrip(",") + "".join(reversed(opened))


def _ubj_ends(first: bytes, last: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    start = _object(ubjson.load(first, truncated=True))
    at = last.rfind(_UBJ_PARAMETERS)
    if at < 0:
        return start, {}
    end = _object(ubjson.load(_UBJ_LEARNER + last[at:], truncated=True))
    names = re.findall(rb"L\0{7}\x04nameSL\0{7}[\x04-\x20](\w+?)(?=[}L])", last[:at])
    return start, _with_kind(end, names[-1].decode() if names else None)


def _with_kind(document: dict[str, Any], kind: str | None) -> dict[str, Any]:
    learner = document.get("learner")
    if isinstance(learner, dict) and kind is not None:
        learner["gradient_booster"] = {"name": kind}
    return document


def _merged(start: dict[str, Any], end: dict[str, Any]) -> dict[str, Any]:
    first, last = dict(_mapping(start.get("learner"))), _mapping(end.get("learner"))
    booster = {**_mapping(first.get("gradient_booster")), **_mapping(last.get("gradient_booster"))}
    return {**start, **end, "learner": {**first, **last, "gradient_booster": booster}}


def _trees(gradient: Mapping[str, Any]) -> int | None:
    inner = _mapping(gradient.get("gbtree"))  # dart keeps its trees one level deeper
    for holder in (gradient, inner):
        count = _int(_mapping(_mapping(holder.get("model")).get("gbtree_model_param")).get("num_trees"))
        if count is not None:
            return count
    return None


def _version(value: Any) -> str | None:
    if isinstance(value, list) and 0 < len(value) <= 4 and all(isinstance(part, int) for part in value):
        return ".".join(map(str, value))
    return None


def _int(value: Any) -> int | None:
    """Numbers are written as texts."""
    text = str(value)
    return int(text) if len(text) < 20 and _NUMBER.fullmatch(text) else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Malformed("an XGBoost model is not an object")
    return value
