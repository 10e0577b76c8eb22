"""Result files of lm-evaluation-harness and lighteval: one value per task and metric, its standard error as uncertainty."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from catalog.records import Evidence, Extraction, Origin, Role
from crawler.candidates import Signs
from crawler.extractor import Claim, Findings
from crawler.formats import jsons
from crawler.formats.json_values import leftovers, mapping, number, pointer, positive, text
from crawler.reader import RangedReader

MAX_RESULTS = 5_000
NOT_VALUES = frozenset({"alias", "samples", "name", "sample_len", "sample_count", "n_samples", "num_samples"})
"""What newer versions write among a task's values: its name, and how many samples there were."""
_NAME = re.compile(r"(?:^|/)(?:results|eval_results|lm_eval)[^/]*\.json$", re.IGNORECASE)
_ARGUMENT = re.compile(r"(?:^|,)\s*(pretrained|model|path|revision|dtype)\s*=\s*([^,]{1,500})")
_RESULTS = re.compile(rb'"results"\s*:\s*\{')
_MARKS = (
    b'"lm_eval_version"',
    b'"model_args"',
    b'"acc,none"',
    b'"acc_stderr',
    b'"n-shot"',
    b'"versions"',
    b'"alias"',
    b'"lighteval_sha"',
)
_LIGHTEVAL_TASK = re.compile(r"(?:[^|]*\|)?(?P<task>[^|]+)\|(?P<shots>\d{1,4})(?:\|\d)?")
"""`suite|task|shots`, with one more number in versions before 0.11, and without the suite in later ones."""
_LIGHTEVAL_MEANS = re.compile(r"all|(?:.*:)?_average\|\d{1,4}")
_KEPT = frozenset(
    {
        "lm_eval_version",
        "transformers_version",
        "git_hash",
        "model_name",
        "model_source",
        "total_evaluation_time_seconds",
    }
)


class LmEvalExtractor:
    """Reads the whole file. Values are fractions as the harness writes them.

    Source: EleutherAI/lm-evaluation-harness lm_eval/loggers/evaluation_tracker.py, lm_eval/evaluator.py;
    huggingface/lighteval src/lighteval/logging/evaluation_tracker.py.
    """

    name = "lm-eval"
    version = 4
    description = "results_*.json of lm-evaluation-harness and lighteval"
    reads = "tasks, metrics with filter and standard error, shots, model, date"
    limits = "JSON 16 MB, 5,000 values"
    signs = Signs(suffixes=(".json",))

    def claims(self, key: str, head: bytes) -> Claim | None:
        if not _NAME.search(key) or not _RESULTS.search(head) or not any(mark in head for mark in _MARKS):
            return None
        return Claim(format="lm-eval", role=Role.RUN, confidence=85)

    def extract(self, reader: RangedReader) -> Extraction:
        findings = Findings(reader, self, format=None, role=Role.RUN, origin=Origin.RUN)
        value = jsons.read_object(reader)
        if "config_general" in value:
            _tell_lighteval(findings, value)
            return findings.extraction()
        shots = mapping(value.get("n-shot"))
        context = {
            "block": "lm-eval",
            "source": "lm-evaluation-harness",
            "evaluated_at": _date(value.get("date")),
        }
        count = 0
        for part in ("results", "groups"):
            for task, result in mapping(value.get(part)).items():
                if part == "groups" and task in mapping(value.get("results")):
                    continue
                count = _tell_task(
                    findings,
                    (part, task),
                    mapping(result),
                    {**context, "shots": number(shots.get(task))},
                    count,
                )
        _tell_model(findings, value)
        return findings.extraction()


def _tell_lighteval(findings: Findings, value: Mapping[str, Any]) -> None:
    """The tasks by their own names. What is the mean of several tasks is a value of none."""
    general = mapping(value.get("config_general"))
    count = 0
    for task, result in mapping(value.get("results")).items():
        if _LIGHTEVAL_MEANS.fullmatch(task.split("|", 1)[-1] if task.count("|") > 1 else task):
            continue
        match = _LIGHTEVAL_TASK.fullmatch(task)
        context = {
            "block": "lighteval",
            "source": "lighteval",
            "shots": int(match["shots"]) if match else None,
            "dataset": match["task"] if match else task,
        }
        count = _tell_task(findings, ("results", task), mapping(result), context, count)
    named = text(general.get("model_name"))
    findings.say("extra.lighteval.model", named, pointer("config_general", "model_name"))


def _tell_task(
    findings: Findings,
    path: tuple[str, str],
    result: Mapping[str, Any],
    context: Mapping[str, Any],
    count: int,
) -> int:
    for name, raw in result.items():
        metric, _, chosen = name.partition(",")
        if metric in NOT_VALUES or "_stderr" in metric or number(raw) is None:
            continue
        if count == MAX_RESULTS:
            findings.problem("limit-exceeded", f"more than {MAX_RESULTS} values; the rest is left out")
        count += 1
        if count > MAX_RESULTS:
            return count
        error = result.get(f"{metric}_stderr,{chosen}" if chosen else f"{metric}_stderr")
        own = {
            "dataset": context.get("dataset", path[1]),
            "uncertainty": number(error),
            "config": chosen if chosen not in {"", "none"} else None,
        }
        findings.metric(metric[:200], raw, pointer(*path, name), **{**context, **own})
    return count


def _tell_model(findings: Findings, value: Mapping[str, Any]) -> None:
    config = mapping(value.get("config"))
    arguments = dict(_ARGUMENT.findall(text(config.get("model_args")) or ""))
    named = (
        text(value.get("model_name"))
        or arguments.get("pretrained")
        or arguments.get("model")
        or arguments.get("path")
    )
    findings.say("extra.lm_eval.model", named, pointer("config", "model_args"))
    declared = positive(config.get("model_num_parameters"))
    findings.say(
        "parameters", declared, pointer("config", "model_num_parameters"), evidence=Evidence.DECLARED
    )
    findings.say(
        "precision",
        text(config.get("model_dtype")),
        pointer("config", "model_dtype"),
        evidence=Evidence.DECLARED,
    )
    for name, item, place in leftovers({key: item for key, item in value.items() if key in _KEPT}):
        findings.say(f"extra.lm_eval.{name}", item, place)


def _date(value: Any) -> str | None:
    """Seconds since 1970, as the harness writes them, as an instant."""
    seconds = number(value)
    if seconds is None or not 0 < seconds < 2**40:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat() if seconds < 253_402_300_799 else None
