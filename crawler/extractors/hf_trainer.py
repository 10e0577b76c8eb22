"""Files of a Hugging Face Trainer run: trainer_state.json and the *_results.json beside it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from catalog.normalise.metrics import resolve_metric_name
from catalog.records import Evidence, Extraction, Origin, Role
from catalog.text.patterns import pattern
from crawler.candidates import Signs
from crawler.extractor import Claim, Findings
from crawler.formats import jsons
from crawler.formats.json_values import leftovers, mapping, number, pointer, positive, text
from crawler.reader import RangedReader

RESULTS = {
    "all_results.json": None,
    "eval_results.json": "eval",
    "train_results.json": "train",
    "predict_results.json": "predict",
    "test_results.json": "test",
}
_LINES = pattern(r"(?P<split>eval|test|train|predict)_results(?:[_-](?P<config>[\w.-]{1,64}))?\.txt")
"""What transformers wrote before 4.0, and many scripts write still: a line `name = value` each. Source: transformers 3.5
examples/text-classification/run_glue.py."""
_LINE = pattern(r"\s*(?P<name>[\w./@-]{1,200})\s*[=:]\s*(?P<value>[-+]?[\d.]\S{0,40})\s*")
MAX_LINES = 500
MAX_TEXT_BYTES = 256 * 1024
STATE = "trainer_state.json"
MAX_LOG_ENTRIES = 50_000
_CHECKPOINT = re.compile(r"(?:^|/)checkpoint-\d{1,15}/[^/]+$")
POSITION = frozenset({"epoch", "step", "total_flos", "learning_rate", "grad_norm", "num_input_tokens_seen"})
SPLITS = {"eval": "validation", "train": "train", "predict": "test", "test": "test"}
_PREFIX = re.compile(r"^(eval|train|predict|test)_(?:\w)")
_OF_DATASET = pattern(r"eval_(?P<dataset>.{1,100})_(?:runtime|samples_per_second)")
MAX_DATASETS = 100
_SAMPLES = re.compile(r"_samples$|_mem_|_num_tokens|_steps$")
_BEST_KEYS = frozenset({"best_metric", "best_model_checkpoint", "best_global_step"})


class HfTrainerExtractor:
    """Reads the whole file; of a log the last evaluation counts, or the best one where the run says which it was.

    Source: huggingface/transformers src/transformers/trainer_callback.py (`TrainerState`), trainer_pt_utils.py (`save_metrics`).
    """

    name = "hf-trainer"
    version = 5
    description = "trainer_state.json, *_results.json and *_results.txt of a Trainer run"
    reads = "epochs, steps, metrics with split and step, best metric, learning rate, speed"
    limits = "JSON 16 MB, 200,000 values, 50,000 log entries"
    signs = Signs(names=(STATE, *RESULTS), suffixes=(".txt",))

    def claims(self, key: str, head: bytes) -> Claim | None:
        name = key.rsplit("/", 1)[-1]
        if _LINES.fullmatch(name) and any(_LINE.fullmatch(line) for line in _lines(head)):
            return Claim(format="hf-trainer", role=Role.RUN, confidence=70)
        if (name != STATE and name not in RESULTS) or head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] not in {
            b"{",
            b"",
        }:
            return None
        return Claim(format="hf-trainer", role=Role.RUN, confidence=80)

    def extract(self, reader: RangedReader) -> Extraction:
        findings = Findings(reader, self, format=None, role=Role.RUN, origin=Origin.RUN)
        if match := _LINES.fullmatch(reader.name):
            _tell_lines(findings, reader, match)
            return findings.extraction()
        value = jsons.read_object(reader)
        if reader.name == STATE:
            checkpoint = _CHECKPOINT.search(reader.key) is not None
            _tell_state(findings, value, checkpoint=checkpoint)
        else:
            _tell_results(findings, value)
        return findings.extraction()


def _lines(data: bytes) -> list[str]:
    return data.decode("utf-8-sig", "replace").splitlines()[:MAX_LINES]


def _tell_lines(findings: Findings, reader: RangedReader, file: re.Match[str]) -> None:
    """What is known as a metric or called after an evaluation: under these names others keep what they like."""
    for row, line in enumerate(_lines(reader.take(0, min(reader.size_bytes, MAX_TEXT_BYTES))), 1):
        match = _LINE.fullmatch(line)
        if match is None or match["name"] in POSITION:
            continue
        own = _PREFIX.match(match["name"])
        if own is None and not resolve_metric_name(match["name"]):
            continue
        findings.metric(
            match["name"],
            match["value"],
            f"line:{row}",
            split=SPLITS[own[1] if own else file["split"]],
            config=file["config"],
            block="trainer",
        )


def _tell_results(findings: Findings, results: Mapping[str, Any]) -> None:
    epochs, datasets = number(results.get("epoch")), _datasets([results])
    findings.say("training.epochs", epochs, pointer("epoch"))
    for name, value in results.items():
        if name in POSITION:
            if name != "epoch":
                findings.say(f"extra.trainer.{name}", number(value), pointer(name))
        else:
            _tell_metric(findings, name, value, pointer(name), step=None, primary=False, datasets=datasets)


def _tell_state(findings: Findings, state: Mapping[str, Any], *, checkpoint: bool) -> None:
    """The run so far. A checkpoint's values are those of its own step; the run's best stands for the final directory."""
    findings.say("training.epochs", number(state.get("epoch")), pointer("epoch"))
    findings.say("training.steps", positive(state.get("global_step")), pointer("global_step"))
    findings.say("training.batch_size", positive(state.get("train_batch_size")), pointer("train_batch_size"))
    best = text(state.get("best_model_checkpoint"))
    findings.say("extra.trainer.best_metric", number(state.get("best_metric")), pointer("best_metric"))
    findings.say("extra.trainer.best_model_checkpoint", best, pointer("best_model_checkpoint"))
    log = state.get("log_history")
    if isinstance(log, list):
        own_step = positive(state.get("global_step")) if checkpoint else _best_step(state)
        _tell_log(findings, log, own_step=own_step, checkpoint=checkpoint)
    for name, value, place in leftovers(
        state, _BEST_KEYS | {"epoch", "global_step", "train_batch_size", "log_history"}
    ):
        if isinstance(value, (int, float, str)) and not isinstance(value, bool):
            findings.say(f"extra.trainer.{name}", value, place)


def _best_step(state: Mapping[str, Any]) -> int | None:
    """The step of the best checkpoint: said outright, or the number in the checkpoint's name."""
    step = positive(state.get("best_global_step"))
    if step is not None:
        return step
    match = re.search(r"checkpoint-(\d{1,15})/?$", text(state.get("best_model_checkpoint")) or "")
    return int(match[1]) if match else None


