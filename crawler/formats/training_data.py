"""Which data sets the settings of a training name.

Source: ultralytics/ultralytics cfg/default.yaml (`data`); ultralytics/yolov5 train.py (`opt.yaml`); hiyouga/LLaMA-Factory src/llamafactory/hparams/data_args.py (`dataset`);
axolotl-ai-cloud/axolotl src/axolotl/utils/schemas/datasets.py (`datasets`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from crawler.formats.json_values import listed, text

MAX_DATASETS = 100
_OF_ULTRALYTICS = frozenset({"task", "mode", "imgsz", "data"})
_OF_YOLOV5 = frozenset({"weights", "cfg", "imgsz", "data"})
_OF_LLAMA_FACTORY = frozenset({"dataset", "stage", "finetuning_type"})
_OF_AXOLOTL = frozenset({"datasets", "base_model"})
_UNNAMED = frozenset({"data", "dataset", "datasets", "train", "content", "input", ""})
"""What files and directories with data are called that say nothing of it."""
_FILE = re.compile(r"\.(?:ya?ml|jsonl?|csv|parquet|arrow|txt)$", re.IGNORECASE)


def datasets_of(settings: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The name of each data set with the path to it, where the settings are those of a trainer that is known."""
    names = settings.keys()
    if names >= _OF_ULTRALYTICS or names >= _OF_YOLOV5:
        yield from _single(text(settings["data"]), ("data",))
    elif names >= _OF_LLAMA_FACTORY:
        for name in (text(settings["dataset"]) or "").split(",")[:MAX_DATASETS]:
            yield from _single(name.strip(), ("dataset",))
    elif names >= _OF_AXOLOTL:
        for number, dataset in enumerate(listed(settings["datasets"])[:MAX_DATASETS]):
            path = text(dataset.get("path")) if isinstance(dataset, Mapping) else None
            yield from _single(path, ("datasets", str(number), "path"))


def _single(written: str | None, path: tuple[str, ...]) -> Iterator[tuple[str, tuple[str, ...]]]:
    if written is not None and (name := name_of(written)) is not None:
        yield name, path


def name_of(written: str) -> str | None:
    """`coco128` of `coco128.yaml`, `Hard-Hat-3` of `/content/Hard-Hat-3/data.yaml`, and of `org/name` all of it; None where the
    file of the data, and the directory that it lies in, have names that say nothing.
    """
    parts = written.replace("\\", "/").rstrip("/").split("/")
    if len(parts) == 2 and all(parts) and parts[0][:1] not in {".", "~"} and not _FILE.search(parts[1]):
        return written
    named = (_FILE.sub("", part) for part in reversed(parts[-2:]))
    return next((name for name in named if name.lower() not in _UNNAMED and name.strip(".~")), None)
