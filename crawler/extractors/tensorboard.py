"""Event files of TensorBoard: the scalars that a run logged last, and its hyper-parameters.

Source: tensorflow/tensorboard tensorboard/compat/proto (event.proto, summary.proto, tensor.proto),
tensorboard/plugins/hparams/plugin_data.proto; Lightning loggers/tensorboard.py (`hp_metric`); keras-team/keras
callbacks/tensorboard.py (`train`, `validation`).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from catalog.errors import ExtractError, LimitExceeded, Malformed
from catalog.lazy_dataclasses import dataclass, field
from catalog.normalise.metrics import normal_split
from catalog.normalise.values.units import float32_shortest
from catalog.records import Extraction, FileStatus, Origin, Role, Subject
from crawler.extractor import Claim, Findings
from crawler.formats import tfrecords
from crawler.formats.epoch_rows import NO_METRICS, Epoch, of_lightning, tell_epochs
from crawler.formats.json_lines import LAST_LINES, METRIC_LINES
from crawler.formats.protobuf import BYTES, FIXED32, Field, ProtobufWalker, as_float, signed
from crawler.promises import Promise
from crawler.reader import RangedReader

MAX_BYTES = 4 * 1024 * 1024
BEGINNING_BYTES = 1024 * 1024
MAX_RECORDS = 400_000
MAX_TAGS = 500
MAX_STEPS = 500
MAX_VALUES = 5_000
MAX_SETTINGS = 500
MAX_TAG_BYTES = 200
MAX_SETTINGS_BYTES = 1024 * 1024
_FIRST = b"brain.Event:"
_TIME = b"\x09"
"""With what every event begins: the tag of its wall time."""
_SETTINGS = "_hparams_/session_start_info"
_PLACEHOLDER = "hp_metric"
_DOUBLE, _FLOAT = 2, 1
_DIRECTORIES = frozenset({"train", "training", "val", "valid", "validation", "eval", "test"})
"""In which writers keep what they measured on one split."""


@dataclass(slots=True)
class _Scalar:
    step: int
    time: float
    value: float


@dataclass(slots=True)
class _Log:
    """What the events said: by tag the newest value, by step all values of the newest steps, and the settings."""

    last: dict[str, _Scalar] = field(default_factory=dict)
    steps: dict[int, dict[str, float]] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    records: int = 0
    is_full: bool = False

    def note(self, tag: str, scalar: _Scalar) -> None:
        if tag not in self.last and len(self.last) >= MAX_TAGS:
            self.is_full = True
            return
        if tag not in self.last or scalar.step >= self.last[tag].step or scalar.time > self.last[tag].time:
            self.last[tag] = scalar
        # a run that goes on from a checkpoint writes steps again: what it wrote last is what counts
        self.steps.setdefault(scalar.step, {})[tag] = scalar.value
        if len(self.steps) > MAX_STEPS:
            del self.steps[next(iter(self.steps))]


class TensorboardExtractor:
    """Reads the whole of a small file; of a large one its beginning and its end, where the last values are."""

    name = "tensorboard"
    version = 1
    description = "Event files of TensorBoard (events.out.tfevents.*)"
    reads = "the last value of every scalar with its step and time, the values of each step for the checkpoint written at it; hyper-parameters"
    limits = "the first 1 MB and the last 3 MB, 400,000 records, 500 tags, the last 500 steps, 500 hyper-parameters; pictures, histograms and graphs are stepped over"
    promises = Promise(opened=(r"events\.out\.tfevents\..+",))

    def claims(self, key: str, head: bytes) -> Claim | None:
        if "tfevents" not in key.rpartition("/")[2] or _FIRST not in head[:64]:
            return None
        return Claim(format=METRIC_LINES, role=Role.RUN, confidence=100)

    def extract(self, reader: RangedReader) -> Extraction:
        findings = Findings(reader, self, format=METRIC_LINES, role=Role.RUN, origin=Origin.RUN)
        if _FIRST not in reader.head(64):
            raise Malformed("no event file: its first record does not say `brain.Event`")
        log = _Log()
        try:
            for data, begin in _parts(reader, findings):
                _read(reader, data, begin, log)
        except ExtractError as error:
            findings.failed(error)
        _tell(findings, log, reader.key)
        return findings.extraction()


def _parts(reader: RangedReader, findings: Findings) -> Iterator[tuple[bytes, int]]:
    """The bytes that are read, each with the place of its first record."""
    size = reader.size_bytes
    if size <= MAX_BYTES:
        yield reader.take(0, size), 0
        return
    findings.problem(
        "limit-exceeded",
        f"of {size:,} bytes the first {BEGINNING_BYTES:,} and the last {MAX_BYTES - BEGINNING_BYTES:,} are read; "
        "what was logged between them alone is left out",
    )
    findings.status = FileStatus.PARTIAL
    yield reader.take(0, BEGINNING_BYTES), 0
    end = reader.take(size - MAX_BYTES + BEGINNING_BYTES, size)
    if (begin := tfrecords.first_record(end, _TIME)) is None:
        raise Malformed("no record begins at the end of the file")
    yield end, begin


def _read(reader: RangedReader, data: bytes, begin: int, log: _Log) -> None:
    walker = ProtobufWalker.over(data)
    for start, end in tfrecords.records(data, begin=begin):
        log.records += 1
        if log.records > MAX_RECORDS:
            raise LimitExceeded("records of an event file", limit=MAX_RECORDS)
        if log.records % 4096 == 0:
            reader.check_time()
        _note_event(walker, start, end, log)


def _note_event(walker: ProtobufWalker, start: int, end: int, log: _Log) -> None:
    time, step, summary = 0.0, 0, None
    for part in walker.fields(start, end):
        if part.number == 1:
            time = as_float(part)
        elif part.number == 2:
            step = signed(part.value)
        elif part.number == 5 and part.wire == BYTES:
            summary = part
    if summary is None:
        return
    for part in walker.fields(summary.start, summary.end):
        if part.number == 1 and part.wire == BYTES:
            _note_value(walker, part, step, time, log)


def _note_value(walker: ProtobufWalker, value: Field, step: int, time: float, log: _Log) -> None:
    tag, number, tensor, metadata = "", None, None, None
    for part in walker.fields(value.start, value.end):
        if part.number == 1 and part.wire == BYTES:
            tag = walker.text_of(part, limit=MAX_TAG_BYTES)
        elif part.number == 2 and part.wire == FIXED32:
            number = float32_shortest(as_float(part))
        elif part.number == 8 and part.wire == BYTES:
            tensor = part
        elif part.number == 9 and part.wire == BYTES:
            metadata = part
    if tag == _SETTINGS and metadata is not None:
        _note_settings(walker, metadata, log)
        return
    if number is None and tensor is not None:
        number = _scalar_of(walker, tensor)
    if number is not None and math.isfinite(number) and _is_metric(tag, number):
        log.note(tag, _Scalar(step, time, number))


def _is_metric(tag: str, number: float) -> bool:
    """Not so are positions and rates, and what Lightning logs where nobody names a metric of its settings."""
    if tag == "epoch":
        return True  # it says which checkpoint the step is
    name = tag.rpartition("/")[2].lower()
    return bool(tag) and not name.startswith(NO_METRICS) and not (tag == _PLACEHOLDER and number == -1)


def _scalar_of(walker: ProtobufWalker, tensor: Field) -> float | None:
    """The one number of a tensor; None for one of any shape, and for other types."""
    kind, content = 0, None
    for part in walker.fields(tensor.start, tensor.end):
        if part.number == 1:
            kind = part.value
        elif part.number == 2 and part.end > part.start:
            if any(dimension.number == 2 for dimension in walker.fields(part.start, part.end)):
                return None
        elif part.number in {4, 5, 6}:
            content = part
    form = {_FLOAT: "<f", _DOUBLE: "<d"}.get(kind)
    if form is None or content is None:
        return None
    if content.wire != BYTES:
        number = as_float(content)
    elif content.end - content.start == struct.calcsize(form):
        number = struct.unpack(form, walker.bytes_of(content))[0]
    else:
        return None
    return float32_shortest(number) if kind == _FLOAT else number


def _note_settings(walker: ProtobufWalker, metadata: Field, log: _Log) -> None:
    """SummaryMetadata.plugin_data.content.session_start_info.hparams: names and values, each an entry of a map."""
    places = [metadata]
    for number in (1, 2, 3, 1):
        places = [
            part
            for place in places
            for part in walker.fields(place.start, place.end)
            if part.number == number and part.wire == BYTES
        ]
    for entry in places[:MAX_SETTINGS]:
        parts = {part.number: part for part in walker.fields(entry.start, entry.end) if part.wire == BYTES}
        if 1 in parts and 2 in parts:
            log.settings[walker.text_of(parts[1], limit=MAX_TAG_BYTES)] = _setting(walker, parts[2])


def _setting(walker: ProtobufWalker, value: Field) -> str | float | bool | None:
    for part in walker.fields(value.start, value.end):
        if part.number == 2:
            number = as_float(part)
            return int(number) if number.is_integer() and abs(number) < 2**53 else number
        if part.number == 3 and part.wire == BYTES:
            return walker.text_of(part)
        if part.number == 4:
            return bool(part.value)
    return None


def _tell(findings: Findings, log: _Log, key: str) -> None:
    end = Subject(id=LAST_LINES, join_keys=())
    findings.tells_of(end)
    directory = key.rpartition("/")[0].rpartition("/")[2].lower()
    split = normal_split(directory) if directory in _DIRECTORIES else None
    for tag, scalar in log.last.items():
        if tag == "epoch":
            continue
        findings.metric(
            tag,
            scalar.value,
            f"event:{scalar.step}/{tag}",
            subject=end.id,
            step=scalar.step,
            evaluated_at=_date(scalar.time),
            split=split,
            block=findings.file_name,
        )
    for name, setting in log.settings.items():
        findings.say(f"hyperparameters.{name}", setting, f"event:{_SETTINGS}/{name}", subject=end.id)
    if log.is_full:
        findings.problem("limit-exceeded", f"more than {MAX_TAGS} tags; the rest is left out")
    _tell_checkpoints(findings, log, key, split)


def _tell_checkpoints(findings: Findings, log: _Log, key: str, split: str | None) -> None:
    """What was logged at each step, for the checkpoint that was written at it, by its step or by Lightning's names."""
    epochs: dict[float, Epoch] = {}
    values = 0
    for step, scalars in reversed(log.steps.items()):
        metrics = {tag: value for tag, value in scalars.items() if tag != "epoch"}
        values += len(metrics)
        if values > MAX_VALUES:
            break
        if (number := scalars.get("epoch")) is not None and number.is_integer():
            epoch = epochs.setdefault(number, Epoch(number, step, step))
            epoch.values = metrics | epoch.values
        subject = Subject(id=f"{key}@step={step}", join_keys=())
        findings.tells_of(subject)
        for tag, value in metrics.items():
            place = f"event:{step}/{tag}"
            findings.metric(
                tag, value, place, subject=subject.id, step=step, split=split, block=findings.file_name
            )
    rows = of_lightning(list(reversed(epochs.values())))
    tell_epochs(findings, rows, key.rpartition("/")[0], "checkpoints/", place="event")


def _date(time: float) -> str | None:
    try:
        return datetime.fromtimestamp(time, UTC).isoformat(timespec="seconds") if time > 0 else None
    except (ValueError, OverflowError, OSError):
        return None
