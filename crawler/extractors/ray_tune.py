"""A trial of Ray Tune or Ray Train: `result.json`, one object a report, each with the checkpoint that was saved with it;
`progress.csv`, the same as a table.

Source: ray-project/ray python/ray/tune/result.py (names of what is filled in), tune/logger/json.py (`result.json`,
`params.json` and `params.pkl` of a trial), tune/logger/csv.py (`progress.csv`), train/_internal/session.py
(`checkpoint_dir_name`).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from catalog.errors import LimitExceeded, Malformed
from catalog.records import Extraction, Origin, Role, Subject
from crawler.candidates import Signs
from crawler.extractor import HEAD_BYTES, Claim, Findings
from crawler.formats import json_lines, jsons
from crawler.formats.json_lines import LAST_LINES, METRIC_LINES
from crawler.formats.leaves import leaves, numbers
from crawler.promises import Promise
from crawler.reader import RangedReader

FILE = "result.json"
TABLE = "progress.csv"
MAX_TABLE_BYTES = 16 * 1024 * 1024
MAX_COLUMNS = 2_000
MAX_ROWS = 100_000
MAX_CHECKPOINTS = 500
MAX_SETTINGS = 500
_MARKS = (b'"training_iteration"', b'"iterations_since_restore"', b'"checkpoint_dir_name"')
_SETTINGS = "config/"
"""In front of the columns of a trial's settings."""
_RLLIB = (b'"env_runners"', b'"episode_reward_mean"', b'"custom_metrics"')
"""With what long reports of RLlib begin."""


class RayTuneExtractor:
    """Reads the whole of a file of JSON lines, or of a table."""

    name = "ray-tune"
    version = 2
    description = "result.json and progress.csv of a trial of Ray Tune, Ray Train or RLlib"
    reads = "of each report its numbers, for the checkpoint that was saved with it; the trial's settings"
    limits = (
        "JSON and tables 16 MB, 2,000 columns, the last 500 checkpoints, 500 settings; reports that name no checkpoint are "
        "about none"
    )
    promises = Promise(opened=(r"progress\.csv",))
    signs = Signs(names=(FILE, TABLE))

    def claims(self, key: str, head: bytes) -> Claim | None:
        """By what Ray fills in. A report of which the first bytes hold numbers alone may be one of its, too."""
        name = key.rsplit("/", 1)[-1]
        if name == TABLE and _is_table(head.partition(b"\n")[0]):
            return Claim(format=METRIC_LINES, role=Role.RUN, confidence=90)
        if name != FILE or head.lstrip()[:1] != b"{":
            return None
        if any(mark in head for mark in (*_MARKS, *_RLLIB)):
            return Claim(format=METRIC_LINES, role=Role.RUN, confidence=90)
        is_open = len(head) >= HEAD_BYTES and b"\n" not in head.strip()
        return Claim(format=METRIC_LINES, role=Role.RUN, confidence=20) if is_open else None

    def extract(self, reader: RangedReader) -> Extraction:
        findings = Findings(reader, self, format=METRIC_LINES, role=Role.RUN, origin=Origin.RUN)
        lines = None
        if reader.name == TABLE:
            reports = tuple(_rows(reader))
        else:
            lines = json_lines.read(reader)
            reports = lines.objects if lines is not None else ((1, jsons.read_object(reader)),)
        if not any(_is_report(report) for _, report in reports):
            findings.format, findings.role = None, Role.AUXILIARY
            return findings.extraction()
        folder = reader.key.rpartition("/")[0]
        named = _last_of_each(reports)
        trial = Subject(id=f"ray-trial:{folder}" if named else LAST_LINES, join_keys=())
        configs = [report.get("config") for _, report in (named or reports[-1:])]
        is_constant = all(config == configs[0] for config in configs)
        if configs and is_constant:
            _tell_settings(findings, configs[0], trial.id)
        if len(named) > MAX_CHECKPOINTS:
            findings.problem(
                "limit-exceeded", f"more than {MAX_CHECKPOINTS} checkpoints; the first ones are left out"
            )
        for number, report in named[-MAX_CHECKPOINTS:]:
            place = f"dir:{folder}/{_checkpoint(report)}" if folder else f"dir:{_checkpoint(report)}"
            subject = Subject(id=f"{reader.key}@{number}", join_keys=(place,), part_of=(trial.id,))
            findings.tells_of(subject)
            _tell_report(findings, number, report, subject.id)
            if not is_constant:  # a schedule of populations changes them on the way
                _tell_settings(findings, report.get("config"), subject.id)
        findings.tells_of(trial)
        if reports and not named:
            _tell_report(findings, *reports[-1], trial.id)
        if lines is not None and lines.broken:
            total = lines.broken + len(lines.objects)
            findings.problem("line-unreadable", f"{lines.broken} of {total} lines are not JSON")
        return findings.extraction()


