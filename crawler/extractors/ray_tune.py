"""A trial of Ray Tune or Ray Train: `result.json`, one object a report, each with the checkpoint that was saved with it.

Source: ray-project/ray python/ray/tune/result.py (names of what is filled in), tune/logger/json.py (`result.json`,
`params.json` and `params.pkl` of a trial), train/_internal/session.py (`checkpoint_dir_name`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from catalog.records import Extraction, Origin, Role, Subject
from crawler.extractor import Claim, Findings
from crawler.formats import json_lines, jsons
from crawler.formats.json_lines import LAST_LINES, METRIC_LINES
from crawler.formats.leaves import leaves, numbers
from crawler.reader import RangedReader

FILE = "result.json"
MAX_CHECKPOINTS = 500
MAX_SETTINGS = 500
_MARKS = (b'"training_iteration"', b'"iterations_since_restore"', b'"checkpoint_dir_name"')
_RLLIB = (b'"env_runners"', b'"episode_reward_mean"', b'"custom_metrics"')
"""With what long reports of RLlib begin."""


class RayTuneExtractor:
    """Reads the whole of a file of JSON lines."""

    name = "ray-tune"
    version = 1
    description = "result.json of a trial of Ray Tune, Ray Train or RLlib"
    reads = "of each report its numbers, for the checkpoint that was saved with it; the trial's settings"
    limits = (
        "JSON 16 MB, the last 500 checkpoints, 500 settings; lines that name no checkpoint are about none"
    )

    def claims(self, key: str, head: bytes) -> Claim | None:
        if key.rsplit("/", 1)[-1] != FILE or head.lstrip()[:1] != b"{":
            return None
        if not any(mark in head for mark in (*_MARKS, *_RLLIB)):
            return None
        return Claim(format=METRIC_LINES, role=Role.RUN, confidence=90)

    def extract(self, reader: RangedReader) -> Extraction:
        findings = Findings(reader, self, format=METRIC_LINES, role=Role.RUN, origin=Origin.RUN)
        lines = json_lines.read(reader)
        reports = lines.objects if lines is not None else ((1, jsons.read_object(reader)),)
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
