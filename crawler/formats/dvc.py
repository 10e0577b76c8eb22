"""Names that DVC's files share: outputs, join keys and the models among them.

Source: treeverse/dvc, dvc/schema.py and dvc/lock.py; https://dvc.org/doc/user-guide/project-structure.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from catalog.lazy_dataclasses import dataclass
from catalog.records import Subject
from crawler.extractor import Findings
from crawler.formats import git
from crawler.formats.json_values import listed

MD5 = re.compile(r"[0-9a-f]{32}(?:\.dir)?")
REMOTE_OBJECT = re.compile(r"(?:^|/)(?:files/md5/)?([0-9a-f]{2})/([0-9a-f]{30}(?:\.dir)?)$")
MODEL_DIRECTORIES = frozenset({"model", "models", "checkpoint", "checkpoints"})
MODEL_SUFFIXES = [
    ".bin",
    ".pt",
    ".pth",
    ".ckpt",
    ".safetensors",
    ".onnx",
    ".pkl",
    ".pickle",
    ".joblib",
    ".h5",
    ".hdf5",
    ".keras",
    ".tflite",
    ".gguf",
    ".pb",
    ".model",
    ".cbm",
    ".ubj",
    ".skops",
    ".npz",
    ".msgpack",
    ".mlmodel",
    ".pdparams",
    ".nemo",
    ".engine",
    ".ot",
]


def resolved(key: str, path: str) -> str | None:
    """The key of `path` as a DVC file at `key` names it; None if it would leave the source's root."""
    if path.startswith("/") or "\0" in path or "://" in path:
        return None
    joined = posixpath.normpath(posixpath.join(posixpath.dirname(key), path))
    return None if joined == ".." or joined.startswith("../") else joined


REPORTS = (".json", ".yaml", ".yml")
"""Suffixes of the metrics and parameters files that are read here."""
MAX_REPORTS = 32
"""Of one model. Pipelines have one to five; plots are none of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One stage of a pipeline: paths as its file writes them."""

    name: str
    outs: Sequence[Mapping[str, Any]]
    deps: Sequence[str]
    metrics: Sequence[str]
    content: Mapping[str, Any]

    @property
    def models(self) -> list[str]:
        return [path for out in self.outs if (path := path_of(out)) and is_model(out)]


def path_of(entry: Mapping[str, Any]) -> str | None:
    path = entry.get("path")
    return path if isinstance(path, str) else None


def is_model(out: Mapping[str, Any]) -> bool:
    """Whether its author or its name says that an output is a model."""
    return out.get("type") == "model" or looks_like_a_model(str(out.get("path") or ""))


def entries(value: Any) -> Iterator[dict[str, Any]]:
    """What dvc.yaml and dvc.lock list: `path`, `{path: {options}}` or `{path: …, md5: …}`, all as the last."""
    for entry in value if isinstance(value, list) else ():
        if isinstance(entry, str):
            yield {"path": entry}
        elif isinstance(entry, dict) and isinstance(entry.get("path"), str):
            yield entry
        elif isinstance(entry, dict):
            for path, options in entry.items():
                yield {**(options if isinstance(options, dict) else {}), "path": path}


def stage_of(name: str, content: Mapping[str, Any]) -> Stage:
    """The stage `name` of dvc.yaml or dvc.lock; the latter lists metrics among the outputs."""
    outs = list(entries(content.get("outs")))
    metrics = [path for entry in entries(content.get("metrics")) if (path := path_of(entry))]
    reports = [
        path for out in outs if (path := path_of(out)) and path.endswith(REPORTS) and not is_model(out)
    ]
    deps = [path for entry in entries(content.get("deps")) if (path := path_of(entry))]
    return Stage(
        name=name, outs=outs, deps=deps, metrics=list(dict.fromkeys((*metrics, *reports))), content=content
    )


def measured_elsewhere(stages: Iterable[Stage]) -> Mapping[str, Sequence[str]]:
    """The metrics files of the stages that only measure a path, by that path: at most MAX_REPORTS of each."""
    reports: dict[str, dict[str, None]] = {}
    for stage in stages:
        if stage.models:
            continue
        for path in dict.fromkeys(stage.deps):
            known = reports.setdefault(path, {})
            known.update(dict.fromkeys(stage.metrics[: MAX_REPORTS - len(known)]))
    return {path: tuple(known) for path, known in reports.items()}


def reports_of(stage: Stage, path: str, elsewhere: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """The metrics files that are about the model `path`: its own stage's, and those of stages that only measure it.

    Bounds: MAX_REPORTS. A stage of as many models as reports would say each of each.
    """
    return tuple(dict.fromkeys((*stage.metrics[:MAX_REPORTS], *elsewhere.get(path, ()))))[:MAX_REPORTS]


def repository(directory: str) -> str:
    """The id of the repository whose `.dvc` is in this directory."""
    return f"dvc-repository:{directory}"


def repositories(key: str) -> tuple[str, ...]:
    """Ids of the repositories that the file at `key` may belong to: one for every directory above it."""
    return tuple(repository(each.removeprefix("git:")) for each in git.repositories(key))


def named_files(key: str, paths: Iterable[str]) -> tuple[str, ...]:
    """Ids of files, as a DVC file at `key` names them: what they say is said of whoever has them in `part_of`."""
    return tuple(f"path:{target}" for path in paths if (target := resolved(key, path)) is not None)


def output_subject(
    key: str, path: str, md5: str | None, *, is_model: bool, part_of: tuple[str, ...] = ()
) -> Subject | None:
    """The output `path`, bound to the model at that path or with that content; a model that is not here stands alone."""
    target = resolved(key, path)
    if target is None:
        return None
    content = [f"md5:{md5}"] if md5 is not None and MD5.fullmatch(md5) else []
    keys = (f"path:{target}", f"dir:{target}", *content)
    name = target.rsplit("/", 1)[-1]
    return Subject(id=f"dvc:{target}", join_keys=keys, name=name, standalone=is_model, part_of=part_of)


def looks_like_a_model(path: str) -> bool:
    """A file whose suffix models have, a directory named as one, or one in such a directory."""
    above, _, name = path.rstrip("/").lower().rpartition("/")
    if name.endswith(tuple(MODEL_SUFFIXES)) or name in MODEL_DIRECTORIES:
        return True
    return "." not in name and not MODEL_DIRECTORIES.isdisjoint(above.split("/"))


def say_output(findings: Findings, out: Mapping[str, Any], place: str, *, subject: str) -> None:
    """Hash and size that DVC recorded for an output, and what its authors wrote beside it."""
    findings.say("extra.dvc_md5", out.get("md5"), f"{place}/md5", subject=subject)
    findings.say("extra.dvc_size_bytes", out.get("size"), f"{place}/size", subject=subject)
    findings.say("extra.dvc_files", out.get("nfiles"), f"{place}/nfiles", subject=subject)
    findings.say("extra.dvc_remote", out.get("remote"), f"{place}/remote", subject=subject)
    findings.say("description", out.get("desc"), f"{place}/desc", subject=subject)
    if out.get("type") == "model":
        findings.say("extra.dvc_type", "model", f"{place}/type", subject=subject)
    for number, label in enumerate(listed(out.get("labels"))):
        if isinstance(label, str):
            findings.say("tags", label, f"{place}/labels/{number}", subject=subject)