def _is_table(header: bytes) -> bool:
    """Whether the columns are those of reports."""
    columns = header.strip().split(b",")
    return any(mark.strip(b'"') in columns for mark in _MARKS)


def _is_report(report: Mapping[str, Any]) -> bool:
    return any(mark.strip(b'"').decode() in report for mark in (*_MARKS, *_RLLIB))


def _rows(reader: RangedReader) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """The rows of a table as reports: its columns are the names of values joined by `/`."""
    if reader.size_bytes > MAX_TABLE_BYTES:
        raise LimitExceeded("bytes of a table of reports", limit=MAX_TABLE_BYTES, found=reader.size_bytes)
    rows = csv.reader(io.StringIO(reader.take(0, reader.size_bytes).decode("utf-8-sig", "replace")))
    try:
        header = next(rows, [])[:MAX_COLUMNS]
        for number, row in zip(range(2, MAX_ROWS), rows, strict=False):
            cells = {name: _value(cell) for name, cell in zip(header, row, strict=False) if cell}
            settings = {name: cells.pop(name) for name in list(cells) if name.startswith(_SETTINGS)}
            config = {name.removeprefix(_SETTINGS).replace("/", "."): cell for name, cell in settings.items()}
            yield number, {**cells, "config": config} if config else cells
    except csv.Error as error:
        raise Malformed(f"no table of reports: {error}") from error


def _value(cell: str) -> int | float | str:
    try:
        return int(cell) if cell.isdecimal() else float(cell)
    except ValueError:
        return cell


def _last_of_each(
    reports: Sequence[tuple[int, Mapping[str, Any]]],
) -> list[tuple[int, Mapping[str, Any]]]:
    """The last report of each checkpoint: a trial that was restored writes some of them again."""
    last: dict[str, tuple[int, Mapping[str, Any]]] = {}
    for number, report in reports:
        if (name := _checkpoint(report)) is not None:
            last.pop(name, None)
            last[name] = number, report
    return list(last.values())


def _checkpoint(report: Mapping[str, Any]) -> str | None:
    """The directory beside the file that the report calls its checkpoint."""
    name = report.get("checkpoint_dir_name")
    return name if isinstance(name, str) and name not in {"", ".", ".."} and "/" not in name else None


def _tell_report(findings: Findings, number: int, report: Mapping[str, Any], subject: str) -> None:
    measured = {name: value for name, value in report.items() if name != "config"}
    for name, value in numbers(measured).items():
        findings.metric(
            name,
            value,
            f"line:{number}/{name}",
            subject=subject,
            step=report.get("training_iteration"),
            block=findings.file_name,
        )


def _tell_settings(findings: Findings, config: Any, subject: str) -> None:
    for count, (names, value) in enumerate(leaves(config)):
        if count >= MAX_SETTINGS:
            findings.problem("limit-exceeded", f"more than {MAX_SETTINGS} settings; the rest is left out")
            return
        findings.say(
            f"hyperparameters.{'.'.join(names)}", value, f"config:{'/'.join(names)}", subject=subject
        )
