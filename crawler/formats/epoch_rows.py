"""What a trainer measured epoch by epoch, for the checkpoints whose names say which epoch they are.

Source: Lightning `callbacks/model_checkpoint.py` (`_format_checkpoint_name`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from catalog.lazy_dataclasses import dataclass, field
from catalog.records import Subject
from crawler.extractor import Findings

NO_METRICS = ("lr", "learning_rate")
"""With what names begin that say no measure."""
_DIGITS = (2, 3, 4)
"""How many decimals people let Lightning write into names of checkpoints."""


@dataclass(slots=True)
class Epoch:
    """The last value of every column in one epoch, with the number of its line."""

    number: float
    line: int
    step: float | None = None
    values: dict[str, float] = field(default_factory=dict)


def of_lightning(epochs: Sequence[Epoch]) -> Iterator[tuple[Epoch, list[str]]]:
    """Names of an epoch and its step, and of an epoch and one of its metrics; `last.ckpt` is the last row."""
    for epoch in epochs:
        stems = [f"epoch={epoch.number:.0f}", f"epoch={epoch.number:02.0f}"]
        ends = [""]
        if epoch.step is not None:  # the step that is logged begins with 0, the one in a name with 1
            ends += [f"-step={epoch.step:.0f}", f"-step={epoch.step + 1:.0f}"]
        ends += [f"-{name}={value:.{digits}f}" for name, value in epoch.values.items() for digits in _DIGITS]
        files = [f"{stem}{end}.ckpt" for stem in dict.fromkeys(stems) for end in ends]
        yield epoch, files + (["last.ckpt"] if epoch is epochs[-1] else [])


def tell_epochs(
    findings: Findings,
    rows: Iterable[tuple[Epoch, list[str]]],
    folder: str,
    below: str,
    *,
    place: str = "line",
) -> None:
    """What was measured in each epoch, for the checkpoints of these names beside the file or in a directory below."""
    for epoch, files in rows:
        if keys := [key_of(folder, f"{below}{file}") for file in files]:
            _tell(findings, epoch, keys, place)


def key_of(folder: str, file: str) -> str:
    """The join key of a file beside or below a table; of an epoch that a file's name says where it is `epoch:N`."""
    kind, colon, number = file.rpartition(":")
    if colon:
        return f"{kind}:{folder}:{number}"
    return f"path:{folder}/{file}" if folder else f"path:{file}"


def _tell(findings: Findings, epoch: Epoch, keys: Sequence[str], kind: str) -> None:
    subject = Subject(id=f"{keys[0]}@{epoch.line}", join_keys=tuple(keys))
    findings.tells_of(subject)
    place = f"{kind}:{epoch.line}"
    for name, value in epoch.values.items():
        findings.metric(
            name, value, f"{place}/{name}", subject=subject.id, step=epoch.step, block=findings.file_name
        )