def _tell_log(findings: Findings, log: list[Any], *, own_step: int | None, checkpoint: bool) -> None:
    """The last value of every metric up to the step. What was evaluated at another step than a checkpoint's was another
    model; the loss of training is logged on the way.
    """
    if len(log) > MAX_LOG_ENTRIES:
        findings.problem(
            "limit-exceeded",
            f"{len(log)} log entries, the last {MAX_LOG_ENTRIES} are read",
            pointer("log_history"),
        )
    start = max(0, len(log) - MAX_LOG_ENTRIES)
    datasets = _datasets(log[start:])
    last: dict[str, tuple[int, Mapping[str, Any]]] = {}
    for index, entry in enumerate(log[start:], start):
        values = mapping(entry)
        for name, value in values.items():
            if name in POSITION or number(value) is None:
                continue
            kept = last.get(name)
            if kept is None or own_step is None or kept[1].get("step") != own_step:
                last[name] = (index, values)
    if "train_loss" in last:
        last.pop("loss", None)  # of a step; the other is the mean of the run, which the results say once more
    for name, (index, values) in last.items():
        step = positive(values.get("step"))
        if checkpoint and own_step is not None and step != own_step and _PREFIX.match(name):
            continue
        chosen = own_step is not None and step == own_step
        place = pointer("log_history", index, name)
        _tell_metric(findings, name, values[name], place, step=step, primary=chosen, datasets=datasets)
    _tell_first_learning_rate(findings, log)


def _tell_first_learning_rate(findings: Findings, log: list[Any]) -> None:
    """The highest rate of the schedule's log is near what was set, which the arguments beside it say exactly."""
    rates = [
        (rate, index)
        for index, entry in enumerate(log[:MAX_LOG_ENTRIES])
        if (rate := number(mapping(entry).get("learning_rate"))) is not None
    ]
    if rates:
        rate, index = max(rates, key=lambda item: (item[0], -item[1]))
        findings.say(
            "training.learning_rate",
            rate,
            pointer("log_history", index, "learning_rate"),
            evidence=Evidence.INFERRED,
        )


def _datasets(entries: Sequence[Any]) -> list[str]:
    """The data sets of an evaluation on several: `eval_mnli_loss` and `eval_mnli_runtime` are logged of each.

    Source: transformers trainer.py (`_evaluate`, `metric_key_prefix`).
    """
    names = {
        match["dataset"]
        for entry in entries
        for name in mapping(entry)
        if (match := _OF_DATASET.fullmatch(name)) and f"eval_{match['dataset']}_loss" in mapping(entry)
    }
    return sorted(names, key=len, reverse=True)[:MAX_DATASETS]


def _tell_metric(
    findings: Findings,
    name: str,
    value: Any,
    place: str,
    *,
    step: int | None,
    primary: bool,
    datasets: Sequence[str],
) -> None:
    if number(value) is None and not isinstance(value, str):
        return
    if _SAMPLES.search(name):
        findings.say(f"extra.trainer.{name}", value, place)
        return
    match = _PREFIX.match(name)
    split = SPLITS[match[1]] if match else ("train" if name == "loss" else None)
    if name == "train_runtime":
        findings.say("training.duration_seconds", number(value), place)
    dataset = next((item for item in datasets if name.startswith(f"eval_{item}_")), None)
    findings.metric(
        name if dataset is None else f"eval_{name.removeprefix(f'eval_{dataset}_')}",
        value,
        place,
        dataset=dataset,
        split=split,
        step=step,
        block="trainer",
        primary=True if primary else None,
    )
