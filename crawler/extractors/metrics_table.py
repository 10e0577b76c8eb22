"""Tables of a training run, one row an epoch: `results.csv` of Ultralytics, `metrics.csv` of Lightning's CSVLogger,
`summary.csv` of timm, `training.log` of Keras' CSVLogger, `history.json` as scripts keep what its `fit` returns, and `loss.tsv`
of Flair.

Each row is about the checkpoint that was written at it, and about no other one: rows are bound to checkpoints by the names
that these trainers give them.

Source: ultralytics/ultralytics engine/trainer.py (`save_metrics`, `save_model`) and utils/metrics.py (`fitness`, as in ultralytics/yolov5); Lightning
`fabric/loggers/csv_logs.py` and `callbacks/model_checkpoint.py` (`_format_checkpoint_name`); huggingface/pytorch-image-models
timm/utils/summary.py and timm/utils/checkpoint_saver.py; keras-team/keras keras/src/callbacks (`CSVLogger`, which counts from 0,
`ModelCheckpoint`, which counts from 1); flairNLP/flair flair/trainers/plugins/loggers/loss_file.py.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from catalog.errors import LimitExceeded, Malformed
from catalog.records import Extraction, Origin, Role, Subject
from crawler.candidates import Signs
from crawler.extractor import Claim, Findings
from crawler.formats import jsons
from crawler.formats.epoch_rows import NO_METRICS, Epoch, of_lightning, tell_epochs
from crawler.promises import Promise
from crawler.reader import RangedReader

MAX_FILE_BYTES = 16 * 1024 * 1024
MAX_COLUMNS = 500
MAX_EPOCHS_TOLD = 2_000
_HISTORIES = frozenset({"history.json", "training_history.json", "train_history.json"})
"""What scripts call the dictionary that `fit` returns, written as JSON."""
_BEGINS_AS_HISTORY = re.compile(rb'\s*\{\s*"[^"]{1,100}"\s*:\s*\[\s*[-+\d.]')
_POSITIONS = frozenset(
    {"epoch", "step", "steps", "time", "created_at", "global_step", "timestamp", "bad_epochs"}
)


class MetricsTableExtractor:
    """Reads the whole of a small table."""

    name = "metrics-table"
    version = 6
    description = "results.csv of Ultralytics, metrics.csv of Lightning, summary.csv of timm, training.log of Keras, loss.tsv of Flair; history.json of Keras"
    reads = "the metrics of each epoch, for the checkpoint that was written at it"
    limits = "16 MB, 500 columns, the last 2,000 epochs; tables without a column `epoch` say nothing"
    promises = Promise(
        opened=(
            r"(?:results|metrics|summary|training|training_log|history|log|.+_evaluation_.+_results)\.csv",
            r"training\.log|loss\.tsv",
        )
    )
    signs = Signs(suffixes=(".csv", ".tsv", ".log"), names=tuple(sorted(_HISTORIES)))

    def claims(self, key: str, head: bytes) -> Claim | None:
        name = key.rsplit("/", 1)[-1]
        if name in _HISTORIES:
            is_history = _BEGINS_AS_HISTORY.match(head) is not None
            return Claim(format="metrics-table", role=Role.RUN, confidence=90) if is_history else None
        if _EVALUATOR.fullmatch(name) and head.startswith(b"epoch,steps,"):
            return Claim(format="metrics-table", role=Role.RUN, confidence=80)
        if name not in _BINDINGS:
            return None
        first = head.partition(b"\n")[0]
        columns = [column.strip().lower() for column in first.split(_delimiter(first).encode())]
        if b"epoch" not in columns or len(columns) < 2:
            return None
        return Claim(format="metrics-table", role=Role.RUN, confidence=80)

    def extract(self, reader: RangedReader) -> Extraction:
        if reader.size_bytes > MAX_FILE_BYTES:
            raise LimitExceeded("bytes of a table of metrics", limit=MAX_FILE_BYTES, found=reader.size_bytes)
        findings = Findings(reader, self, format=None, role=Role.RUN, origin=Origin.RUN)
        if reader.name in _HISTORIES:
            epochs = list(_epochs_of_history(jsons.read_object(reader)))
            tell_epochs(findings, _of_keras(epochs), reader.key.rpartition("/")[0], "", place="epoch")
            return findings.extraction()
        try:
            epochs = list(_epochs(reader.take(0, reader.size_bytes).decode("utf-8-sig", "replace")))
        except csv.Error as error:
            raise Malformed(f"no table of metrics: {error}") from error
        folder = reader.key.rpartition("/")[0]
        if match := _EVALUATOR.fullmatch(reader.name):
            _tell_evaluator(findings, epochs, folder, match["dataset"])
            return findings.extraction()
        names_of, below = _BINDINGS[reader.name]
        tell_epochs(findings, names_of(epochs), folder, below)
        return findings.extraction()


def _delimiter(line: bytes) -> str:
    return "\t" if b"\t" in line else ","


def _epochs(text: str) -> Iterator[Epoch]:
    """The epochs in the order of the table. Lightning writes training and validation of one epoch as two rows."""
    lines = text.splitlines()
    rows = csv.reader(lines, delimiter=_delimiter("".join(lines[:1]).encode()))
    header = [name.strip() for name in next(rows, [])[:MAX_COLUMNS]]
    if "epoch" not in header:  # Flair writes its columns in capitals
        header = [name.lower() for name in header]
    epochs: dict[float, Epoch] = {}
    for line, row in enumerate(rows, 2):
        cells = {
            name: value
            for name, cell in zip(header, row, strict=False)
            if (value := _number(cell)) is not None
        }
        if (number := cells.get("epoch")) is None:
            continue
        epoch = epochs.setdefault(number, Epoch(number, line))
        epoch.line = line
        epoch.step = cells.get("step", epoch.step)
        epoch.values |= {
            name: value
            for name, value in cells.items()
            if name not in _POSITIONS and not name.startswith(NO_METRICS)
        }
    yield from list(epochs.values())[-MAX_EPOCHS_TOLD:]


def _epochs_of_history(history: Mapping[str, Any]) -> Iterator[Epoch]:
    """The epochs of lists of one length, one list a measure; any other value is no history."""
    series = {
        name: values
        for name, values in list(history.items())[:MAX_COLUMNS]
        if isinstance(values, list) and not name.startswith(NO_METRICS)
    }
    lengths = {len(values) for values in series.values()}
    if len(lengths) != 1:
        return
    length = lengths.pop()
    for number in range(max(0, length - MAX_EPOCHS_TOLD), length):
        values = {
            name: float(value) for name, listed in series.items() if _is_measure(value := listed[number])
        }
        yield Epoch(number, number + 1, values=values)


def _is_measure(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _number(cell: str) -> float | None:
    try:
        number = float(cell)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _of_ultralytics(epochs: Sequence[Epoch]) -> Iterator[tuple[Epoch, list[str]]]:
    """`last.pt` is the last row, `best.pt` the one of the best fitness. `epoch12.pt` is the thirteenth epoch: names count
    from 0, and tables from 1, but for those of YOLOv5.
    """
    if not epochs:
        return
    first = min(epoch.number for epoch in epochs)
    best = max(epochs, key=lambda epoch: (_fitness(epoch.values), -epoch.line))
    for epoch in epochs:
        files = [f"epoch{epoch.number - min(first, 1):.0f}.pt"]
        files += ["last.pt"] if epoch is epochs[-1] else []
        files += ["best.pt"] if epoch is best and _fitness(epoch.values) > -math.inf else []
        yield epoch, files


def _fitness(values: Mapping[str, float]) -> float:
    """What Ultralytics calls the best: mAP of detectors, accuracy of classifiers."""
    for head in ("B", "M", "P"):
        if (strict := values.get(f"metrics/mAP50-95({head})")) is not None:
            return 0.9 * strict + 0.1 * values.get(f"metrics/mAP50({head})", 0.0)
    if (strict := values.get("metrics/mAP_0.5:0.95")) is not None:  # YOLOv5
        return 0.9 * strict + 0.1 * values.get("metrics/mAP_0.5", 0.0)
    top1, top5 = values.get("metrics/accuracy_top1"), values.get("metrics/accuracy_top5")
    return -math.inf if top1 is None else (top1 + (top5 or top1)) / 2


def _of_timm(epochs: Sequence[Epoch]) -> Iterator[tuple[Epoch, list[str]]]:
    """`checkpoint-12.pth.tar` is its own row, `last.pth.tar` the last, `model_best.pth.tar` the one of the best top-1."""
    best = max(epochs, key=lambda epoch: epoch.values.get("eval_top1", -math.inf), default=None)
    for epoch in epochs:
        files = [f"checkpoint-{epoch.number:.0f}.pth.tar"]
        files += ["last.pth.tar"] if epoch is epochs[-1] else []
        files += ["model_best.pth.tar"] if epoch is best and "eval_top1" in epoch.values else []
        yield epoch, files


def _of_keras(epochs: Sequence[Epoch]) -> Iterator[tuple[Epoch, list[str]]]:
    """Checkpoints whose names say the epoch; `best` where all validated values agree which one it was; `last` and `final`."""
    best = _agreed_best(epochs)
    for epoch in epochs:
        files = [f"epoch:{epoch.number + 1:.0f}"]
        if epoch is epochs[-1]:
            files += [f"{stem}{suffix}" for stem in _LAST_OF_KERAS for suffix in _KERAS_SUFFIXES]
        if epoch is best:
            files += [f"{stem}{suffix}" for stem in _BEST_OF_KERAS for suffix in _KERAS_SUFFIXES]
        yield epoch, files


_KERAS_SUFFIXES = (".keras", ".h5", ".hdf5", ".weights.h5")
_LAST_OF_KERAS = ("last", "last_model", "final", "final_model", "model_final")
_BEST_OF_KERAS = ("best", "best_model", "model_best", "best_weights")


def _agreed_best(epochs: Sequence[Epoch]) -> Epoch | None:
    """The epoch with the smallest validation loss, if the validated accuracies, where there are any, were best there, too."""
    with_loss = [epoch for epoch in epochs if "val_loss" in epoch.values]
    if not with_loss:
        return None
    best = min(with_loss, key=lambda epoch: epoch.values["val_loss"])
    for name in ("val_accuracy", "val_acc"):
        if any(epoch.values.get(name, -math.inf) > best.values.get(name, math.inf) for epoch in epochs):
            return None
    return best


def _of_flair(epochs: Sequence[Epoch]) -> Iterator[tuple[Epoch, list[str]]]:
    """`final-model.pt` is the last row, `best-model.pt` the one of the best F1 on the validation set."""
    best = max(epochs, key=lambda epoch: epoch.values.get("dev_f1", -math.inf), default=None)
    for epoch in epochs:
        files = ["final-model.pt"] if epoch is epochs[-1] else []
        files += ["best-model.pt"] if epoch is best and "dev_f1" in epoch.values else []
        yield epoch, files


_BINDINGS: Mapping[str, tuple[Callable[[Sequence[Epoch]], Iterator[tuple[Epoch, list[str]]]], str]] = {
    "results.csv": (_of_ultralytics, "weights/"),
    "metrics.csv": (of_lightning, "checkpoints/"),
    "summary.csv": (_of_timm, ""),
    "training.log": (_of_keras, ""),
    "training.csv": (_of_keras, ""),
    "training_log.csv": (_of_keras, ""),
    "history.csv": (_of_keras, ""),
    "log.csv": (_of_keras, ""),
    "loss.tsv": (_of_flair, ""),
}
"""By a table's name, which checkpoints have which row, and in which directory they are."""


_EVALUATOR = re.compile(r"[\w-]+?_evaluation_(?P<dataset>[^/]{1,200})_results\.csv")
"""What evaluators of sentence-transformers write. Source: UKPLab/sentence-transformers sentence_transformers/evaluation."""
AFTER_TRAINING = -1.0
"""The epoch of a row that was measured on the whole model."""


def _tell_evaluator(findings: Findings, epochs: Sequence[Epoch], folder: str, dataset: str) -> None:
    """The last row that was measured after training; which of the others the saved model had nobody knows."""
    for epoch in epochs:
        if epoch.number != AFTER_TRAINING:
            continue
        subject = Subject(id=f"dir:{folder}@{epoch.line}", join_keys=(f"dir:{folder}",))
        findings.tells_of(subject)
        for name, value in epoch.values.items():
            findings.metric(
                name,
                value,
                f"line:{epoch.line}/{name}",
                subject=subject.id,
                dataset=dataset,
                block=findings.file_name,
            )
