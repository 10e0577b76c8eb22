"""AutoGluon predictors: a directory of one predictor with all models of its ensemble.

Source: autogluon/autogluon tabular/src/autogluon/tabular/predictor/predictor.py (`save`: learner.pkl, predictor.pkl,
version.txt, metadata.json, models/; `leaderboard`, whose scores are all the better the higher they are, so that errors
are negative), multimodal/src/autogluon/multimodal/learners/base.py (`assets.json`).
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping

from catalog.errors import LimitExceeded, Malformed
from catalog.records import Evidence, Extraction, Origin, Role
from crawler.candidates import Signs
from crawler.extractor import Claim, Findings
from crawler.formats import jsons
from crawler.formats.json_values import mapping, pointer, text
from crawler.promises import Container, Promise
from crawler.reader import RangedReader
from mappings import metrics

METADATA = "metadata.json"
LEADERBOARD = "leaderboard.csv"
MAX_PACKAGES = 500
MAX_TABLE_BYTES = 1024 * 1024
MAX_ROWS = 10_000
_COLUMNS = frozenset({b"model", b"score_val"})
_SCORES = {"score_test": "test", "score_val": "validation"}
_MARKS = (b'"py_version"', b'"py_version_micro"', b'"packages"')


class AutogluonExtractor:
    """Reads the whole of a file; what the predictor's own pickles say is read where they lie."""

    name = "autogluon"
    version = 2
    description = "AutoGluon predictors (learner.pkl beside predictor.pkl, metadata.json, leaderboard.csv)"
    reads = "version, versions of Python and of the packages; scores of the best model of the leaderboard; all models of the ensemble are files of the predictor"
    limits = "JSON 16 MB, 500 packages, leaderboards 1 MB"
    promises = Promise(
        containers=(
            Container(files=("learner.pkl", "predictor.pkl"), main="predictor.pkl"),
            Container(files=("assets.json", "df_preprocessor.pkl"), main="model.ckpt"),
        ),
        opened=(r"leaderboard\.csv",),
    )
    signs = Signs(names=(METADATA, LEADERBOARD))

    def claims(self, key: str, head: bytes) -> Claim | None:
        name = key.rsplit("/", 1)[-1]
        if name == LEADERBOARD and set(head.partition(b"\n")[0].strip().split(b",")) >= _COLUMNS:
            return Claim(format="autogluon", role=Role.RUN, confidence=80)
        if name != METADATA or any(mark not in head for mark in _MARKS):
            return None
        return Claim(format="autogluon", role=Role.CONFIG, confidence=80)

    def extract(self, reader: RangedReader) -> Extraction:
        if reader.name == LEADERBOARD:
            findings = Findings(reader, self, format=None, role=Role.RUN, origin=Origin.RUN)
            _tell_best(findings, _rows(reader))
            return findings.extraction()
        findings = Findings(reader, self, format=None, role=Role.CONFIG, origin=Origin.CONFIG)
        metadata = jsons.read_object(reader)
        findings.say("framework", "autogluon", "json:", evidence=Evidence.INFERRED)
        findings.say("framework_version", text(metadata.get("version")), pointer("version"))
        for package, version in list(mapping(metadata.get("packages")).items())[:MAX_PACKAGES]:
            if (number := text(version)) is not None:
                findings.say("dependencies", f"{package}=={number}", pointer("packages", package))
        findings.say(
            "extra.autogluon.python", text(metadata.get("py_version_micro")), pointer("py_version_micro")
        )
        return findings.extraction()


def _rows(reader: RangedReader) -> Iterator[tuple[int, Mapping[str, str]]]:
    """The lines of the table by their numbers; pandas puts a column without a name before them."""
    if reader.size_bytes > MAX_TABLE_BYTES:
        raise LimitExceeded("bytes of a leaderboard", limit=MAX_TABLE_BYTES, found=reader.size_bytes)
    lines = csv.reader(reader.take(0, reader.size_bytes).decode("utf-8-sig", "replace").splitlines())
    try:
        header = next(lines, [])
        for number, cells in enumerate(lines, 2):
            if number > MAX_ROWS:
                raise LimitExceeded("rows of a leaderboard", limit=MAX_ROWS, found=number)
            yield number, dict(zip(header, cells, strict=False))
    except csv.Error as error:
        raise Malformed(f"no leaderboard: {error}") from error


def _tell_best(findings: Findings, rows: Iterator[tuple[int, Mapping[str, str]]]) -> None:
    """Scores of the model that predicts unless another one is asked for: the best of the validation."""
    line, best = max(
        rows,
        key=lambda row: (-math.inf if (score := _score(row[1].get("score_val"))) is None else score, -row[0]),
        default=(0, {}),
    )
    if _score(best.get("score_val")) is None:
        return
    findings.say("extra.autogluon.best_model", best.get("model") or None, f"line:{line}/model")
    name = (best.get("eval_metric") or "").strip()
    known = metrics.find(name.lower())
    for column, split in _SCORES.items():
        score, place = _score(best.get(column)), f"line:{line}/{column}"
        if score is None:
            continue
        if not name:  # before AutoGluon 1.0
            findings.say(f"extra.autogluon.{column}", score, place)
            continue
        is_error = known is not None and known.direction == "down"
        findings.metric(name, 0.0 - score if is_error else score, place, split=split)


def _score(cell: str | None) -> float | None:
    try:
        score = float(cell or "")
    except ValueError:
        return None
    return score if math.isfinite(score) else None
