"""Metrics and parameters that a training script leaves beside its model: metrics.json, scores.yaml, params.yaml.

Source: the conventions of treeverse/dvc (metrics and params files) and dvclive.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from catalog.layouts.companions import COMPANION
from catalog.normalise.metrics import resolve_metric_name
from catalog.records import Extraction, Origin, Role, Subject
from catalog.text.patterns import pattern
from crawler.candidates import Signs
from crawler.extractor import Claim, Findings
from crawler.formats import classification_report, json_lines, jsons, yamls
from crawler.formats.json_lines import LAST_LINES, METRIC_LINES
from crawler.formats.leaves import leaves, numbers
from crawler.formats.metric_shapes import named_rows, reported_metrics
from crawler.formats.training_data import datasets_of
from crawler.promises import Promise
from crawler.reader import RangedReader

MAX_VALUES = 5_000
MAX_POSITIONS = 500
MAX_LEVELS = 2
_OF_LOGS = pattern(r"(?i:vis_data|logs?|metrics|scalars|tensorboard|tb|\d{8}[-_]\d{4,6})")
_METRICS = pattern(
    r"(?:[a-z0-9]+[_-])?(?:metrics|scores|evaluation|eval_metrics|test_metrics)\.(?:json|ya?ml)"
)
_METRICS_OF_A_FILE = pattern(
    r".+[_.-](?:metrics|scores|evaluation|eval_metrics|test_metrics)\.(?:json|ya?ml)"
)
"""Of the model file whose whole name stands in front."""
_RESULTS = pattern(r"(?:[a-z0-9]+[_-])?(?:results|classification_report)\.json|.+_eval_results\.json")
"""Names under which people keep anything, so that only metrics that are known by name are taken from them."""
_REPORT = pattern(r"(?:[a-z0-9]+[_-])?classification_report\.txt")
"""What scikit-learn prints."""
MAX_REPORT_BYTES = 1024 * 1024
_METRICS_DIRECTORY = pattern(r"(?:^|/)(?:(?:metrics|evaluation)/[^/]+\.(?:json|ya?ml)|\d+/metrics/metrics)$")
"""With what orbax keeps of a step. Source: google/orbax checkpoint/_src/handlers/json_checkpoint_handler.py."""
_LINES = pattern(
    r"(?:metrics|scores|scalars|results?|evaluation|eval|history|log)[^/]*\.json$"
    r"|^(?:[a-z0-9]+[_-])?(?:metrics|scalars|history|log_history|train(?:ing)?_log)\.(?:jsonl|ndjson)$|^log\.txt$"
)
"""What holds one object a line is no other file of this name. Under `.jsonl` most files are data sets and predictions."""
_PARAMETERS = pattern(
    r"(?:(?:best_)?(?:(?:hyper)?param(?:eter)?s|hparams)|(?:training_)?args|train(?:ing)?_config|axolotl_config|opt|hyp)\.(?:json|ya?ml)"
)
"""With what Ultralytics (`args.yaml`, before `opt.yaml` and `hyp.yaml`), LLaMA-Factory (`training_args.yaml`) and Axolotl
write of a training."""
_POSITIONS = ("iteration", "iter", "step", "global_step", "epoch")
_CHECKPOINTS = {
    "epoch": (
        "epoch_{}.pth",
        "epoch{}.pth",
        "checkpoint_{}.pth",
        "checkpoint{:04}.pth",
        "checkpoint-{}.pth",
        "model_epoch_{}.pth",
    ),
    "iteration": ("model_{:07}.pth", "iter_{}.pth"),
    "iter": ("iter_{}.pth", "model_{:07}.pth"),
}
"""Names of checkpoints by what a line says of its position. Source: facebookresearch/fvcore checkpoint.py
(`PeriodicCheckpointer`); facebookresearch/detr main.py and mae main_pretrain.py (`log.txt`);
open-mmlab/mmengine hooks/checkpoint_hook.py and hooks/logger_hook.py (`after_val_epoch`)."""
_CONTEXTUAL = {"dataset": "dataset", "split": "split", "model": "source", "task": "task"}


class MetricsFileExtractor:
    """Reads the whole of a small JSON or YAML file; nested names are joined by '/'.

    One object a line is what detectron2 (`JSONWriter`) and mmengine (`vis_data/scalars.json`, older `*.log.json`) write.
    """

    name = "metrics-file"
    version = 12
    description = "metrics.json, scores.yaml, params.yaml, NAME_metrics.json, `metrics/*.json` and their like; results.json and classification_report.json, and the table of scikit-learn as classification_report.txt; results and logs of one object a line, metrics.jsonl, log.txt"
    reads = "every number as a metric (of JSON lines the last one; of results.json what is known as one), or every value as a hyper-parameter; data set and split where said"
    limits = "JSON 16 MB, YAML 2 MB, 5,000 values"

    promises = Promise(
        opened=(
            r"(?i:(?:[a-z0-9]+[_-])?(?:metrics|scalars|history|log_history|train(?:ing)?_log)\.(?:jsonl|ndjson))",
        )
    )
    signs = Signs(names=("metrics",), suffixes=(".json", ".yaml", ".yml", ".jsonl", ".ndjson", ".txt"))

    def claims(self, key: str, head: bytes) -> Claim | None:
        name = key.rsplit("/", 1)[-1].lower()
        if _LINES.search(name) and json_lines.begin(head):
            return Claim(format="metrics", role=Role.RUN, confidence=85)
        if _REPORT.fullmatch(name):
            is_report = classification_report.begins(head)
            return Claim(format="metrics", role=Role.RUN, confidence=60) if is_report else None
        if _METRICS.fullmatch(name):
            return Claim(format="metrics", role=Role.RUN, confidence=60)
        if _PARAMETERS.fullmatch(name) and name != "params.json":
            return Claim(format="parameters", role=Role.RUN, confidence=60)
        if _RESULTS.fullmatch(name) and head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{":
            return Claim(format="metrics", role=Role.RUN, confidence=40)
        if _METRICS_DIRECTORY.search(key) and (head[:1] == b"{" or name.endswith((".yaml", ".yml"))):
            return Claim(format="metrics", role=Role.RUN, confidence=45)
        if _METRICS_OF_A_FILE.fullmatch(name):
            return Claim(format=COMPANION, role=Role.RUN, confidence=38)
        return None

    def extract(self, reader: RangedReader) -> Extraction:
        findings = Findings(reader, self, format=None, role=Role.RUN, origin=Origin.RUN)
        if _REPORT.fullmatch(reader.name.lower()):
            table = reader.take(0, min(reader.size_bytes, MAX_REPORT_BYTES)).decode("utf-8-sig", "replace")
            report, digits = classification_report.read(table), classification_report.digits_of(table)
            _tell_metrics(findings, report, "text", only_known=True, digits=digits)
            return findings.extraction()
        kind = (
            "json"
            if reader.name.lower().endswith((".json", ".jsonl", ".ndjson", ".txt", "metrics"))
            else "yaml"
        )
        if kind == "json" and (lines := json_lines.read(reader)) is not None:
            findings.format = METRIC_LINES
            _tell_lines(findings, lines, block=reader.name)
            _tell_positions(findings, lines, reader.key)
            return findings.extraction()
        if _is_companion(reader.key):
            findings.format = COMPANION
        value = jsons.read(reader) if kind == "json" else yamls.json_value(yamls.read(reader))
        if (rows := _rows(value)) is not None:
            findings.format = METRIC_LINES
            _tell_lines(findings, rows, block=reader.name, place="row")
            _tell_positions(findings, rows, reader.key, place="row")
            return findings.extraction()
        if _PARAMETERS.fullmatch(reader.name.lower()):
            _tell_parameters(findings, value, kind)
        else:
            _tell_metrics(
                findings, value, kind, only_known=_RESULTS.fullmatch(reader.name.lower()) is not None
            )
        return findings.extraction()


def _is_companion(key: str) -> bool:
    """Whether only the whole name of a model file in front says whose metrics these are."""
    name = key.rpartition("/")[2].lower()
    known = any(names.fullmatch(name) for names in (_METRICS, _PARAMETERS, _RESULTS))
    return not known and not _METRICS_DIRECTORY.search(key) and _METRICS_OF_A_FILE.fullmatch(name) is not None


def _tell_parameters(findings: Findings, value: Any, kind: str) -> None:
    for number, (names, leaf) in enumerate(leaves(value)):
        if number >= MAX_VALUES:
            findings.problem("limit-exceeded", f"more than {MAX_VALUES} values; the rest is left out")
            break
        findings.say(f"hyperparameters.{'.'.join(names)}", leaf, _pointer(kind, names))
    for name, place in datasets_of(value) if isinstance(value, Mapping) else ():
        findings.say("datasets", name, _pointer(kind, place))


def _tell_metrics(
    findings: Findings, value: Any, kind: str, *, only_known: bool, digits: int | None = None
) -> None:
    """`digits` is to how many behind the point all values are rounded, where that is known."""
    context: dict[str, Any] = _context(value) | ({} if digits is None else {"digits": digits})
    for number, metric in enumerate(reported_metrics(value)):
        if number >= MAX_VALUES:
            findings.problem("limit-exceeded", f"more than {MAX_VALUES} values; the rest is left out")
            break
        if isinstance(metric.value, (bool, list)) and (only_known or isinstance(metric.value, bool)):
            continue
        if metric.place[-1].lower() in _CONTEXTUAL or (only_known and not resolve_metric_name(metric.name)):
            continue
        own: dict[str, Any] = {
            "split": metric.split,
            "dataset": metric.dataset,
            "config": metric.config,
            "step": metric.step,
            "block": findings.file_name,
        }
        findings.metric(
            metric.name,
            metric.value,
            _pointer(kind, metric.place),
            **context | {name: item for name, item in own.items() if item is not None and item != ""},
        )


def _pointer(kind: str, names: tuple[str, ...]) -> str:
    return f"{kind}:/" + "/".join(name.replace("~", "~0").replace("/", "~1") for name in names)


def _rows(value: Any) -> json_lines.JsonLines | None:
    """A list of objects is a history, as lines of a log are; None for any other value."""
    if (
        not isinstance(value, list)
        or not value
        or not all(isinstance(row, jsons.JsonObject) for row in value)
        or named_rows(value)
    ):
        return None
    rows = list(enumerate(value, 1))[-MAX_POSITIONS:]
    return json_lines.JsonLines(objects=tuple(rows), broken=0)


def _tell_lines(findings: Findings, lines: json_lines.JsonLines, *, block: str, place: str = "line") -> None:
    """The last value of every name, with its iteration or epoch as the step, and how many lines were no JSON."""
    last: dict[str, tuple[int, Any]] = {}
    for number, line in lines.objects:
        last |= {name: (number, leaf) for name, leaf in numbers(line).items()}
    objects = dict(lines.objects)
    end = Subject(id=LAST_LINES, join_keys=())
    findings.tells_of(end)
    for name, (number, leaf) in list(last.items())[:MAX_VALUES]:
        step = next((objects[number][key] for key in _POSITIONS if key in objects[number]), None)
        findings.metric(
            name,
            leaf,
            f"{place}:{number}/{name}",
            subject=end.id,
            block=block,
            step=step,
            **_context(objects[number]),
        )
    if len(last) > MAX_VALUES:
        findings.problem("limit-exceeded", f"more than {MAX_VALUES} values; the rest is left out")
    if lines.broken:
        findings.problem(
            "line-unreadable", f"{lines.broken} of {lines.broken + len(lines.objects)} lines are not JSON"
        )


def _tell_positions(
    findings: Findings, lines: json_lines.JsonLines, key: str, *, place: str = "line"
) -> None:
    """What was logged at each epoch or iteration, for the checkpoint that was written at it: a log of several
    checkpoints says of each of them what is its own.
    """
    positions: dict[tuple[str, int], dict[str, tuple[int, Any]]] = {}
    evaluated_by_epoch = any({"epoch", "iter", "step"} <= line.keys() for _, line in lines.objects)
    for number, line in lines.objects:
        kind = next((kind for kind in _CHECKPOINTS if _whole(line.get(kind)) is not None), None)
        position = _whole(line.get(kind or "step"))
        if kind is None and evaluated_by_epoch:
            # mmengine counts epochs where it evaluates and iterations where it trains, and calls both a step
            kind = "epoch"
        if kind is None or position is None:
            continue
        values = positions.setdefault((kind, position), {})
        values |= {name: (number, leaf) for name, leaf in numbers(line).items()}
    folder = key.rpartition("/")[0]
    for (kind, position), values in list(positions.items())[-MAX_POSITIONS:]:
        checkpoints = [name.format(position) for name in _CHECKPOINTS[kind]]
        if kind == "epoch":
            checkpoints += [f"best_{name.replace('/', '_')}_epoch_{position}.pth" for name in values]
        subject = Subject(
            id=f"{key}@{kind}={position}",
            join_keys=tuple(f"path:{above}{name}" for above in _places(folder) for name in checkpoints),
        )
        findings.tells_of(subject)
        for name, (number, leaf) in values.items():
            findings.metric(
                name,
                leaf,
                f"{place}:{number}/{name}",
                subject=subject.id,
                step=position,
                block=findings.file_name,
            )


def _places(folder: str) -> list[str]:
    """Where the checkpoints of a log may be: beside it, or above the directories that a run keeps logs in, up to two
    (`20240101_100000/vis_data`). Above any other directory are the checkpoints of other runs.
    """
    parts = folder.split("/") if folder else []
    places = ["".join(f"{part}/" for part in parts)]
    for _ in range(MAX_LEVELS):
        if not parts or not _OF_LOGS.fullmatch(parts[-1]):
            break
        parts.pop()
        places.append("".join(f"{part}/" for part in parts))
    return places


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _context(value: Any) -> dict[str, str]:
    """What the file says all its numbers are about."""
    if not isinstance(value, Mapping):
        return {}
    context = {_CONTEXTUAL[name.lower()]: item for name, item in value.items() if name.lower() in _CONTEXTUAL}
    return {name: item for name, item in context.items() if isinstance(item, str)}
